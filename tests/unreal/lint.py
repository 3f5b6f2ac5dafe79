"""What neither a C++ compiler nor these stand-ins see, and Unreal's header tool, Blueprints or the garbage collector would.

    lint.py PLUGIN_FOLDER SINEW_H
"""

import json
import os
import re
import sys

import header_tool

# What a Blueprint can hold. Signed 64 bits are the widest number it has.
ATOMS = {"void", "bool", "uint8", "int32", "int64", "float", "double", "FString", "FName", "FText"}
# windows.h makes macros of these, so a declaration and its caller may end up with different names.
WINDOWS_MACROS = {"SendMessage", "PostMessage", "GetMessage", "PeekMessage", "GetObject", "GetClassName", "CreateProcess", "GetCurrentTime",
                  "LoadLibrary", "ReportEvent", "Yield", "min", "max", "GetUserName", "CreateEvent", "SetPort", "UpdateResource"}
EXPOSED = re.compile(r"\b(BlueprintCallable|BlueprintPure|BlueprintAssignable|BlueprintReadOnly|BlueprintReadWrite|BlueprintNativeEvent|EditAnywhere)\b")
COUNTS = {"": 0, "OneParam": 1, "TwoParams": 2, "ThreeParams": 3, "FourParams": 4, "FiveParams": 5}
COPYRIGHT = "// Copyright (c) 2026 Sinew contributors. MIT OR Apache-2.0."


class Lint:
    def __init__(self):
        self.broken = []
        self.types = {}  # name -> Type, of all headers
        self.delegates = set()  # dynamic ones

    def say(self, path, line, sentence):
        self.broken.append(f"{path}:{line}: {sentence}")

    def blueprint_type(self, text):
        """Whether a Blueprint can hold it, as a value, a const reference or an out parameter."""
        text = re.sub(r"^(?:class|struct|enum)\s+", "", re.sub(r"^const\s+", "", text.strip())).rstrip("&").strip()
        if text in ATOMS:
            return True
        container = re.match(r"(TArray|TSet|TMap)<(.*)>$", text)
        if container:
            inner = header_tool.split_top(container.group(2))
            return len(inner) == (2 if container.group(1) == "TMap" else 1) and all(self.blueprint_type(part) and "TArray" not in part for part in inner)
        if text.endswith("*"):
            name = text[:-1].strip()
            return name == "UObject" or (name in self.types and self.types[name].kind == "class")
        found = self.types.get(text)
        if found is None or found.kind == "class":
            return False
        return bool(re.search(r"\bBlueprintType\b", found.specifiers))

    def property_type(self, text):
        """What a UPROPERTY can be: more than a Blueprint holds, and objects only by TObjectPtr."""
        pointer = re.match(r"TObjectPtr<(\w+)>$", text)
        if pointer:
            return pointer.group(1) in self.types and self.types[pointer.group(1)].kind == "class"
        container = re.match(r"(TArray|TMap)<(.*)>$", text)
        if container:
            return all(self.property_type(part) for part in header_tool.split_top(container.group(2)))
        return text in self.delegates or (not text.endswith("*") and self.blueprint_type(text))

    def read(self, path, text=None):
        """First round: what there is."""
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        code, types, delegates = header_tool.parse(path)
        for found in types:
            self.types[found.name] = found
        self.delegates |= {arguments[0] for _, macro, arguments in delegates if "DYNAMIC" in macro}
        return path, code, types, delegates

    def header(self, path, code, types, delegates):
        """Second round, when all types are known."""
        name = os.path.basename(path)[:-2]
        includes = re.findall(r'^#include "([^"]+)"', code, re.M)
        if types or any("DYNAMIC" in macro for _, macro, _ in delegates):
            if not includes or includes[-1] != f"{name}.generated.h":
                self.say(path, 1, f"the last include must be {name}.generated.h")
        self.nesting(path, code)
        for line, macro, arguments in delegates:
            self.delegate(path, line, macro, arguments)
        for found in types:
            self.type(path, code, found)

    def nesting(self, path, code):
        """The header tool knows no preprocessor and no namespaces."""
        conditions = 0
        for number, line in enumerate(code.split("\n"), 1):
            if re.match(r"\s*#\s*if", line) and "WITH_EDITORONLY_DATA" not in line:
                conditions += 1
            elif re.match(r"\s*#\s*endif", line):
                conditions = max(conditions - 1, 0)
            elif re.match(r"\s*(UCLASS|USTRUCT|UENUM|UFUNCTION|UPROPERTY|GENERATED_BODY|DECLARE_DYNAMIC\w*)\(", line) and conditions:
                self.say(path, number, "the header tool does not see what stands in an #if")
        for match in re.finditer(r"\bnamespace\b[^{;]*\{", code):
            end = header_tool.balanced(code, match.end() - 1, "{}")
            if re.search(r"\b(UCLASS|USTRUCT|UENUM)\(|DECLARE_DYNAMIC", code[match.end() : end]):
                self.say(path, header_tool.line_of(code, match.start()), "reflected types cannot stand in a namespace")

    def delegate(self, path, line, macro, arguments):
        form = re.match(r"DECLARE_(DYNAMIC_)?MULTICAST_DELEGATE(?:_(\w+))?$", macro)
        if not form or (form.group(2) or "") not in COUNTS:
            return self.say(path, line, f"{macro} is not known")
        count = COUNTS[form.group(2) or ""]
        if not arguments[0].startswith("F"):
            self.say(path, line, f"{arguments[0]} must begin with F")
        if not form.group(1):
            if len(arguments) != 1 + count:
                self.say(path, line, f"{macro} takes {count} types")
            return None
        if len(arguments) != 1 + 2 * count or any(not re.match(r"\w+$", word) for word in arguments[2::2]):
            return self.say(path, line, f"{macro} takes {count} parameters, each as `Type, Name`")
        for given in arguments[1::2]:
            if not self.blueprint_type(given) or (given.endswith("&") and not given.startswith("const ")):
                self.say(path, line, f"a Blueprint cannot be given {given}")
        return None

    def type(self, path, code, found):
        prefix = {"class": "U", "struct": "F", "enum": "E"}[found.kind]
        if not found.name.startswith(prefix):
            self.say(path, found.line, f"{found.name} must begin with {prefix}")
        if found.kind == "enum":
            if found.underlying != "uint8":
                self.say(path, found.line, f"{found.name} must be of uint8 for Blueprints")
            if not re.match(r"\s*\w+\s*(=\s*0\s*)?(,|$)", found.body):
                self.say(path, found.line, f"{found.name} must begin with an entry that is 0")
            return
        if not found.body_line:
            self.say(path, found.line, f"{found.name} has no GENERATED_BODY()")
        if not re.search(rf"(class|struct)\s+SINEW_API\s+{found.name}\b", code):
            self.say(path, found.line, f"{found.name} is not exported: SINEW_API")
        properties = {}
        for member in found.properties:
            declared, name = header_tool.variable(member)
            properties[name] = declared
            self.property(path, member, declared, name)
        names = set()
        for member in found.functions:
            self.function(path, found, member, properties, names)
        # The collector follows properties only.
        for match in re.finditer(r"^[^\n/]*\bTObjectPtr<[^;\n]*;", found.body, re.M):
            name = re.search(r"(\w+)\s*(?:=[^;]*)?;$", match.group(0)).group(1)
            if name not in properties:
                self.say(path, found.line, f"{found.name}::{name} is no UPROPERTY, so the garbage collector does not see it")

    def exposed(self, path, member, name):
        if EXPOSED.search(member.specifiers) and not re.search(r'\bCategory\s*=\s*"', member.specifiers):
            self.say(path, member.line, f"{name} has no Category")

    def property(self, path, member, declared, name):
        self.exposed(path, member, name)
        if not self.property_type(declared):
            self.say(path, member.line, f"{name} cannot be a UPROPERTY: {declared}")
        if re.search(r"\bBlueprintRead", member.specifiers) and not self.blueprint_type(declared):
            self.say(path, member.line, f"a Blueprint cannot hold {name}: {declared}")
        if "BlueprintAssignable" in member.specifiers and declared not in self.delegates:
            self.say(path, member.line, f"{name} is no dynamic delegate")
        if re.search(r"\bBlueprintRead", member.specifiers) and member.access != "public" and "AllowPrivateAccess" not in member.specifiers:
            self.say(path, member.line, f"{name} is {member.access}: a Blueprint cannot read it")
        if declared == "bool" and not re.match(r"b[A-Z]", name):
            self.say(path, member.line, f"{name} is a bool: its name begins with b")

    def function(self, path, found, member, properties, names):
        returned, name, parameters = header_tool.signature(member)
        self.exposed(path, member, name)
        if name in WINDOWS_MACROS:
            self.say(path, member.line, f"windows.h makes a macro of {name}")
        if name in names:
            self.say(path, member.line, f"{name} is overloaded, which a UFUNCTION cannot be")
        names.add(name)
        for declared, parameter in [(returned, "what it returns"), *parameters]:
            if "TObjectPtr" in declared:
                self.say(path, member.line, f"{name}: TObjectPtr is for properties; {parameter} must be a pointer")
            elif not self.blueprint_type(declared):
                self.say(path, member.line, f"{name}: a Blueprint cannot hold {declared} ({parameter})")
            if parameter in properties:
                self.say(path, member.line, f"{name}: the parameter {parameter} has the name of a property")
        if "BlueprintNativeEvent" in member.specifiers and f"{name}_Implementation" not in found.methods:
            self.say(path, member.line, f"{name} is an event without a {name}_Implementation")

    def source(self, path, raw, functions):
        """Any file of the module."""
        lines = raw.split("\n")
        if lines[0] != COPYRIGHT:
            self.say(path, 1, "the first line is not the copyright")
        for number, line in enumerate(lines, 1):
            if re.match(r"\t* +\S", line) and not re.match(r"\t* \*", line):
                self.say(path, number, "indented by spaces")
            if line != line.rstrip():
                self.say(path, number, "ends in spaces")
            if "LogTemp" in line:
                self.say(path, number, "LogTemp: the category is LogSinew")
            if re.search(r"\b(try|catch|throw|dynamic_cast|typeid)\b\s*[({]", line.split("//")[0]):
                self.say(path, number, "exceptions and run-time types are off in Unreal")
            if re.search(r"\bstd::", line.split("//")[0]):
                self.say(path, number, "Unreal's own types, not std")
        for match in re.finditer(r"AddDynamic\(\s*[^,]+,\s*&(\w+)::(\w+)", raw):
            if match.group(2) not in functions.get(match.group(1), set()):
                self.say(path, header_tool.line_of(raw, match.start()), f"{match.group(2)} is bound by name and must be a UFUNCTION")
        if '#include "sinew.h"' in raw and not re.search(r'THIRD_PARTY_INCLUDES_START\n#include "sinew.h"\nTHIRD_PARTY_INCLUDES_END', raw):
            self.say(path, 1, "sinew.h must stand between THIRD_PARTY_INCLUDES_START and _END")


def functions_of(sinew_h):
    return re.findall(r"\b(sinew_\w+)\s*\(", header_tool.without_comments(sinew_h))


def contract(lint, plugin, sinew_h):
    """The plugin covers the whole header: each function, event, result and reason."""
    module = os.path.join(plugin, "Source/Sinew")
    read = lambda *path: open(os.path.join(*path), encoding="utf-8").read()
    if read(plugin, "Source/ThirdParty/sinew/include/sinew.h") != sinew_h:
        lint.say("Source/ThirdParty/sinew/include/sinew.h", 1, "is not include/sinew.h: run `cargo xtask unreal`")
    table = re.findall(r"^SINEW_FUNCTION\((\w+)\)$", read(module, "Public/SinewFunctions.inl"), re.M)
    if table != functions_of(sinew_h):
        lint.say("SinewFunctions.inl", 1, f"is not the functions of sinew.h in their order: {set(table) ^ set(functions_of(sinew_h))}")
    private = "".join(read(module, "Private", name) for name in sorted(os.listdir(os.path.join(module, "Private"))) if name.endswith((".cpp", ".h")))
    for name in functions_of(sinew_h):
        if not re.search(rf"->{name}\(|\.{name}\(|::{name}\)", private):
            lint.say("Private", 1, f"{name} of sinew.h is used nowhere")
    constants = re.findall(r"^#define (SINEW_(?:EVENT|RESULT|STATE|DIRECTION|VISIBILITY|READINESS|DISCONNECT|LEAVE|STOP|REQUEST|POLICY|LOG|MODE|LANE)_\w+)\b", sinew_h, re.M)
    for name in constants:
        if not re.search(rf"\b{name}\b", private):
            lint.say("Private", 1, f"{name} of sinew.h is handled nowhere")
    if len(constants) < 60:
        lint.say("sinew.h", 1, f"only {len(constants)} constants are found: has its form changed?")


def descriptor(lint, plugin):
    path = os.path.join(plugin, "Sinew.uplugin")
    told = json.load(open(path, encoding="utf-8"))
    module = told["Modules"][0]
    expected = {"FileVersion": 3, "Installed": False, "EnabledByDefault": False, "CanContainContent": False}
    for key, value in expected.items():
        if told.get(key) != value:
            lint.say(path, 1, f"{key} must be {value}")
    if "EngineVersion" in told or "WhitelistPlatforms" in module or "TargetAllowList" in module:
        lint.say(path, 1, "no EngineVersion, WhitelistPlatforms or TargetAllowList")
    if module["Name"] != "Sinew" or module["Type"] != "Runtime" or module["PlatformAllowList"] != ["Linux", "LinuxArm64", "Mac", "Win64"]:
        lint.say(path, 1, "the module is not the one of Build.cs")


def main(plugin, header):
    lint = Lint()
    public = os.path.join(plugin, "Source/Sinew/Public")
    read = [lint.read(os.path.join(public, name)) for name in sorted(os.listdir(public)) if name.endswith(".h")]
    for parts in read:
        lint.header(*parts)
    functions = {name: {header_tool.signature(member)[1] for member in found.functions} for name, found in lint.types.items()}
    files = 0
    for folder, _, names in os.walk(os.path.join(plugin, "Source/Sinew")):
        for name in names:
            with open(os.path.join(folder, name), encoding="utf-8", newline="") as file:
                lint.source(os.path.join(folder, name), file.read(), functions)
            files += 1
    contract(lint, plugin, open(header, encoding="utf-8").read())
    descriptor(lint, plugin)
    print("\n".join(lint.broken) or f"{files} files, {len(lint.types)} reflected types")
    return 1 if lint.broken or files < 20 or len(lint.types) < 20 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

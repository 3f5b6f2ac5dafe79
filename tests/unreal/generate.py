"""Writes what Unreal's header tool would: `X.generated.h` for each header with a GENERATED_BODY or UENUM, and one Generated.cpp.

    generate.py HEADERS_FOLDER OUT_FOLDER
"""

import os
import re
import sys

import header_tool


def header(name, types):
    file_id = f"Stub_{name}_h"
    lines = ["#pragma once", "#undef CURRENT_FILE_ID", f"#define CURRENT_FILE_ID {file_id}"]
    for found in types:
        if found.kind == "enum":
            continue
        macro = f"#define {file_id}_{found.body_line}_GENERATED_BODY"
        if found.kind == "struct":
            lines.append(f"{macro} static const char* StubName() {{ return \"{found.name}\"; }}")
            continue
        parts = [
            "public:",
            f"typedef {found.base} Super;",
            f"typedef {found.name} ThisClass;",
            "static UClass* StaticClass();",
            "virtual UClass* GetClass() const override { return StaticClass(); }",
            "virtual void StubReferences(TArray<UObject*>& Out) override;",
            "private:",
            f"friend struct FStubReflection_{found.name};",
        ]
        lines.append(macro + " \\\n\t" + " \\\n\t".join(parts))
    return "\n".join(lines) + "\n"


def source(found):
    """The code behind a class: its name, what it refers to, and the events that Blueprints can implement."""
    name = found.name
    references = "".join(f"\tStubAddReference(Out, {header_tool.variable(member)[1]});\n" for member in found.properties)
    out = [
        f"UClass* {name}::StaticClass()\n{{\n\tstatic UClass Only(\"{name}\", Super::StaticClass());\n\treturn &Only;\n}}\n",
        f"void {name}::StubReferences(TArray<UObject*>& Out)\n{{\n\tSuper::StubReferences(Out);\n{references}}}\n",
    ]
    # The real one makes a function of each of these, too: by its address, so it must be there and have one form only.
    addresses = "".join(f"\t(void)&{name}::{header_tool.signature(member)[1]};\n" for member in found.functions)
    out.append(f"struct FStubReflection_{name}\n{{\n\tstatic void All();\n}};\nvoid FStubReflection_{name}::All()\n{{\n{addresses}}}\n")
    for member in found.functions:
        if re.search(r"\bBlueprintNativeEvent\b", member.specifiers):
            returned, function, parameters = header_tool.signature(member)
            declared = ", ".join(" ".join(parameter) for parameter in parameters)
            passed = ", ".join(parameter[1] for parameter in parameters)
            out.append(f"{returned} {name}::{function}({declared})\n{{\n\t{function}_Implementation({passed});\n}}\n")
    if found.base == "UGameInstanceSubsystem":
        make = f"[](UObject* Outer) -> UGameInstanceSubsystem* {{ return NewObject<{name}>(Outer); }}"
        out.append(f"static const FStubSubsystemClass Stub{name}({make});\n")
    return "\n".join(out)


def main(headers, out):
    os.makedirs(out, exist_ok=True)
    includes, sources = [], []
    for file in sorted(os.listdir(headers)):
        if not file.endswith(".h"):
            continue
        text, types, _ = header_tool.parse(os.path.join(headers, file))
        if f'"{file[:-2]}.generated.h"' not in text:
            continue
        with open(os.path.join(out, file[:-2] + ".generated.h"), "w", encoding="utf-8") as written:
            written.write(header(file[:-2], types))
        includes.append(f'#include "{file}"')
        sources += [source(found) for found in types if found.kind == "class"]
    with open(os.path.join(out, "Generated.cpp"), "w", encoding="utf-8") as written:
        written.write("\n".join(["#include \"Engine/GameInstance.h\"", "#include \"UObject/UObjectGlobals.h\"", *includes, "", *sources]))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Reads the plugin's headers as Unreal's header tool does: what stands in UCLASS, USTRUCT, UENUM, UFUNCTION, UPROPERTY and delegate declarations.

Used by generate.py and lint.py. It knows the forms that this plugin uses, and says so where it meets another.
"""

import re
from dataclasses import dataclass, field


@dataclass
class Member:
    specifiers: str
    text: str
    line: int
    access: str


@dataclass
class Type:
    kind: str  # class, struct, enum
    name: str
    base: str
    specifiers: str
    line: int
    body_line: int = 0
    body: str = ""
    functions: list = field(default_factory=list)
    properties: list = field(default_factory=list)
    methods: set = field(default_factory=set)
    underlying: str = ""
    entries: list = field(default_factory=list)


def without_comments(text):
    """The same text with comments blanked, lines kept."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"', lambda m: m.group(0) if m.group(0).startswith('"') else blank(m), text, flags=re.S)


def balanced(text, start, pair):
    """The end of the bracket that opens at `start`, one behind."""
    depth = 0
    for index in range(start, len(text)):
        depth += (text[index] == pair[0]) - (text[index] == pair[1])
        if depth == 0:
            return index + 1
    raise ValueError(f"a {pair[0]} is not closed")


def line_of(text, index):
    return text.count("\n", 0, index) + 1


def split_top(text):
    """By the commas outside of every bracket."""
    parts, depth, last = [], 0, ""
    for character in text:
        depth += (character in "(<[{") - (character in ")>]}")
        if character == "," and depth == 0:
            parts.append(last.strip())
            last = ""
        else:
            last += character
    return parts + [last.strip()] if last.strip() else parts


def parse(path):
    """The reflected types of a header, and its delegate declarations as (line, macro, arguments)."""
    text = without_comments(open(path, encoding="utf-8").read())
    types = []
    for match in re.finditer(r"^[ \t]*(UCLASS|USTRUCT|UENUM)\(", text, re.M):
        end = balanced(text, match.end() - 1, "()")
        specifiers = text[match.end() : end - 1]
        head = re.compile(r"\s*(class|struct|enum class|enum)\s+(?:\w+_API\s+)?(\w+)\s*(?:final\s*)?(?::\s*(?:public\s+)?(\w+))?\s*\{").match(text, end)
        if not head:
            raise ValueError(f"{path}:{line_of(text, match.start())}: no class, struct or enum after {match.group(1)}")
        close = balanced(text, head.end() - 1, "{}")
        kind = {"UCLASS": "class", "USTRUCT": "struct", "UENUM": "enum"}[match.group(1)]
        found = Type(kind, head.group(2), head.group(3) or "", specifiers, line_of(text, match.start()))
        found.body = text[head.end() : close - 1]
        if kind == "enum":
            found.underlying = found.base
            found.entries = [re.match(r"\w+", entry).group(0) for entry in split_top(found.body)]
        else:
            members(text, head.end(), close - 1, found)
        types.append(found)
    delegates = []
    for match in re.finditer(r"^[ \t]*(DECLARE_\w*DELEGATE\w*)\(", text, re.M):
        end = balanced(text, match.end() - 1, "()")
        delegates.append((line_of(text, match.start()), match.group(1), split_top(text[match.end() : end - 1])))
    return text, types, delegates


def members(text, start, end, found):
    body = re.search(r"GENERATED_BODY\(\)", text[start:end])
    found.body_line = line_of(text, start + body.start()) if body else 0
    for match in re.compile(r"\b(UFUNCTION|UPROPERTY)\(").finditer(text, start, end):
        close = balanced(text, match.end() - 1, "()")
        # Up to the end of the declaration, or the body of a function that is defined in place.
        stop = re.compile(r"[;{]").search(re.sub(r"\([^()]*\)", lambda m: "x" * len(m.group(0)), text[:end]), close).start()
        access = re.findall(r"\b(public|private|protected):", text[start : match.start()])
        declaration = " ".join(text[close:stop].split())
        default = "private" if found.kind == "class" else "public"
        member = Member(text[match.end() : close - 1], declaration, line_of(text, match.start()), access[-1] if access else default)
        (found.functions if match.group(1) == "UFUNCTION" else found.properties).append(member)
    found.methods = set(re.findall(r"(\w+)\(", text[start:end]))


def signature(member):
    """Of a function: what it returns, its name, and its parameters as (type, name)."""
    text = re.sub(r"^(?:virtual|static|inline)\s+", "", re.sub(r"^(?:virtual|static|inline)\s+", "", member.text))
    match = re.match(r"(.*?)(\w+)\((.*)\)\s*(?:const)?\s*(?:override)?\s*$", text)
    if not match:
        raise ValueError(f"line {member.line}: not a function: {member.text}")
    parameters = []
    for parameter in split_top(match.group(3)):
        parameter = re.sub(r"\s*=.*$", "", re.sub(r"UPARAM\([^)]*\)\s*", "", parameter))
        named = re.match(r"(.*?[\s&*])(\w+)$", parameter)
        parameters.append((named.group(1).strip(), named.group(2)) if named else (parameter, ""))
    return match.group(1).strip(), match.group(2), parameters


def variable(member):
    """Of a property: its type and its name."""
    match = re.match(r"(.*[\s>*&])(\w+)$", member.text.split("=")[0].strip())
    if not match:
        raise ValueError(f"line {member.line}: not a property: {member.text}")
    return match.group(1).strip(), match.group(2)

"""Writes tests/vectors as lines that Vectors.cpp reads without a parser for JSON.

    vectors.py VECTORS_FOLDER OUT_FILE
"""

import json
import os
import sys


def lines(op):
    kind, value = op["op"], op["value"]
    if kind == "option":
        yield "op none" if value is None else "op some"
        for inner in value or []:
            yield from lines(inner)
    elif kind == "seq":
        yield f"op len {len(value)}"
        for element in value:
            for inner in element:
                yield from lines(inner)
    elif kind in ("str", "char"):
        yield f"op {kind} {value.encode().hex()}"
    elif kind == "bool":
        yield f"op bool {'true' if value else 'false'}"
    else:
        yield f"op {kind} {value}"


def main(folder, out):
    with open(out, "w", encoding="utf-8") as file:
        for name in ("written", "readable", "rejected"):
            with open(os.path.join(folder, name + ".json"), encoding="utf-8") as vectors:
                for vector in json.load(vectors)["vectors"]:
                    # Unreal has no integers of 128 bits, as docs/messages.md allows.
                    if vector.get("needs") == "128":
                        continue
                    print("vector", vector["name"], file=file)
                    for op in vector["ops"]:
                        print(*lines(op), sep="\n", file=file)
                    rejected = (vector.get("fails", ""), vector.get("offset", ""), vector.get("length", ""))
                    print(name, vector["hex"] or "-", *rejected, file=file)


if __name__ == "__main__":
    main(*sys.argv[1:])

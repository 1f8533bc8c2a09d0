"""The grammar for editors that read TextMate's: `python -m incdsl.highlight.textmate` writes it to standard output."""

from __future__ import annotations

import json
from typing import Any

from incdsl.highlight import words


def grammar() -> str:
    """The grammar as JSON."""
    return json.dumps(_grammar(), indent=2) + "\n"


def _grammar() -> dict[str, Any]:
    patterns = [
        ("comment.line.number-sign.inc", words.COMMENT),
        ("string.quoted.double.inc", words.STRING),
        ("", ""),
        ("entity.other.attribute-name.inc", words.LABEL),
        ("constant.numeric.kernel.inc", words.KERNEL),
        ("constant.numeric.inc", words.NUMBER),
        ("keyword.operator.logical.inc", words.any_of(words.LOGIC)),
        ("constant.language.inc", words.any_of(words.CONSTANTS)),
        ("keyword.control.inc", words.any_of(words.KEYWORDS)),
        ("keyword.other.merge.inc", words.any_of(words.MERGES)),
        ("support.constant.padding.inc", words.any_of(words.PADDINGS)),
        ("support.function.op.inc", words.any_of((*words.OPS, *words.FUNCTIONS))),
        ("keyword.operator.inc", words.OPERATOR),
    ]
    rules: list[dict[str, Any]] = [{"name": name, "match": match} for name, match in patterns]
    rules.append({"match": words.NAME})  # any other name, whole: the numbers in `features.0.conv` are none
    rules[2] = {
        "match": rf"({words.any_of(words.DEFINES)})\s+({words.NAME})",
        "captures": {"1": {"name": "storage.type.inc"}, "2": {"name": "entity.name.type.inc"}},
    }
    return {
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "incdsl",
        "scopeName": "source.inc",
        "fileTypes": ["inc"],
        "firstLineMatch": r"^\s*inc\s+[0-9]+\b",
        "patterns": rules,
    }


if __name__ == "__main__":
    print(grammar(), end="")

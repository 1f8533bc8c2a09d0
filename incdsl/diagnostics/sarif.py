"""Diagnostics as SARIF 2.1.0, the format of static analysis that code hosts read."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import PurePath
from string import ascii_letters, digits
from typing import Any

from incdsl.diagnostics.base import Diagnostic, Fix
from incdsl.source import Source

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_PLAIN = f"{ascii_letters}{digits}/._~-"


def as_sarif(diagnostics: Iterable[Diagnostic]) -> str:
    """A log of one run: its rules are the pages of the codes, its results the diagnostics with their fixes."""
    found = list(diagnostics)
    kinds = {each.code: type(each) for each in found}
    codes = sorted(kinds)
    driver = {"name": "incdsl", "version": version("incdsl"), "rules": [_rule(kinds[code]) for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, codes.index(each.code)) for each in found],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(kind: type[Diagnostic]) -> dict[str, Any]:
    page = inspect.cleandoc(kind.__doc__ or "")
    level = "warning" if kind.code.startswith("W") else "error"
    return {
        "id": kind.code,
        "name": kind.__name__,
        "shortDescription": {"text": kind.title},
        "fullDescription": {"text": page.split("\n\n")[0].replace("\n", " ")},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": level},
    }


def _result(diagnostic: Diagnostic, index: int) -> dict[str, Any]:
    said = (diagnostic.message(), diagnostic.label(), diagnostic.note, diagnostic.why(), diagnostic.help())
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": diagnostic.severity,
        "message": {"text": ". ".join(text for text in said if text)},
    }
    if span := diagnostic.span:
        place: dict[str, Any] = {
            "physicalLocation": {
                "artifactLocation": _artifact(span.source), "region": _region(span.source, span.start, span.end),
            }
        }  # fmt: skip
        if diagnostic.path:
            place["logicalLocations"] = [{"fullyQualifiedName": diagnostic.path}]
        result["locations"] = [place]
        if diagnostic.fix:
            result["fixes"] = [_fix(diagnostic.fix, span.source)]
    return result


def _fix(fix: Fix, source: Source) -> dict[str, Any]:
    replacements = [
        {"deletedRegion": _region(source, edit.start, edit.end), "insertedContent": {"text": edit.text}}
        for edit in fix.edits
    ]
    change = {"artifactLocation": _artifact(source), "replacements": replacements}
    return {"description": {"text": fix.title}, "artifactChanges": [change]}


def _artifact(source: Source) -> dict[str, str]:
    """The place of a spec as a URI: relative to the folder where the command ran, if its name is."""
    path = PurePath(source.name)
    return {"uri": path.as_uri() if path.is_absolute() else _quoted(path.as_posix())}


def _quoted(path: str) -> str:
    """A relative path in the characters that a URI may have."""
    return "".join(c if c in _PLAIN else "".join(f"%{byte:02X}" for byte in c.encode("utf-8", "replace")) for c in path)


def _region(source: Source, start: int, end: int) -> dict[str, int]:
    line, column = source.position(start)
    end_line, end_column = source.position(end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}

"""The mutants that change nothing, each with an argument, and whether the list still is about the code."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.mutation.mutants import Places
from tests.mutation.scope import ROOT, in_scope

LIST = Path(__file__).with_name("equivalent.toml")

Key = tuple[str, str, str, str]


def listed(text: str | None = None) -> dict[Key, str]:
    """The argument of each listed mutant, by its key."""
    entries = tomllib.loads(LIST.read_text() if text is None else text).get("mutant", [])
    keys = [
        ((e["module"], e["function"], e["original"], mutated), e["why"]) for e in entries for mutated in e["mutated"]
    ]
    assert len(dict(keys)) == len(keys), "a mutant is listed twice"
    return dict(keys)


def outdated(keys: dict[Key, str]) -> Iterator[str]:
    """Entries whose lines no longer stand in their function, or change nothing."""
    for path, function, original, mutated in keys:
        lines = list(lines_of(path, function)) if (ROOT / path).exists() else []
        wanted = original.splitlines()
        found = any(lines[i : i + len(wanted)] == wanted for i in range(len(lines)))
        if not found or original == mutated or not in_scope(path, function):
            yield f"{path}: {function}: {original}"


def lines_of(path: str, function: str) -> Iterator[str]:
    """The lines of a function, or of what stands in a class or module outside of functions, without indentation."""
    text = (ROOT / path).read_text()
    ast.parse(text)
    places = Places(text)
    for number, line in enumerate(text.splitlines(), 1):
        if places.part(number).name == function and line.strip():
            yield " ".join(line.split())

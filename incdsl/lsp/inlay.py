"""Shapes behind steps, as an editor shows them between the words of the text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from incdsl.frontend import Analysis
from incdsl.lsp.shapes import Shapes
from incdsl.lsp.versions import Versions
from incdsl.source import Span
from incdsl.syntax import tree

Which = Literal["changes", "all", "off"]


@dataclass(frozen=True, slots=True)
class Hint:
    """A text behind a character; `old` if it is what was known before the text broke."""

    at: int
    text: str
    old: bool = False


def hints(
    analysis: Analysis, which: Which = "changes", focus: Sequence[Span] = (), before: Analysis | None = None,
    start: int = 0, end: int | None = None,
) -> Iterator[Hint]:  # fmt: skip
    """The shapes behind the steps of a range of characters, in the order of the text.

    `changes` are the steps behind which the shape is another than before them. A step that states its shape has no
    hint. Of a unit, whose uses have all kinds of shapes, only those in focus count. `before` is an earlier analysis:
    where a mistake leaves a shape unknown, what it knew of the same step counts.
    """
    if which == "off":
        return
    end = len(analysis.spec.source.text) if end is None else end
    known = _remembered(analysis, before, which, focus) if before else {}
    found = {}
    for step, text, changes in _steps(analysis, focus):
        at = step.span.end
        if not start <= at <= end or (step.shape and "_" not in step.shape.span.text):
            continue
        if text and (changes or which == "all"):
            found[at] = Hint(at, text)
        elif not text and at in known:
            found[at] = Hint(at, known[at], True)
    yield from (found[at] for at in sorted(found))


def _steps(analysis: Analysis, focus: Sequence[Span]) -> Iterator[tuple[tree.Step, str, bool]]:
    shapes = Shapes(analysis, focus)
    for definition in analysis.file.definitions:
        if not isinstance(definition, tree.Unit) or focus:
            yield from shapes.changes(definition)


def _remembered(analysis: Analysis, before: Analysis, which: Which, focus: Sequence[Span]) -> dict[int, str]:
    """What an earlier analysis knew, by the places where the same characters stand now."""
    versions = Versions(before.spec.source.text, analysis.spec.source.text)
    found: dict[int, str] = {}
    for step, text, changes in _steps(before, focus):
        now = versions.now(step.span.start, step.span.end)
        if now and text and (changes or which == "all"):
            found[now[1]] = text
    return found

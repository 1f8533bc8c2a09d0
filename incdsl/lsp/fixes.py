"""The ways to mend what is found in a text, each tried before it is offered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.shapes import ExpectationFails
from incdsl.edits import edited
from incdsl.frontend import Analysis, Options, analyze_source
from incdsl.linter.lint import Selection, lint
from incdsl.lsp.mend import Way, ways


def fixes(
    analysis: Analysis, start: int, end: int, options: Options | None = None, selection: Selection | None = None
) -> Iterator[tuple[Diagnostic, Way]]:
    """What is found in a range of characters, and what mends it. A way is tried first: what it is for is gone then.

    Args:
        analysis: of the text.
        start: where the range starts, as an offset.
        end: and where it ends.
        options: how the text was analyzed.
        selection: the advice that is wanted.
    """
    found = lint(analysis, selection)
    source = analysis.spec.source
    for problem in found:
        span = problem.span
        if span is None or span.source is not source or span.end < start or span.start > end:
            continue
        for way in ways(problem, analysis):
            after = analyze_source(replace(source, text=edited(source.text, way.edits)), options)
            if _mended(problem, found, lint(after, selection)):
                yield problem, way


def _mended(problem: Diagnostic, before: Sequence[Diagnostic], after: Sequence[Diagnostic]) -> bool:
    """Whether a problem is gone, and as much of the text makes sense as before.

    What stood behind the problem may be wrong as well, and is only seen then.
    """
    if _alike(after, problem) >= _alike(before, problem):
        return False
    if problem.severity == "warning" and _wrong(after) > _wrong(before):
        return False
    return _senseless(after) - _senseless(before) < (0 if problem.code.startswith("E1") else 1)


def _alike(found: Sequence[Diagnostic], problem: Diagnostic) -> int:
    """How many problems say the same."""
    return sum(each.code == problem.code and each.message() == problem.message() for each in found)


def _wrong(found: Sequence[Diagnostic]) -> int:
    """How many errors there are; facts are for people to state anew when they choose another net."""
    return sum(each.severity == "error" and not isinstance(each, ExpectationFails) for each in found)


def _senseless(found: Sequence[Diagnostic]) -> int:
    """How much of a text makes no sense."""
    return sum(each.code.startswith("E1") for each in found)

"""What is wrong with a text, and the ways to mend it that can be typed.

`SOURCES` lists who finds something: the compiler, today. A linter joins with a function of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from incdsl.diagnostics import Diagnostic
from incdsl.edits import Edit, edited
from incdsl.frontend import Analysis, Options, analyze_source
from incdsl.lsp.mend import ways
from incdsl.source import Source, Span


@dataclass(frozen=True, slots=True)
class Fix:
    """A change of a text with a title for those who choose it."""

    title: str
    edits: tuple[Edit, ...]
    preferred: bool = False
    """Whether it is what was probably meant."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was found, and the changes that may mend it; whoever offers one tries it before."""

    problem: Diagnostic
    fixes: tuple[Fix, ...] = ()


def problems(analysis: Analysis) -> Iterator[Finding]:
    """What the compiler says."""
    for problem in analysis.problems:
        if problem.span is None or problem.span.source is not analysis.spec.source:
            yield Finding(problem)
            continue
        yield Finding(problem, tuple(Fix(title, edits, best) for title, edits, best in ways(problem, analysis)))


SOURCES: tuple[Callable[[Analysis], Iterable[Finding]], ...] = (problems,)


def findings(analysis: Analysis) -> Iterator[Finding]:
    """All that is found in a text."""
    for source in SOURCES:
        yield from source(analysis)


def fixes(analysis: Analysis, start: int, end: int, options: Options | None = None) -> Iterator[tuple[Diagnostic, Fix]]:
    """The fixes of what was found in a range of characters, tried: each mends what it is for."""
    for finding in findings(analysis):
        span = finding.problem.span
        if span is None or span.source is not analysis.spec.source or span.end < start or span.start > end:
            continue
        for fix in finding.fixes:
            if mends(analysis, finding.problem, fix, options):
                yield finding.problem, fix


def mends(analysis: Analysis, problem: Diagnostic, fix: Fix, options: Options | None = None) -> bool:
    """Whether the problem is gone after a fix, and as much of the text makes sense as before.

    What stood behind the problem may be wrong as well, and is only seen then.
    """
    source = analysis.spec.source
    after = analyze_source(Source(source.name, edited(source.text, fix.edits), source.path), options)
    if _alike(after, problem) >= _alike(analysis, problem):
        return False
    return _senseless(after) - _senseless(analysis) < (0 if problem.code.startswith("E1") else 1)


def _alike(analysis: Analysis, problem: Diagnostic) -> int:
    """How many problems say the same."""
    return sum(each.code == problem.code and each.message() == problem.message() for each in analysis.problems)


def _senseless(analysis: Analysis) -> int:
    """How much of a text makes no sense."""
    return sum(each.code.startswith("E1") for each in analysis.problems)


def place(finding: Finding, source: Source) -> Span:
    """Where a finding is shown in a text: its span, or the import behind which it lies."""
    span = finding.problem.span
    return span if span and span.source is source else Span(source, 0, 0)

"""A text with what is wrong with it, each problem below its line, for notebooks and pages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from html import escape

from incdsl.diagnostics.base import Diagnostic
from incdsl.diagnostics.render import human, printable
from incdsl.source import Source

_COLOURS = {"error": "#b0350b", "warning": "#8a6100"}
_STYLE = "line-height: 1.35; white-space: pre; overflow-x: auto"


def listing(source: Source, problems: Iterable[Diagnostic]) -> str:
    """The text in HTML, problems in colour below the lines that they are about; those of other texts come last.

    Everything is escaped, and nothing of it would be obeyed by a terminal either.
    """
    below, beside, elsewhere = defaultdict(list), defaultdict(list), []
    for problem in problems:
        if problem.span is None or problem.span.source is not source:
            elsewhere.append(_coloured(human(problem), problem))
            continue
        below[problem.span.line].append(problem)
        for row in problem.rows():
            if row.span.source is source:
                beside[row.span.line].append(_coloured(f"  {row.shape}{row.remark and f'  <- {row.remark}'}", problem))
    lines = []
    for number, text in enumerate(source.text.splitlines(), 1):
        shown = escape(printable(text.replace("\t", " ")))
        lines.append(f'<span style="opacity: 0.5">{number:>4} | </span>{shown}{"".join(beside[number])}')
        for problem in below[number]:
            lines += [_coloured(line, problem) for line in _said(problem)]
    return f'<pre style="{_STYLE}">' + "\n".join([*lines, *elsewhere]) + "</pre>"


def _said(problem: Diagnostic) -> Iterator[str]:
    """A caret line with the message, and a line for each help."""
    span = problem.span
    assert span is not None
    number, column = span.source.position(span.start)
    width = max(1, min(span.end - span.start, len(span.source.line(number)) - column + 1))
    margin, indent = "     | ", " " * (column - 1)
    label = f" {problem.label()}" if problem.label() else ""
    yield f"{margin}{indent}{'^' * width} {problem.code}: {printable(problem.message())}{printable(label)}"
    for word, text in (("in", problem.path), ("why", problem.why()), ("note", problem.note), ("help", problem.help())):
        if text:
            yield f"{margin}{indent}{word}: {printable(text)}"


def _coloured(text: str, problem: Diagnostic) -> str:
    return f'<span style="color: {_COLOURS[problem.severity]}">{escape(text)}</span>'

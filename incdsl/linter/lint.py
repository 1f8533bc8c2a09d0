"""What there is to say about a spec: the warnings of the compiler and those of all rules, as far as they are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import incdsl.linter.rules  # noqa: F401 - registers them
from incdsl.diagnostics import REGISTRY, Diagnostic, Sink
from incdsl.frontend import Analysis
from incdsl.linter.finding import RULES
from incdsl.linter.rules.w440_useless_ignore import UselessIgnore
from incdsl.linter.view import View
from incdsl.syntax.ignore import Ignore, ignores

_LIMIT = 1000
"""So many findings of a spec are kept."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which advice is wanted: codes or their beginnings, `W41`; of what both name, the longer one counts."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    device: str = ""
    """The device that the net is for, if it is known."""

    def wants(self, code: str) -> bool:
        """Whether a code is wanted; all are, unless some are selected."""
        chosen = max((len(each) for each in self.select if code.startswith(each)), default=0 if self.select else 1)
        refused = max((len(each) for each in self.ignore if code.startswith(each)), default=0)
        return chosen > 0 and chosen > refused

    def runs(self, code: str) -> bool:
        """Whether a rule is asked: it is wanted, and about this device or any."""
        kind = RULES.get(code)
        return self.wants(code) and (kind is None or kind.device in ("", self.device))


def warning_codes() -> dict[str, type[Diagnostic]]:
    """All warnings by their codes, in order: the compiler's own and the rules."""
    return {code: kind for code, kind in sorted({**REGISTRY, **RULES}.items()) if code.startswith("W")}


def lint(analysis: Analysis, selection: Selection | None = None) -> tuple[Diagnostic, ...]:
    """The errors of a spec, and the advice that is wanted and that no comment leaves out, in the order of the text.

    A net that is not complete is linted as far as it is known. Each finding has a code, a place, a message, why it
    matters, how to mend it, and perhaps a fix. What stands in an imported file is said when that file is linted.
    """
    selection = selection or Selection()
    view = View(analysis)
    sink = Sink(_LIMIT)
    for found in _all(view, selection):
        span = found.span
        if span is not None and span.source is view.source:
            sink.add(found)
    comments = ignores(analysis.file)
    used: set[tuple[Ignore, str]] = set()
    kept: list[Diagnostic] = list(analysis.errors)
    for found in sink:
        covering = [each for each in comments if found.span and each.covers(found.code, found.span)]
        used.update((each, found.code) for each in covering)
        kept += [] if covering else [found]
    if not analysis.errors and selection.wants(UselessIgnore.code):
        kept += UselessIgnore.among(comments, used, {code for code in warning_codes() if selection.runs(code)})
    return tuple(sorted(kept, key=_place))


def _all(view: View, selection: Selection) -> Iterator[Diagnostic]:
    """What the compiler warns of, and what the rules find; also what a comment leaves out."""
    for warning in (*view.analysis.problems, *view.analysis.ignored):
        if warning.severity == "warning" and selection.wants(warning.code):
            yield warning
    for code, kind in sorted(RULES.items()):
        if selection.runs(code):
            yield from kind.look(view)


def _place(diagnostic: Diagnostic) -> tuple[str, int, str]:
    span = diagnostic.span
    return (span.source.name, span.start, diagnostic.code) if span else ("", -1, diagnostic.code)

"""A spec with the fixes of what was found in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from incdsl.diagnostics import Diagnostic
from incdsl.formatter.edited import laid_out
from incdsl.frontend import Analysis, Options, analyze_source
from incdsl.linter.lint import Selection, lint
from incdsl.source import Source

_ROUNDS = 20
"""A fix may make another one possible; so often it is looked again."""
_FACTS = "E305"
"""A fact that no longer holds: it is for people to state anew when they chose another net."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A text after fixes: what they mended, and what there is still to say."""

    text: str
    mended: tuple[Diagnostic, ...]
    left: tuple[Diagnostic, ...]


def fixed(
    source: Source, options: Options | None = None, selection: Selection | None = None, *, unsafe: bool = False
) -> Fixed:
    """The text of a spec with all safe fixes, or with all that there are.

    Fixes are made until there is none left. One that would make an error is left out; but where fixes are not safe,
    facts that the spec states of the net may fail. The definitions that are touched are in the layout of `incdsl fmt`.

    Raises:
        LawBroken: if a layout would not be the same spec, which is a bug in incdsl.
    """
    analysis = analyze_source(source, options)
    mended: list[Diagnostic] = []
    refused: set[object] = set()
    for _ in range(_ROUNDS):
        found = lint(analysis, selection)
        offered = [each for each in found if each.fix and (unsafe or each.fix.safe) and _key(each) not in refused]
        chosen = _apart(offered)
        if not chosen:
            break
        after = _applied(analysis, chosen, options)
        if after is None and len(chosen) > 1:  # one of them does harm
            chosen = chosen[:1]
            after = _applied(analysis, chosen, options)
        if after is None:
            refused.update(map(_key, chosen))
            continue
        analysis, mended = after, [*mended, *chosen]
    return Fixed(analysis.spec.source.text, tuple(mended), lint(analysis, selection))


def _key(diagnostic: Diagnostic) -> object:
    """A finding, wherever its line has moved."""
    return diagnostic.code, diagnostic.message(), diagnostic.span.text if diagnostic.span else ""


def _apart(offered: Sequence[Diagnostic]) -> list[Diagnostic]:
    """As many findings as there are, in order, whose edits do not touch each other."""
    taken: list[tuple[int, int]] = []
    chosen: list[Diagnostic] = []
    for each in offered:
        edits = each.fix.edits if each.fix else ()
        if all(edit.end < start or end < edit.start for edit in edits for start, end in taken):
            taken += [(edit.start, edit.end) for edit in edits]
            chosen.append(each)
    return chosen


def _applied(analysis: Analysis, chosen: Sequence[Diagnostic], options: Options | None) -> Analysis | None:
    """What is known of the text with these fixes; None if it has an error that was not there."""
    source = analysis.spec.source
    text = laid_out(source.text, [edit for each in chosen if each.fix for edit in each.fix.edits])
    after = analyze_source(replace(source, text=text), options)
    safe = all(each.fix and each.fix.safe for each in chosen)
    before, now = (Counter(each.code for each in errors) for errors in (analysis.errors, after.errors))
    more = now - before
    if not safe:
        del more[_FACTS]
    return None if more else after

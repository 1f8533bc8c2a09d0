"""A text after some edits, in the layout that the edits leave it in."""

from __future__ import annotations

from collections.abc import Sequence

from incdsl.edits import Edit, edited
from incdsl.formatter.fmt import ended_as, formatted_where
from incdsl.syntax.parser import parse


def laid_out(text: str, edits: Sequence[Edit]) -> str:
    """A text after edits that do not overlap; the definitions that they touch are in their layout.

    If all of its lines ended in CRLF, they do so again.

    Raises:
        LawBroken: as in `formatted`.
    """
    if not edits:
        return text
    items = [item.span for item in parse(text).file.items]
    touched = {n for n, span in enumerate(items) if any(span.start <= edit.start <= span.end for edit in edits)}
    return ended_as(text, formatted_where(edited(text, edits), touched))

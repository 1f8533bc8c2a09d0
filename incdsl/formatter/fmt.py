"""A text in its layout, held to the laws before anybody writes it."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from incdsl.formatter.kept import broken
from incdsl.formatter.laws import LawBroken, Lay, hold
from incdsl.formatter.layout import layout
from incdsl.syntax import tree
from incdsl.syntax.parser import EDITION, parse


def formatted(text: str) -> str:
    """A text in its layout. What makes no sense stays as it is, and so does a text of another edition, or of none.

    Lines end in LF, or in CRLF if all of the text's do.

    Raises:
        LawBroken: if the layout of a text without mistakes is not that text, which is a bug in incdsl.
    """
    return ended_as(text, _formatted(text))


def ended_as(before: str, after: str) -> str:
    """A text whose lines end in CRLF if all of another text's do."""
    all_crlf = 0 < before.count("\n") == before.count("\r\n")
    return after.replace("\r\n", "\n").replace("\n", "\r\n") if all_crlf else after


def _formatted(text: str) -> str:
    parsed = parse(text)
    edition = parsed.file.edition
    if edition is None or edition.number != EDITION:
        return text
    if not parsed.problems:
        return _held(text, parsed.file, layout)
    for lay in (layout, _without_broken_definitions):  # how a mistake is read may depend on where lines end
        try:
            return _held(text, parsed.file, lay)
        except LawBroken:
            continue
    return text


def formatted_where(text: str, touched: Collection[int]) -> str:
    """A text with some of its items, by their numbers, in their layout; the others stay as they are.

    Raises:
        LawBroken: as in `formatted`.
    """
    parsed = parse(text)
    try:
        return _held(text, parsed.file, partial(_layout_of_some, touched))
    except LawBroken:
        if not parsed.problems:
            raise
    return text


def _held(text: str, file: tree.File, lay: Lay) -> str:
    laid = lay(file)
    if laid != text:
        hold(file, laid, lay)
    return laid


def _without_broken_definitions(file: tree.File) -> str:
    return layout(file, broken(file))


def _layout_of_some(touched: Collection[int], file: tree.File) -> str:
    return layout(file, {item for n, item in enumerate(file.items) if n not in touched})

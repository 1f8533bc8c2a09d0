"""Lines that are being made of the tokens of a sheet."""

from __future__ import annotations

from dataclasses import dataclass

from incdsl.formatter.sheet import INDENT


@dataclass(slots=True)
class Line:
    """The tokens from `first` up to `stop`, behind `indent` blanks.

    What goes on from it stands further in: rails at `base` and two, its own rest at `more`. A line that only goes on
    is `loose`. Where `kept` is an offset of the text, everything from there on stays as it was written.
    """

    first: int
    stop: int
    indent: int
    base: int
    more: int
    loose: bool = False
    kept: int | None = None


def item(first: int, indent: int) -> Line:
    """The first line of an item, or the one of the brace that closes it."""
    return Line(first, first, indent, indent, indent + 2 * INDENT)


def closing(first: int, opened: Line) -> Line:
    """A line that starts with the brace that closes rails."""
    more = opened.more if opened.loose else opened.base + 2 * INDENT
    return Line(first, first, opened.base, opened.base, more)


def arrow(first: int, indent: int) -> Line:
    """A line that starts with `->`."""
    return Line(first, first, indent, indent, indent + 3)


def rail(first: int, indent: int) -> Line:
    """A line that starts with `|`."""
    return Line(first, first, indent, indent + INDENT, indent + 2 * INDENT)


def loose(first: int, before: Line) -> Line:
    """A line that goes on from the one before it."""
    return Line(first, first, before.more, before.more, before.more, loose=True)

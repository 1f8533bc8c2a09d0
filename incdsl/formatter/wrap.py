"""Lines that are too long, or have comments inside, as several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from incdsl.formatter.lines import Line
from incdsl.formatter.sheet import WIDTH, Sheet

_OPENS = frozenset({"LPAR", "LSQB", "LBRACE"})
_CLOSES = frozenset({"RPAR", "RSQB", "RBRACE"})
_SIGNS = frozenset({"PLUS", "MINUS", "STAR", "FLOOR", "MODULO", "OR", "AND", "VBAR"})


def wrap(sheet: Sheet, found: Iterable[Line]) -> Iterator[Line]:
    """Lines of at most 120 columns, where the tokens allow it."""
    for line in found:
        if line.kept is not None:
            yield line
            continue
        for part in _split(line, [i for i in range(line.first + 1, line.stop) if sheet.starts_line(i)]):
            for piece in _at_joints(sheet, part):
                yield from _filled(sheet, piece)


def _split(line: Line, places: Iterable[int]) -> Iterator[Line]:
    """A line, broken in front of some tokens."""
    rest = line
    for i in places:
        yield replace(rest, stop=i)
        rest = replace(line, first=i, indent=line.more, loose=True)
    yield rest


def _at_joints(sheet: Sheet, line: Line) -> Iterator[Line]:
    """A line that is too long, broken in front of its assertion, or of `times`, `for`, `if` and `else`, too."""
    words: list[int] = []
    last = _last_assertion(sheet, line)
    enough = last is not None and all(_fits(sheet, part) for part in _split(line, [last]))
    if not _fits(sheet, line) and not enough:
        words = [i for i in range(line.first + 1, line.stop) if sheet.joints.get(i) == "word"]
    for part in _split(line, words):
        head, assertions = part, list[int]()
        while not _fits(sheet, head) and (last := _last_assertion(sheet, head)):
            assertions.insert(0, last)
            head = replace(head, stop=last)
        yield from _split(part, assertions)


def _last_assertion(sheet: Sheet, line: Line) -> int | None:
    """Where the last assertion of a line begins, if it does not start the line."""
    return next((i for i in range(line.stop - 1, line.first, -1) if sheet.joints.get(i) == "shape"), None)


def _filled(sheet: Sheet, line: Line) -> Iterator[Line]:
    """A line that is still too long, broken behind commas and in front of signs, at the outermost that helps."""
    while not _fits(sheet, line) and (i := _place(sheet, line)):
        head, line = _split(line, [i])
        yield head
    yield line


def _place(sheet: Sheet, line: Line) -> int:
    """The token in front of which a line is broken: of those that leave no line too long, the last and outermost."""
    best, least, depth = 0, len(sheet.tokens), 0
    for i in range(line.first, line.stop):
        if line.indent + sheet.width(line.first, i) > WIDTH:
            break
        kind = sheet.tokens[i].type
        depth -= kind in _CLOSES
        may = i > line.first and (sheet.tokens[i - 1].type == "COMMA" or (kind in _SIGNS and sheet.blanks[i]))
        if may and depth <= least:
            best, least = i, depth
        depth += kind in _OPENS
    return best


def _fits(sheet: Sheet, line: Line) -> bool:
    return line.indent + sheet.width(line.first, line.stop) <= WIDTH

"""Items that stay as they were written: broken ones, and those that `# fmt: off` or `# fmt: skip` is about."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

from incdsl.formatter.sheet import Sheet
from incdsl.formatter.trivia import clean
from incdsl.syntax import tree
from incdsl.syntax.tokens import Token

_DIRECTIVE = re.compile(r"#[ \t]*fmt:[ \t]*(off|on|skip)\b")


class _Region(NamedTuple):
    """Offsets between which nothing changes: from `# fmt: off` to `# fmt: on`, or to the end of the braces around."""

    start: int
    stop: int


class _Directive(NamedTuple):
    """A comment about the formatter, in the trivia of a token: `off`, `on` or `skip`; offsets."""

    token: int
    start: int
    stop: int
    word: str


class Kept:
    """Says of an item whether it stays as it is, and of the token behind it where formatting begins again."""

    def __init__(self, sheet: Sheet) -> None:
        self._sheet = sheet
        self._text = sheet.tokens[0].source.text
        self._broken = _broken(sheet)
        told = list(self._directives()) if "fmt:" in self._text else []
        self._skips = [each.token for each in told if each.word == "skip" and self._is_behind(each)]
        self._regions = list(self._read(told))

    def since(self, first: int, stop: int, inner: Sequence[tree.Tree]) -> int | None:
        """The offset from which on an item stays as it is; None if it is formatted.

        What is about one of the `inner` items in its braces does not touch the item itself.
        """
        sheet, token = self._sheet, self._sheet.tokens[first]
        head = sheet.first(inner[0]) if inner else stop
        region = self._region(token.start)
        if region and region.start < sheet.tokens[head - 1].end:
            return max(token.before, min(region.start, self._line(token.start)))
        ends = [sheet.stop(each) for each in inner]
        starts = [sheet.first(each) for each in inner]
        if _any_between(self._broken, first, stop, starts, ends) or _any_between(
            self._skips, first + 1, stop + 1, [i + 1 for i in starts], [i + 1 for i in ends]
        ):
            return self._line(token.start) if clean(token.trivia) else token.before
        return None

    def until(self, i: int) -> int:
        """The offset up to which the trivia of a token stays as it is."""
        token = self._sheet.tokens[i]
        if not clean(token.trivia):
            return token.start
        region = self._region(token.before)
        if region is None or region.start >= token.before:
            return token.before
        if region.stop < token.start:
            return region.stop
        line = self._text.rfind("\n", token.before, token.start)
        return line if line >= 0 else token.start

    def _region(self, offset: int) -> _Region | None:
        """The region around an offset, or the next one."""
        i = bisect_right(self._regions, offset, key=attrgetter("stop"))
        return self._regions[i] if i < len(self._regions) else None

    def _line(self, offset: int) -> int:
        """The start of the line where nothing but blanks stands before an offset; else that offset."""
        start = self._text.rfind("\n", 0, offset) + 1
        return offset if self._text[start:offset].strip() else start

    def _is_behind(self, told: _Directive) -> bool:
        """Whether a comment stands behind a token, on its line."""
        token = self._sheet.tokens[told.token]
        return told.token > 0 and "\n" not in self._text[token.before : told.start]

    def _read(self, told: Sequence[_Directive]) -> Iterator[_Region]:
        stop = 0
        for n, each in enumerate(told):
            if each.word == "off" and each.start >= stop:
                on = next((other.stop for other in told[n:] if other.word == "on"), len(self._text) + 1)
                stop = min(on, self._closes(each.token))
                yield _Region(each.stop + 1 if self._is_behind(each) else self._line(each.start), stop)

    def _directives(self) -> Iterator[_Directive]:
        for i, token in enumerate(self._sheet.tokens):
            for comment in token.comments:
                if match := _DIRECTIVE.match(comment.text):
                    yield _Directive(i, comment.start, comment.end, match[1])

    def _closes(self, i: int) -> int:
        """Where the braces around the trivia of a token end, or the file."""
        depth = 0
        for token in islice(self._sheet.tokens, i, None):
            if token.type == "RBRACE" and not depth:
                return token.start
            depth += (token.type == "LBRACE") - (token.type == "RBRACE")
        return len(self._text) + 1


def _any_between(places: Sequence[int], first: int, stop: int, starts: Sequence[int], ends: Sequence[int]) -> bool:
    """Whether some places include one that lies between two, and between none of some starts and ends."""
    for i in places[bisect_left(places, first) : bisect_left(places, stop)]:
        n = bisect_right(starts, i) - 1
        if n < 0 or i >= ends[n]:
            return True
    return False


def broken(file: tree.File) -> set[tree.Tree]:
    """The items of a file in which something makes no sense."""
    sheet = Sheet(file)
    found = _broken(sheet)
    items = [part for part in file.parts if isinstance(part, tree.Tree)]
    return {item for item in items if any(sheet.first(item) <= i < sheet.stop(item) for i in found)}


def _broken(sheet: Sheet) -> list[int]:
    """The tokens that the parser put in, or in front of which it left something out, and the first ones of `Error`s."""
    return sorted({*sheet.errors, *(i for i, token in enumerate(sheet.tokens) if _is_broken(token))})


def _is_broken(token: Token) -> bool:
    if token.type == "$END":
        return False
    return token.start == token.end or len(token.text) != token.end - token.start or not clean(token.trivia)

"""Words and signs of a text, each with the trivia in front of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from incdsl.source import Source, Span

_COMMENT = re.compile(r"#[^\n]*")
_FOR_LINTER = re.compile(r"lint:\s*ignore\b")


class Token:
    """A word or sign of the text. What no token covers is the trivia of the next one: blanks, line breaks, comments.

    `before` is where the trivia begins, `start` and `end` are the borders of the token itself. A token that the parser
    inserted covers nothing. Every text ends in a token of the type `$END`, which owns the trivia at the end.
    """

    __slots__ = ("before", "end", "source", "start", "text", "type")

    def __init__(self, type: str, text: str, source: Source, before: int, start: int, end: int) -> None:
        self.type = type
        self.text = text
        self.source = source
        self.before = before
        self.start = start
        self.end = end

    @property
    def span(self) -> Span:
        """Where it stands, without its trivia."""
        return Span(self.source, self.start, self.end)

    @property
    def line(self) -> int:
        """1-based line of its first character."""
        return self.source.position(self.start)[0]

    @property
    def trivia(self) -> str:
        """What stands between the token before and this one."""
        return self.source.text[self.before : self.start]

    @property
    def comments(self) -> Iterator[Span]:
        """The comments in its trivia, from `#` to the end of the line."""
        for match in _COMMENT.finditer(self.source.text, self.before, self.start):
            yield Span(self.source, match.start(), match.end())

    def __str__(self) -> str:
        return self.source.text[self.before : self.end]

    def __repr__(self) -> str:
        return f"Token({self.type}, {self.text!r})"


def own_lines(token: Token) -> Iterator[tuple[int, str]]:
    """The comments in front of a token that have a line to themselves: the line's number, and the text without `#`."""
    text = token.source.text
    for span in token.comments:
        start = text.rfind("\n", 0, span.start) + 1
        if not text[start : span.start].strip():
            yield span.line, span.text[1:].strip()


def is_for_linter(comment: str) -> bool:
    """Whether a comment, without its `#`, says what the linter leaves out, and nothing about the net."""
    return _FOR_LINTER.match(comment) is not None

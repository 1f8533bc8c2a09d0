"""What each word of a text is, for editors that colour by meaning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from incdsl.lsp.mentions import Kind, Mention
from incdsl.lsp.reading import Reading
from incdsl.source import Span
from incdsl.syntax.tokens import Token

TYPES = (
    "keyword", "class", "function", "method", "parameter", "variable", "property", "enumMember", "macro", "number",
    "string", "operator", "comment",
)  # fmt: skip
MODIFIERS = ("declaration", "defaultLibrary", "readonly")
_KINDS: dict[Kind, str] = {
    "net": "class", "block": "class", "unit": "function", "op": "method", "parameter": "parameter", "value": "variable",
    "head": "variable", "label": "property", "setting": "property", "choice": "enumMember", "fact": "property",
    "word": "keyword", "file": "string",
}  # fmt: skip
_PADDINGS = ("VALID", "SAME", "HALF", "PAD", "CEIL")
_NUMBERS = ("INT", "REAL", "KERNEL")


class Colour(NamedTuple):
    """A span of one line, the index of its type, and its modifiers as bits."""

    span: Span
    type: int
    modifiers: int


def colours(reading: Reading, start: int = 0, end: int | None = None) -> Iterator[Colour]:
    """The words of a range of characters, in the order of the text."""
    end = len(reading.source.text) if end is None else end
    known = {each.span.start: each for each in reading.mentions}
    for token in reading.tokens:
        if token.end < start or token.before > end:
            continue
        for comment in token.comments:
            yield Colour(comment, TYPES.index("comment"), 0)
        if token.type == "PATH":
            yield from _path(token, known)
        elif colour := _of(token, known.get(token.start)):
            yield Colour(token.span, *colour)


def _of(token: Token, mention: Mention | None) -> tuple[int, int] | None:
    if mention and mention.span.end == token.end:
        return _meaning(mention)
    if token.type in _PADDINGS:
        return TYPES.index("enumMember"), 0
    if token.type in _NUMBERS:
        return TYPES.index("number"), 0
    if token.type == "STRING":
        return TYPES.index("string"), 0
    if token.text.isalpha() and token.type not in ("NAME", "PATH"):
        return TYPES.index("keyword"), 0
    return None


def _meaning(mention: Mention) -> tuple[int, int]:
    target = mention.target
    bits = int(mention.declares) | (2 if target.kind == "op" and target.op and target.op.is_own() else 0)
    return TYPES.index(_KINDS[target.kind]), bits


def _path(token: Token, known: dict[int, Mention]) -> Iterator[Colour]:
    """The parts of a path that mean something, each by itself."""
    at = token.start
    while at < token.end:
        mention = known.get(at)
        if mention and mention.span.end <= token.end:
            yield Colour(mention.span, *_meaning(mention))
            at = mention.span.end
        at += 1

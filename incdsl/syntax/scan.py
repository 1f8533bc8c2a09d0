"""A linear look at the text before any parser sees it: characters, budgets and comments."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from incdsl.diagnostics import Sink
from incdsl.diagnostics.limits import FileTooLarge, NumberTooLarge, TooDeep, TooManyTokens
from incdsl.diagnostics.names import BadName
from incdsl.diagnostics.syntax import IllegalCharacter
from incdsl.source import Source, Span

MAX_BYTES = 1 << 20
MAX_TOKENS = 50_000
MAX_DEPTH = 64
MAX_DIGITS = 18
MAX_NAME = 64

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<comment>\#[^\n]*)
      | (?P<string>"[^"\n]*")
      | (?P<word>[A-Za-z0-9_]+(?:\.(?!\.)[A-Za-z0-9_]*)*)
      | (?P<open>[{(\[])
      | (?P<close>[})\]])
      | (?P<sign>->|//|\.\.|[<>=!]=|[|:,=@/+\-*<>])
      | (?P<illegal>.)""",
    re.VERBOSE | re.DOTALL,
)
_LOOKALIKES = {
    "→": "->", "⇒": "->", "×": "x", "–": "-", "—": "-", "−": "-",
    "“": '"', "”": '"', "‘": "'", "’": "'", "：": ":", "，": ",", "；": "->", ";": "->",
}  # fmt: skip


@dataclass(slots=True)
class Budget:
    """What a spec and all that it imports may have together; comments are tokens here."""

    size: int = MAX_BYTES
    tokens: int = MAX_TOKENS


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment: its line, its text without `#` and outer blanks, and whether it has the line to itself."""

    line: int
    text: str
    alone: bool


def scan(source: Source, sink: Sink, budget: Budget | None = None) -> tuple[Comment, ...]:
    """Hold the text to the budgets and the alphabet, and gather its comments; problems go to the sink."""
    budget = budget or Budget()
    size = len(source.text.encode("utf-8", "surrogatepass"))
    if size > budget.size:
        sink.add(FileTooLarge(span=None, size=MAX_BYTES - budget.size + size, limit=MAX_BYTES))
        return ()
    budget.size -= size
    comments: list[Comment] = []
    depth = 0
    for match in _TOKEN.finditer(source.text):
        kind = match.lastgroup
        if kind == "space" or sink.full:
            continue
        span = Span(source, match.start(), match.end())
        budget.tokens -= 1
        if budget.tokens < 0:
            sink.add(TooManyTokens(span=span, limit=MAX_TOKENS))
            break
        if kind == "comment":
            comments.append(_comment(span, sink))
        elif kind == "open":
            depth += 1
            if depth > MAX_DEPTH:
                sink.add(TooDeep(span=span, what="brackets", limit=MAX_DEPTH))
                break
        elif kind == "close":
            depth -= 1
        elif kind == "word":
            _word(span, sink)
        elif kind == "string":
            _printable(span, sink)
        elif kind == "illegal":
            sink.add(_illegal(span, match.group()))
    return tuple(comments)


def _comment(span: Span, sink: Sink) -> Comment:
    _printable(span, sink)
    text = span.source.text
    line_start = text.rfind("\n", 0, span.start) + 1
    alone = not text[line_start : span.start].strip()
    return Comment(span.line, span.text[1:].strip(), alone)


def _printable(span: Span, sink: Sink) -> None:
    text = span.text
    if text.isascii() and text.rstrip("\r").isprintable():
        return
    for i, character in enumerate(text):
        if sink.full:
            break
        if character in "\t\r" or character.isprintable():
            continue
        sink.add(_illegal(Span(span.source, span.start + i, span.start + i + 1), character))


def _illegal(span: Span, character: str) -> IllegalCharacter:
    return IllegalCharacter(
        span=span,
        character=character,
        name=unicodedata.name(character, "").lower(),
        suggestion=_LOOKALIKES.get(character, ""),
    )


def _word(span: Span, sink: Sink) -> None:
    text = span.text
    if len(text) <= MAX_DIGITS:
        return
    digits = text.replace("_", "")
    if text[0].isdigit() and max(map(len, re.split(r"[^0-9]", digits))) > MAX_DIGITS:
        sink.add(NumberTooLarge(span=span, reason=f"numbers have at most {MAX_DIGITS} digits"))
    elif max(map(len, text.split("."))) > MAX_NAME:
        sink.add(BadName(span=span, name=text[:20] + "…", reason=f"names have at most {MAX_NAME} characters"))

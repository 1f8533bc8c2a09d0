"""A text as tokens, whatever the text is: in one linear sweep, within budgets.

A character that cannot stand where it stands is reported, and is trivia of the next token; where it looks like a sign
of the language it is taken for that sign.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from incdsl.diagnostics import Sink
from incdsl.diagnostics.limits import FileTooLarge, NumberTooLarge, TooDeep, TooManyTokens
from incdsl.diagnostics.names import BadName
from incdsl.diagnostics.syntax import IllegalCharacter, UnexpectedText
from incdsl.source import Source, Span
from incdsl.syntax.table import table
from incdsl.syntax.tokens import Token

MAX_BYTES = 1 << 20
MAX_TOKENS = 50_000
MAX_DEPTH = 64
MAX_DIGITS = 18
MAX_NAME = 64

OPENERS = frozenset({"LPAR", "LSQB", "LBRACE"})
CLOSERS = {"RPAR": ")", "RSQB": "]", "RBRACE": "}"}
_LOOKALIKES = {
    "→": "->", "⇒": "->", "×": "x", "–": "-", "—": "-", "−": "-",
    "“": '"', "”": '"', "‘": "'", "’": "'", "：": ":", "，": ",", "；": "->",
}  # fmt: skip


@dataclass(slots=True)
class Limits:
    """How many bytes and tokens a spec and all that it imports may have together; comments count as tokens."""

    size: int = MAX_BYTES
    tokens: int = MAX_TOKENS
    exceeded: bool = False


def tokenize(source: Source, sink: Sink, limits: Limits | None = None) -> list[Token]:
    """All tokens of a text, the last of the type `$END`; problems go to the sink.

    A text beyond its limits is cut: what is left of it is the trivia of the end.
    """
    limits = limits or Limits()
    tokens: list[Token] = []
    size = len(source.text.encode("utf-8", "surrogatepass"))
    if size > limits.size:
        sink.add(FileTooLarge(span=None, size=MAX_BYTES - limits.size + size, limit=MAX_BYTES))
    else:
        limits.size -= size
        _Sweep(source, sink, limits, tokens).run()
    before = tokens[-1].end if tokens else 0
    end = len(source.text)
    tokens.append(Token("$END", "", source, before, end, end))
    return tokens


class _Sweep:
    def __init__(self, source: Source, sink: Sink, limits: Limits, tokens: list[Token]) -> None:
        self._source = source
        self._sink = sink
        self._limits = limits
        self._tokens = tokens
        self._depth = 0

    def run(self) -> None:
        source, tokens = self._source, self._tokens
        before = 0
        for match in _master().finditer(source.text):
            if match.lastgroup == "blank":
                continue
            self._limits.tokens -= 1
            if self._limits.tokens < 0:  # those of all files together
                if not self._limits.exceeded:
                    self._sink.add(TooManyTokens(span=self._span(match), limit=MAX_TOKENS))
                self._limits.exceeded = True
                return
            kind = self._kind(match)
            if kind is None:
                continue
            if kind in OPENERS:
                self._depth += 1
                if self._depth > MAX_DEPTH:
                    self._sink.add(TooDeep(span=self._span(match), what="brackets", limit=MAX_DEPTH))
                    return
            elif kind in CLOSERS:
                self._depth -= 1
            tokens.append(Token(kind, match.group(), source, before, match.start(), match.end()))
            before = match.end()

    def _kind(self, match: re.Match[str]) -> str | None:
        """The type of a token; None for what is trivia."""
        kind, text = match.lastgroup, match.group()
        if kind == "sign":
            return _signs()[text]
        if kind == "illegal":
            return self._illegal(match)
        if kind == "quoted":
            self._sink.add(
                UnexpectedText(span=self._span(match), found=text, expected=(), hint=f'write `"{text[1:-1]}"`')
            )
            return "STRING"
        if kind == "bare":
            self._sink.add(
                UnexpectedText(span=self._span(match), found=f"`{text}`", expected=(), hint=f"write `0{text}`")
            )
            return "REAL"
        if kind == "foreign":
            character = next(each for each in text if not each.isascii())
            self._sink.add(_illegal(self._span(match), character, text))
            return "NAME"
        if kind == "comment" or kind == "STRING":
            self._check_printable(match, text)
            return None if kind == "comment" else kind
        if len(text) > MAX_DIGITS:
            self._check_length(match, text)
        return table().keywords.get(text, kind) if kind == "NAME" else kind

    def _span(self, match: re.Match[str]) -> Span:
        return Span(self._source, match.start(), match.end())

    def _illegal(self, match: re.Match[str]) -> str | None:
        """Report a character; the sign that it looks like, if it does."""
        character = match.group()
        if character == ".":
            self._sink.add(UnexpectedText(span=self._span(match), found="`.`", expected=()))
            return None
        self._sink.add(_illegal(self._span(match), character))
        return _signs().get(_LOOKALIKES.get(character, ""))

    def _check_printable(self, match: re.Match[str], text: str) -> None:
        """Comments and strings hold what can be printed."""
        if text.isascii() and text.rstrip("\r").isprintable():
            return
        for i, character in enumerate(text, match.start()):
            if self._sink.full:
                return
            if character not in "\t\r" and not character.isprintable():
                self._sink.add(_illegal(Span(self._source, i, i + 1), character))

    def _check_length(self, match: re.Match[str], text: str) -> None:
        digits = text.replace("_", "")
        if text[0].isdigit() and max(map(len, re.split(r"[^0-9]", digits))) > MAX_DIGITS:
            reason = f"numbers have at most {MAX_DIGITS} digits"
            self._sink.add(NumberTooLarge(span=self._span(match), reason=reason))
        elif max(map(len, text.split("."))) > MAX_NAME:
            reason = f"names have at most {MAX_NAME} characters"
            self._sink.add(BadName(span=self._span(match), name=text[:20] + "…", reason=reason))


@cache
def _master() -> re.Pattern[str]:
    """One expression for everything; the first alternative that fits is taken, as by the grammar's priorities."""
    signs = sorted(_signs(), key=len, reverse=True)
    parts = [r"(?P<blank>[ \t\r\n]+)", r"(?P<comment>#[^\n]*)", r"(?P<foreign>\w*[^\x00-\x7f\W]\w*)"]
    parts += [f"(?P<{name}>{pattern})" for name, pattern in table().patterns]
    parts += [r"(?P<bare>\.[0-9]+(?:e-?[0-9]+)?)"]
    parts += [r"(?P<quoted>'[^'\"\n]*')"]
    parts += [f"(?P<sign>{'|'.join(map(re.escape, signs))})", r"(?P<illegal>.)"]
    return re.compile("|".join(parts), re.DOTALL)


@cache
def _signs() -> dict[str, str]:
    return dict(table().signs)


def _illegal(span: Span, character: str, word: str = "") -> IllegalCharacter:
    return IllegalCharacter(
        span=span,
        character=character,
        word=word,
        name=unicodedata.name(character, "").lower(),
        suggestion=_LOOKALIKES.get(character, ""),
    )

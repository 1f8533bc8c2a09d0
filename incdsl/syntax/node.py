"""What all nodes of the tree have in common: the nodes and tokens that they were written with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

from incdsl.source import Source, Span
from incdsl.syntax.tokens import Token

NOWHERE = Span(Source("<made>", ""), 0, 0)
"""The span of what was never written."""


@dataclass(eq=False, slots=True)
class Tree:
    """A construct of the language. Its fields say what it means; `parts` are the nodes and tokens it was written with,
    in order, and none in a tree that was made. Nodes are not changed once they are built.
    """

    parts: tuple[Part, ...] = field(default=(), repr=False, kw_only=True)

    @property
    def first_token(self) -> Token | None:
        """Its first token."""
        node: Part = self
        while isinstance(node, Tree):
            if not node.parts:
                return None
            node = node.parts[0]
        return node

    @property
    def last_token(self) -> Token | None:
        """Its last token."""
        node: Part = self
        while isinstance(node, Tree):
            if not node.parts:
                return None
            node = node.parts[-1]
        return node

    @property
    def span(self) -> Span:
        """Where it was written, without the trivia in front of it."""
        first, last = self.first_token, self.last_token
        return Span(first.source, first.start, last.end) if first and last else NOWHERE

    @property
    def tokens(self) -> Iterator[Token]:
        """All of its tokens, in order."""
        waiting: list[Part] = [self]
        while waiting:
            part = waiting.pop()
            if isinstance(part, Token):
                yield part
            else:
                waiting.extend(reversed(part.parts))

    def __str__(self) -> str:
        """The text that it was parsed from, trivia included."""
        return "".join(map(str, self.tokens))


Part: TypeAlias = Tree | Token


def nodes(part: Any) -> Iterator[Tree]:
    """A node and all that its fields hold, the outer ones first."""
    waiting = [part]
    while waiting:
        each = waiting.pop()
        if isinstance(each, tuple):
            waiting.extend(reversed(each))
        elif isinstance(each, Tree):
            yield each
            waiting.extend(reversed([getattr(each, f.name) for f in fields(each) if f.name != "parts"]))


def content(part: Any) -> object:
    """What a node means, to be compared: its fields, without where and how it was written."""
    if isinstance(part, tuple):
        return tuple(map(content, part))
    if not isinstance(part, Tree):
        return part
    if type(part).__name__ == "Parenthesized":  # says no more than what stands inside
        return content(part.inner)  # type: ignore[attr-defined]
    return type(part).__name__, *(content(getattr(part, f.name)) for f in fields(part) if f.name != "parts")

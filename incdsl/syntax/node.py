"""What all nodes of the tree have in common: the nodes and tokens that they were written with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from operator import attrgetter
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
    _span: Span | None = field(default=None, init=False, repr=False)

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
        if self._span is None:
            first, last = self.first_token, self.last_token
            self._span = Span(first.source, first.start, last.end) if first and last else NOWHERE
        return self._span

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
    """A node and all that its fields hold, the outer ones first, and the later ones of a node."""
    waiting = [part]
    while waiting:
        each = waiting.pop()
        if type(each) is tuple:
            waiting += each
        elif isinstance(each, Tree):
            yield each
            waiting += _held(type(each))(each)  # type: ignore[arg-type]


@cache
def _meaning(kind: Any) -> tuple[str, ...]:
    """The fields that say what a node means."""
    return tuple(each.name for each in fields(kind) if each.name not in ("parts", "_span"))


@cache
def _held(kind: Any) -> Callable[[Tree], tuple[Any, ...]]:
    """Gives the values of a node's fields."""
    names = _meaning(kind)
    if len(names) < 2:
        return lambda node: tuple([getattr(node, name) for name in names])
    return attrgetter(*names)


def content(part: Any) -> object:
    """What a node means, to be compared: its fields, without where and how it was written."""
    if isinstance(part, tuple):
        return tuple(map(content, part))
    if not isinstance(part, Tree):
        return part
    if type(part).__name__ == "Parenthesized":  # says no more than what stands inside
        return content(part.inner)  # type: ignore[attr-defined]
    return type(part).__name__, *(content(getattr(part, name)) for name in _meaning(type(part)))  # type: ignore[arg-type]

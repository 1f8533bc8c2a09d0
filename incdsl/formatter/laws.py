"""What holds of every layout: the same tree, the same comments in the same places, and no change a second time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from incdsl.syntax import tree
from incdsl.syntax.node import Part
from incdsl.syntax.parser import parse
from incdsl.syntax.tokens import Token

Lay: TypeAlias = Callable[[tree.File], str]


class LawBroken(Exception):
    """A layout is not of the text that it was made from, which is a bug in incdsl; the message names the law."""


def hold(file: tree.File, text: str, lay: Lay) -> None:
    """Check that a text is a layout of a file.

    Raises:
        LawBroken: if it is not.
    """
    again = parse(text).file
    if list(_shape(again)) != list(_shape(file)):
        raise LawBroken("the tree would change")
    if list(_comments(again)) != list(_comments(file)):
        raise LawBroken("a comment would be lost, or stand elsewhere")
    if _documents(again) != _documents(file):
        raise LawBroken("a comment would be about something else")
    if lay(again) != text:
        raise LawBroken("it would change again the next time")


def _shape(file: tree.File) -> Iterator[tuple[str, str | int]]:
    """The tree, written out: what each node is and how many parts it has, and its tokens."""
    waiting: list[Part] = [file]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Token):
            yield part.type, part.text
        else:
            yield type(part).__name__, len(part.parts)
            waiting += reversed(part.parts)


def _comments(file: tree.File) -> Iterator[tuple[int, str]]:
    """Each comment, with the number of the token behind it."""
    for i, token in enumerate(file.tokens):
        for comment in token.comments:
            yield i, comment.text.rstrip(" \t\r")


def _documents(file: tree.File) -> tuple[object, ...]:
    """The comments that say something about the file, a definition, a value or a rail."""
    about = [node.comments for node in tree.nodes(file) if isinstance(node, tree.Documented)]
    return file.header, about

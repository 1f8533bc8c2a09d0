"""The tokens of a tree in a row: the blanks between them, and where a line may break."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import Literal, TypeAlias

from incdsl.syntax import tree
from incdsl.syntax.node import Part
from incdsl.syntax.tokens import Token

WIDTH = 120
"""Columns of a line."""

INDENT = 2

Joint: TypeAlias = Literal["arrow", "bar", "word", "shape"]
"""Where the author may break a line: before `->`, a rail, `times`, `for`, `if` or `else`, and an assertion."""

_BINDS_AFTER = frozenset({"LPAR", "LSQB", "AT", "SLASH"})
_BINDS_BEFORE = frozenset({"COMMA", "COLON", "RPAR", "RSQB", "SLASH"})


class Sheet:
    """Token `i` stands `blanks[i]` columns behind the one before it, unless it starts a line."""

    def __init__(self, file: tree.File) -> None:
        self.tokens: list[Token] = []
        self.blanks: list[int] = []
        self.joints: dict[int, Joint] = {}
        self.steps: dict[int, tree.Step] = {}
        """The steps, by their first tokens."""
        self.errors: list[int] = []
        """The first tokens of what makes no sense."""
        self._first: dict[int, int] = {}
        self._stop: dict[int, int] = {}
        self._number(file)
        lengths = (gap + len(token.text) for gap, token in zip(self.blanks, self.tokens, strict=True))
        self._columns = list(accumulate(lengths, initial=0))
        starts = [i for i in range(len(self.tokens)) if self.starts_line(i)]
        self._loose = [i for i in starts if self._is_loose(i)]
        hard = set(starts).difference(self._loose)
        self._hard = list(accumulate((i in hard for i in range(len(self.tokens))), initial=0))

    def first(self, node: tree.Tree) -> int:
        """The index of a node's first token."""
        return self._first[id(node)]

    def stop(self, node: tree.Tree) -> int:
        """The index behind a node's last token."""
        return self._stop[id(node)]

    def width(self, first: int, stop: int) -> int:
        """The columns of some tokens on one line, without what stands before them."""
        if stop <= first:
            return 0
        return self._columns[stop] - self._columns[first + 1] + len(self.tokens[first].text)

    def flat(self, first: int, stop: int) -> bool:
        """Whether some tokens stand on one line, but for choices and assertions that the author put on the next."""
        return stop <= first or self._hard[stop] == self._hard[first + 1]

    def fits(self, first: int, stop: int, column: int, more: int) -> bool:
        """Whether some tokens are flat, and no line of them is too long; lines after the first begin at `more`."""
        if not self.flat(first, stop):
            return False
        for i in self._loose[bisect_left(self._loose, first + 1) : bisect_left(self._loose, stop)]:
            if column + self.width(first, i) > WIDTH:
                return False
            first, column = i, more
        return column + self.width(first, stop) <= WIDTH

    def starts_line(self, i: int) -> bool:
        """Whether a token has to start a line: behind a comment, or where the author broke the line at a joint."""
        trivia = self.tokens[i].trivia
        if "#" in trivia:
            return True
        joint = self.joints.get(i)
        if joint == "arrow":  # an arrow at the end of a line moves to the next one
            return "\n" in trivia or "\n" in self.tokens[i + 1].trivia
        return joint is not None and "\n" in trivia

    def _is_loose(self, i: int) -> bool:
        """Whether a token starts a line that does not matter to the steps around it."""
        return self.joints.get(i) in ("word", "shape") and "#" not in self.tokens[i].trivia

    def _number(self, file: tree.File) -> None:
        words: set[int] = set()
        """The tokens with which repetitions and choices start."""
        waiting: list[tuple[Part | None, tree.Tree]] = [(file, file)]
        signed = False
        while waiting:
            part, parent = waiting.pop()
            if part is None:
                self._stop[id(parent)] = len(self.tokens)
            elif isinstance(part, Token):
                i = len(self.tokens)
                self.blanks.append(0 if signed or i == 0 else _blank(part, self.tokens[-1], parent))
                signed = part.type == "MINUS" and isinstance(parent, tree.Negative | tree.Number)
                self.tokens.append(part)
                if joint := "word" if id(part) in words else _joint(part, parent):
                    self.joints[i] = joint
            else:
                if isinstance(part, tree.Step):
                    self.steps.setdefault(len(self.tokens), part)
                    if part.repeat:
                        words.add(id(part.repeat.first_token))
                elif isinstance(part, tree.Error) and part.parts:
                    self.errors.append(len(self.tokens))
                self._first[id(part)] = len(self.tokens)
                waiting.append((None, part))
                waiting += [(each, part) for each in reversed(part.parts)]


def _blank(token: Token, before: Token, parent: tree.Tree) -> int:
    """The blanks between a token and the one before it."""
    if before.type in _BINDS_AFTER or token.type in _BINDS_BEFORE:
        return 0
    if token.type == "ASCRIBE":
        return int(not isinstance(parent, tree.Arg))
    if token.type != "LPAR":
        return 1
    if isinstance(parent, tree.Call):  # `Block(width: 8)`, but `conv2d (bias: false)`
        return int(before is not parent.parts[0] or not before.text[:1].isupper())
    return int(not isinstance(parent, tree.Nested | tree.Unit | tree.Block | tree.Net | tree.Variant))


def _joint(token: Token, parent: tree.Tree) -> Joint | None:
    if token.type == "ARROW":
        return "arrow"
    if token.type == "VBAR" and isinstance(parent, tree.Rail):
        return "bar"
    if token.type == "ELSE" and isinstance(parent, tree.When):
        return "word"
    if token.type == "ASCRIBE" and isinstance(parent, tree.Dims):
        return "shape"
    return None

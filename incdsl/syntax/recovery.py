"""What to do about a token that cannot stand where it stands.

First a small repair is sought: a token that is missing, one that is too many, one in place of another, so that what
follows makes sense again. Where there is none, a part of the text becomes an `Error` node: from the innermost construct
in which a wrong part may stand, up to the next token that goes on behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from incdsl.syntax.automaton import feed, may_follow
from incdsl.syntax.lexer import CLOSERS, OPENERS
from incdsl.syntax.table import Table
from incdsl.syntax.tokens import Token

AHEAD = 16
"""Tokens behind a repair that are looked at."""
NEEDED = 6
"""Of these, how many must make sense."""
MAX_TRIES = 400
"""Places at which a wrong part may end that are tried."""

_SIGNS = ("ARROW", "COMMA", "COLON", "EQUAL", "VBAR", "LBRACE", "RBRACE", "RPAR", "RSQB", "LPAR", "LSQB", "AT")
_WORDS = ("INPUT", "OUTPUT", "AUX", "EXPECT", "UNIT", "BLOCK", "NET", "FROM", "USE", "WITH", "MERGE", "IN")
_TAKEN_FOR = {"EQUAL": "COLON", "COLON": "EQUAL"}
_STARTS = frozenset({
    "UNIT", "BLOCK", "NET", "FROM", "WITHOUT", "INPUT", "OUTPUT", "AUX", "EXPECT", "VBAR", "RBRACE", "ARROW", "COMMA",
    "RPAR", "RSQB",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Repair:
    """Terminals to insert in front of a token, and whether the token itself is left out.

    `reach` is how many of the tokens behind it were seen to make sense.
    """

    insert: tuple[str, ...] = ()
    skip: bool = False
    reach: int = 0


@dataclass(frozen=True, slots=True)
class Cut:
    """How much of the stack a wrong part takes with it, and the token that goes on behind it."""

    depth: int
    stop: int


def missing_closers(table: Table, stack: Sequence[int], token: Token) -> tuple[str, ...]:
    """The one or two closing brackets after which a token may stand; none if others are missing."""
    for closers in [(a,) for a in CLOSERS] + [(a, b) for a in CLOSERS for b in CLOSERS]:
        terminals = (*closers, token.type)
        if feed(table, stack, terminals)[1] == len(terminals):
            return closers
    return ()


def repair(table: Table, stack: Sequence[int], tokens: Sequence[Token], i: int) -> Repair | None:
    """The repair in front of a token after which most of what follows makes sense; None if none is good enough."""
    ahead = [token.type for token in tokens[i : i + AHEAD]]
    enough = min(NEEDED, len(ahead))
    best, reached = None, enough - 1
    for each in _repairs(table, stack, ahead[0]):
        rest = ahead[1:] if each.skip else ahead
        count = feed(table, stack, (*each.insert, *rest))[1] - len(each.insert) + each.skip
        if count > reached:
            best, reached = replace(each, reach=count), count
    return best


def _repairs(table: Table, stack: Sequence[int], terminal: str) -> Iterator[Repair]:
    """What may be wrong, the likeliest first."""
    if (swapped := _TAKEN_FOR.get(terminal, "")) and may_follow(table, stack, swapped):
        yield Repair((swapped,), skip=True)
    possible = [t for t in (*_SIGNS, *_WORDS, "NAME") if may_follow(table, stack, t)]
    for sign in possible:
        if sign != "NAME":
            yield Repair((sign,))
    if terminal != "$END":
        yield Repair(skip=True)
    if "NAME" in possible:
        yield Repair(("NAME",))
    if terminal != "$END":
        for sign in possible:
            yield Repair((sign,), skip=True)


def panic(table: Table, stack: Sequence[int], tokens: Sequence[Token], i: int) -> Cut:
    """Where the wrong part that a token stands in begins and ends."""
    nesting = tries = 0
    end = len(tokens) - 1
    for j in range(i, end):
        if nesting == 0 and _may_go_on(tokens, j):
            tries += 1
            depth = error_before(table, stack, (tokens[j].type, tokens[j + 1].type))
            if depth:
                return Cut(depth, j)
            if tries > MAX_TRIES:
                break
        if tokens[j].type in OPENERS:
            nesting += 1
        elif tokens[j].type in CLOSERS:
            nesting = max(nesting - 1, 0)
    return Cut(error_before(table, stack, ("$END",)) or 1, end)


def _may_go_on(tokens: Sequence[Token], j: int) -> bool:
    """Whether a token starts or ends something."""
    if tokens[j].type in _STARTS:
        return True
    starts_line = j > 0 and tokens[j].type == "NAME" and tokens[j].line != tokens[j - 1].line
    return starts_line and tokens[j + 1].type in ("EQUAL", "COMMA", "COLON")


def error_before(table: Table, stack: Sequence[int], terminals: tuple[str, ...]) -> int:
    """How much of the stack stays, at most, if a wrong part stands in front of these terminals; 0 if it cannot."""
    for depth in range(len(stack), 0, -1):
        if "ERROR" in table.states[stack[depth - 1]]:
            wanted = ("ERROR", *terminals)
            if feed(table, stack[:depth], wanted)[1] == len(wanted):
                return depth
    return 0

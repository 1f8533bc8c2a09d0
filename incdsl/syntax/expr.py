"""The surface tree of expressions and settings."""

from __future__ import annotations

from dataclasses import dataclass

from incdsl.syntax.node import Tree


@dataclass(eq=False, slots=True)
class Name(Tree):
    """A name, where it is bound or used; empty where the text lacks one."""

    text: str


@dataclass(eq=False, slots=True)
class Error(Tree):
    """A part of the text that makes no sense where it stands."""


# Expressions


@dataclass(eq=False, slots=True)
class Number(Tree):
    """`64`, `1_000`, `1e-3`."""

    value: int | float


@dataclass(eq=False, slots=True)
class Boolean(Tree):
    """`true` or `false`."""

    value: bool


@dataclass(eq=False, slots=True)
class Variable(Tree):
    """A parameter, or a value (then: its number of channels)."""

    name: str


@dataclass(eq=False, slots=True)
class InChannels(Tree):
    """`in`, the number of channels of the block's input."""


@dataclass(eq=False, slots=True)
class Negative(Tree):
    """`-a`."""

    operand: Expr


@dataclass(eq=False, slots=True)
class Arithmetic(Tree):
    """`a + b - c` or `a * b // c % d`: operators of one precedence, applied from left to right."""

    first: Expr
    rest: tuple[tuple[str, Expr], ...]


@dataclass(eq=False, slots=True)
class Parenthesized(Tree):
    """`(a + b)`."""

    inner: Expr


@dataclass(eq=False, slots=True)
class Comparison(Tree):
    """`a == b`."""

    left: Expr
    operator: str
    right: Expr


@dataclass(eq=False, slots=True)
class Negation(Tree):
    """`not a`."""

    test: Expr


@dataclass(eq=False, slots=True)
class Junction(Tree):
    """`a == b and c`, `a or b`: all parts hold, or any of them; `and` binds closer."""

    word: str
    tests: tuple[Expr, ...]


@dataclass(eq=False, slots=True)
class Conditional(Tree):
    """`a if test else b`."""

    then: Expr
    test: Expr
    other: Expr


@dataclass(eq=False, slots=True)
class List(Tree):
    """`[a, b]`."""

    items: tuple[Expr, ...]


@dataclass(eq=False, slots=True)
class Word(Tree):
    """A padding word as a value: `valid`, `same`, `half`."""

    word: str


@dataclass(eq=False, slots=True)
class Nested(Tree):
    """An op with settings as a value, `leakyrelu(slope: 0.1)`, or a function, `max(a, b)`."""

    name: Name
    args: tuple[Arg, ...]


Expr = (
    Number | Boolean | Variable | InChannels | Negative | Arithmetic | Parenthesized
    | Comparison | Negation | Junction | Conditional | List | Word | Nested
)  # fmt: skip
"""One language of expressions: numbers, tests, lists, words, ops and what is made of them."""


@dataclass(eq=False, slots=True)
class Arg(Tree):
    """`name: value`, or a value alone."""

    name: Name | None
    value: Expr

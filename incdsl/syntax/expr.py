"""The surface tree of expressions and settings."""

from __future__ import annotations

from dataclasses import dataclass

from incdsl.source import Span


@dataclass(frozen=True, slots=True)
class Tree:
    """Anything that was written; `span` is where."""

    span: Span


# Expressions


@dataclass(frozen=True, slots=True)
class Number(Tree):
    """`64`, `1_000`, `1e-3`."""

    value: int | float


@dataclass(frozen=True, slots=True)
class Boolean(Tree):
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True, slots=True)
class Variable(Tree):
    """A parameter, or a value (then: its number of channels)."""

    name: str


@dataclass(frozen=True, slots=True)
class InChannels(Tree):
    """`in`, the number of channels of the block's input."""


@dataclass(frozen=True, slots=True)
class Negative(Tree):
    """`-a`."""

    operand: Expr


@dataclass(frozen=True, slots=True)
class Arithmetic(Tree):
    """`a + b - c` or `a * b // c`: operators of one precedence, applied from left to right."""

    first: Expr
    rest: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class Comparison(Tree):
    """`a == b`."""

    left: Expr
    operator: str
    right: Expr


Expr = Number | Boolean | Variable | InChannels | Negative | Arithmetic


@dataclass(frozen=True, slots=True)
class Junction(Tree):
    """`a == b and c`, `a or b`: all parts hold, or any of them; `and` binds closer."""

    word: str
    tests: tuple[Test, ...]


Test = Expr | Comparison | Junction


@dataclass(frozen=True, slots=True)
class List(Tree):
    """`[a, b]`."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Word(Tree):
    """A padding word as a value: `valid`, `same`, `half`."""

    word: str


@dataclass(frozen=True, slots=True)
class Nested(Tree):
    """An op with settings as a value: `leakyrelu(slope: 0.1)`."""

    name: str
    args: tuple[Arg, ...]


Value = Expr | List | Word | Nested


@dataclass(frozen=True, slots=True)
class Arg(Tree):
    """`name: value`, or a value alone."""

    name: str | None
    value: Value

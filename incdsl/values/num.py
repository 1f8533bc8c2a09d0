"""Numbers that remember the expression behind them: `224 + pool` is 288 here and 256 there.

A `Num` is an `int`, so every rule computes with it as with any number; beside its value it carries an expression over
the symbols of the class that it stands in. Expressions are kept canonical, so equal ones are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import gcd
from typing import Any

PLAIN = frozenset({int, float, bool, str, type(None)})
"""Types of values that no symbol stands behind."""
MAX_SIZE = 200
"""Symbols and numbers in one expression, beyond which nobody could read it."""

MAX_WRITTEN = 40
"""The same in one expression that is shown as it was written; a longer one is shown in canonical form."""


class TooComplicated(ValueError):
    """An expression or a size has grown beyond what can be tracked."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A block's parameter, `in`, or a setting of a unit."""

    name: str


@dataclass(frozen=True, slots=True)
class Product:
    """A product of two expressions that both hold symbols."""

    left: Linear
    right: Linear


@dataclass(frozen=True, slots=True)
class Quotient:
    """A floor division that does not come out even."""

    left: Linear
    right: Linear


Atom = Symbol | Product | Quotient


@dataclass(frozen=True)
class Linear:
    """`constant + Σ coefficient · atom`, atoms in the order of their text."""

    constant: int
    terms: tuple[tuple[Atom, int], ...] = ()
    symbols: frozenset[str] = field(init=False, compare=False, repr=False, default=frozenset())
    """Names of all symbols inside."""
    size: int = field(init=False, compare=False, repr=False, default=1)
    """How many symbols and numbers its text has."""

    def __post_init__(self) -> None:
        if self.terms:
            symbols = frozenset().union(*(_symbols(atom) for atom, _ in self.terms))
            size = 1 + sum(1 + (0 if isinstance(a, Symbol) else a.left.size + a.right.size) for a, _ in self.terms)
            object.__setattr__(self, "symbols", symbols)
            object.__setattr__(self, "size", size)

    def plus(self, other: Linear) -> Linear:
        """The sum."""
        terms = dict(self.terms)
        for atom, coefficient in other.terms:
            terms[atom] = terms.get(atom, 0) + coefficient
        kept = sorted(((a, c) for a, c in terms.items() if c), key=lambda term: _text(term[0]))
        return Linear(self.constant + other.constant, tuple(kept))

    def scaled(self, factor: int) -> Linear:
        """The product with a number."""
        if factor == 0:
            return Linear(0)
        return Linear(self.constant * factor, tuple((a, c * factor) for a, c in self.terms))

    def times(self, other: Linear) -> Linear:
        """The product."""
        if not self.terms:
            return other.scaled(self.constant)
        if not other.terms:
            return self.scaled(other.constant)
        left, right = sorted((self, other), key=str)
        return Linear(0, ((Product(left, right), 1),))

    def floor_divided(self, other: Linear) -> Linear:
        """The floor of the quotient; even divisions are carried out."""
        if self == other:
            return Linear(1)
        if not other.terms:
            if other.constant < 0:
                return self.scaled(-1).floor_divided(other.scaled(-1))
            common = gcd(other.constant, *(c for _, c in self.terms))
            divisor = Linear(other.constant // common)
            numerator = Linear(self.constant // common, tuple((a, c // common) for a, c in self.terms))
            return numerator if divisor == Linear(1) else Linear(0, ((Quotient(numerator, divisor), 1),))
        return Linear(0, ((Quotient(self, other), 1),))

    def substitute(self, values: Mapping[str, Linear]) -> Linear:
        """The expression with symbols replaced."""
        if not self.symbols & values.keys():
            return self
        if len(self.terms) == 1 and not self.constant:  # as most are: one symbol
            atom, coefficient = self.terms[0]
            replaced = _substitute(atom, values)
            return replaced if coefficient == 1 else replaced.scaled(coefficient)
        result = _whole(self.constant)
        for atom, coefficient in self.terms:
            result = result.plus(_substitute(atom, values).scaled(coefficient))
        return result

    def evaluate(self, values: Mapping[str, int]) -> int:
        """The number that the expression has for these values of its symbols."""
        return self.constant + sum(c * _evaluate(atom, values) for atom, c in self.terms)

    def show(self, name: Callable[[str], str] = str) -> str:
        """Python source, symbols spelled by `name`."""
        parts: list[str] = []
        if self.constant > 0 or not self.terms:
            parts.append(str(self.constant))
        for atom, coefficient in self.terms:
            text = _text(atom, name)
            magnitude = abs(coefficient)
            if magnitude != 1:
                text = f"{magnitude} * {text}" if not isinstance(atom, Quotient) else f"{magnitude} * ({text})"
            sign = "-" if coefficient < 0 else "+"
            if not parts and coefficient == -1 and isinstance(atom, Quotient):
                text = f"({text})"  # `-a // 2` would be `(-a) // 2`, which rounds the other way
            parts.append(f"{sign} {text}" if parts else (f"-{text}" if coefficient < 0 else text))
        if self.constant < 0 and self.terms:
            parts.append(f"- {-self.constant}")
        return " ".join(parts)

    def __str__(self) -> str:
        return self.show()

    @property
    def compound(self) -> bool:
        """Whether it needs parentheses as a factor."""
        return len(self.terms) + (self.constant != 0) > 1 or any(
            c != 1 or not isinstance(a, Symbol) for a, c in self.terms
        )


def _symbols(atom: Atom) -> frozenset[str]:
    return frozenset({atom.name}) if isinstance(atom, Symbol) else atom.left.symbols | atom.right.symbols


def _text(atom: Atom, name: Callable[[str], str] = str) -> str:
    if isinstance(atom, Symbol):
        return name(atom.name)
    operator = "*" if isinstance(atom, Product) else "//"
    left, right = (f"({x.show(name)})" if x.compound else x.show(name) for x in (atom.left, atom.right))
    return f"{left} {operator} {right}"


def _substitute(atom: Atom, values: Mapping[str, Linear]) -> Linear:
    if isinstance(atom, Symbol):
        return values.get(atom.name) or _named(atom.name)
    left, right = atom.left.substitute(values), atom.right.substitute(values)
    return left.times(right) if isinstance(atom, Product) else left.floor_divided(right)


def _evaluate(atom: Atom, values: Mapping[str, int]) -> int:
    if isinstance(atom, Symbol):
        return values[atom.name]
    left, right = atom.left.evaluate(values), atom.right.evaluate(values)
    return left * right if isinstance(atom, Product) else left // right


def is_operation(expr: Linear) -> bool:
    """Whether it is one product of symbols, or one quotient: what takes a line of its own in readable code."""
    if expr.constant or len(expr.terms) != 1:
        return False
    atom, coefficient = expr.terms[0]
    return coefficient == 1 and not isinstance(atom, Symbol)


def named(expr: Linear | Written, names: Mapping[Linear, str]) -> Linear | Written:
    """The expression with those inside it that have a name replaced by a symbol of that name."""
    if isinstance(expr, Written):
        name = names.get(expr.linear())
        return _named(name) if name else Written(expr.sign, named(expr.left, names), named(expr.right, names))
    if not expr.terms or not names:
        return expr
    result = _whole(expr.constant)
    for atom, coefficient in expr.terms:
        result = result.plus(_with_names(atom, names).scaled(coefficient))
    return result


def _with_names(atom: Atom, names: Mapping[Linear, str]) -> Linear:
    whole = Linear(0, ((atom, 1),))
    if name := names.get(whole):
        return _named(name)
    if isinstance(atom, Symbol):
        return whole
    left, right = (_canonical(named(side, names)) for side in (atom.left, atom.right))
    return left.times(right) if isinstance(atom, Product) else left.floor_divided(right)


def _canonical(expr: Linear | Written) -> Linear:
    return expr.linear() if isinstance(expr, Written) else expr


@dataclass(frozen=True, slots=True)
class Written:
    """An expression as its author wrote it: `t * in`, `2 * (width + 8)`."""

    sign: str
    left: Linear | Written
    right: Linear | Written

    @staticmethod
    def of(sign: str, left: Linear | Written, right: Linear | Written) -> Linear | Written:
        """The operation; only its operand where it changes nothing, and a number where it gives one."""
        if right == (_whole(1) if sign in ("*", "//") else _whole(0)):
            return left
        if left == {"+": _whole(0), "*": _whole(1)}.get(sign):
            return right
        if left.symbols or right.symbols:
            return Written(sign, left, right)
        return Written(sign, left, right).linear()

    def linear(self) -> Linear:
        """The same expression in canonical form."""
        left, right = (side.linear() if isinstance(side, Written) else side for side in (self.left, self.right))
        match self.sign:
            case "+":
                return left.plus(right)
            case "-":
                return left.plus(right.scaled(-1))
            case "*":
                return left.times(right)
            case _:
                return left.floor_divided(right)

    def substitute(self, values: Mapping[str, Linear]) -> Linear | Written:
        """The expression with symbols replaced; what is a number then is one."""
        return Written.of(self.sign, self.left.substitute(values), self.right.substitute(values))

    @property
    def size(self) -> int:
        """How many symbols and numbers its text has, or a few more."""
        return self.left.size + self.right.size

    @property
    def symbols(self) -> frozenset[str]:
        """Names of all symbols inside."""
        return self.left.symbols | self.right.symbols

    def show(self, name: Callable[[str], str] = str) -> str:
        """Python source, symbols spelled by `name`, with no more parentheses than it needs."""
        sides = []
        for side, strict in ((self.left, False), (self.right, self.sign in ("-", "*", "//"))):
            text = side.show(name)
            sides.append(f"({text})" if self._binds_closer(side, strict) else text)
        return f" {self.sign} ".join(sides)

    def _binds_closer(self, side: Linear | Written, strict: bool) -> bool:
        """Whether this operator would tear an operand apart; `strict` on the right, where order matters."""
        product = self.sign in ("*", "//")
        if isinstance(side, Written):
            is_sum = side.sign in ("+", "-")
        elif not side.terms:
            return side.constant < 0
        else:
            is_sum = len(side.terms) + (side.constant != 0) > 1 or side.terms[0][1] < 0
            if not is_sum and not side.compound:
                return False
        return (product or strict) if is_sum else (product and strict)


class Num(int):
    """An `int` with the expression behind it, and how that was written where somebody wrote it."""

    expr: Linear
    written: Written | None = None

    def __new__(cls, value: int, expr: Linear) -> Num:
        """An `int` of this value and expression."""
        number = super().__new__(cls, value)
        number.expr = expr
        return number

    @staticmethod
    @lru_cache(maxsize=10_000)
    def symbol(value: int, name: str) -> Num:
        """The number that a symbol stands for. Numbers never change, so equal ones are one."""
        return Num(value, _named(name))

    def __add__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        return _number(int(self) + int(other), expression(self).plus(expression(other)))

    __radd__ = __add__

    def __sub__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        return _number(int(self) - int(other), expression(self).plus(expression(other).scaled(-1)))

    def __rsub__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        return _number(int(other) - int(self), expression(other).plus(expression(self).scaled(-1)))

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return NotImplemented
        return _number(int(self) * int(other), expression(self).times(expression(other)))

    __rmul__ = __mul__

    def __floordiv__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        return _number(int(self) // int(other), expression(self).floor_divided(expression(other)))

    def __rfloordiv__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        return _number(int(other) // int(self), expression(other).floor_divided(expression(self)))

    def __neg__(self) -> int:
        return _number(-int(self), self.expr.scaled(-1))


def _number(value: int, expr: Linear) -> int:
    if expr.size > MAX_SIZE:
        raise TooComplicated("the expression is too long")
    return Num(value, expr) if expr.terms else value


def expression(value: int) -> Linear:
    """The expression behind a number; a plain one stands for itself."""
    return value.expr if isinstance(value, Num) else _whole(int(value))


@lru_cache(maxsize=10_000)
def _named(name: str) -> Linear:
    return Linear(0, ((Symbol(name), 1),))


@lru_cache(maxsize=10_000)
def _whole(value: int) -> Linear:
    return Linear(value)


def spelled(value: int) -> Linear | Written:
    """The expression behind a number, as it was written if somebody wrote it."""
    return (value.written if isinstance(value, Num) else None) or expression(value)


def as_written(sign: str, left: int, right: int, value: int) -> int:
    """The number that an operator gave, with the text of the operation, unless that names more than the value needs."""
    if not isinstance(value, Num):
        return value
    number, written = Num(value, value.expr), Written.of(sign, spelled(left), spelled(right))
    if isinstance(written, Written) and written.size <= MAX_WRITTEN and written.symbols == value.expr.symbols:
        number.written = written
    return number


def unwritten(value: int) -> int:
    """The same number under its own name, however it was computed."""
    return Num(value, value.expr) if isinstance(value, Num) and value.written else value


def rebased(value: int, values: Mapping[str, Linear]) -> int:
    """The same number, its expression rewritten in the symbols of an enclosing class."""
    return _number(int(value), value.expr.substitute(values)) if isinstance(value, Num) else value


class Real(float):
    """A `float` that stands for a symbol, such as a dropout probability handed down as a parameter."""

    name: str

    def __new__(cls, value: float, name: str) -> Real:
        """A `float` of this value, for the symbol of this name."""
        number = super().__new__(cls, value)
        number.name = name
        return number


class Pair(tuple[int, int]):
    """A setting per axis, height first; `name` is the symbol that stands for both axes together, if one does."""

    __slots__ = ()

    def __new__(cls, height: int, width: int) -> Pair:
        """Height, then width."""
        return super().__new__(cls, (height, width))

    @property
    def text(self) -> str:
        """As a kernel is written: `3x3`."""
        return f"{int(self[0])}x{int(self[1])}"


class SymbolPair(Pair):
    """A pair that one symbol stands for: a unit's `kernel_size`."""

    name: str

    def __new__(cls, height: int, width: int, name: str = "") -> SymbolPair:
        """A pair of these values, for the symbol of this name."""
        pair = tuple.__new__(cls, (height, width))
        pair.name = name
        return pair


def constant(value: Any) -> bool:
    """Whether a setting holds no symbol."""
    if isinstance(value, Pair):
        return not isinstance(value, SymbolPair) and all(constant(v) for v in value)
    return not isinstance(value, Num | Real | SymbolPair)


def symbols(value: Any) -> frozenset[str]:
    """The names of the symbols that a value is made of."""
    if type(value) in PLAIN:
        return frozenset()
    if isinstance(value, Num):
        return value.expr.symbols
    if isinstance(value, Real | SymbolPair):
        return frozenset({value.name})
    if not isinstance(value, tuple) or PLAIN.issuperset(map(type, value)):
        return frozenset()
    return frozenset().union(*map(symbols, value))


def plain(value: Any) -> Any:
    """A number, or numbers, without the expressions behind them."""
    if isinstance(value, Num | Real):
        return int(value) if isinstance(value, Num) else float(value)
    if isinstance(value, Pair):
        return Pair(plain(value[0]), plain(value[1]))
    return tuple(map(plain, value)) if isinstance(value, tuple) else value


def described(value: Any) -> object:
    """A setting with its symbols in place of their values."""
    kind = type(value)
    if kind in PLAIN:
        return kind.__name__, value
    if isinstance(value, SymbolPair | Real):
        return "symbol", value.name
    if isinstance(value, Num):
        return value.expr
    if isinstance(value, tuple):
        return tuple(map(described, value))
    return kind.__name__, value

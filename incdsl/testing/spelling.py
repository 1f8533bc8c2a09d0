"""Nodes of the surface tree from plain values, and the values of expressions."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

from incdsl.syntax import tree
from incdsl.values import Pair


def name(text: str) -> tree.Name:
    """A name where it is bound."""
    return tree.Name(text)


def kernel(pair: Sequence[int]) -> tree.Kernel:
    """`3x3`."""
    return tree.Kernel(int(pair[0]), int(pair[1]))


def value(plain: Any) -> tree.Expr:
    """A setting: a number, a word, a list of them, or what is a node already."""
    if isinstance(plain, tree.Tree):
        return plain  # type: ignore[return-value]
    if isinstance(plain, bool):
        return tree.Boolean(plain)
    if isinstance(plain, str):
        return tree.Variable(plain)
    if isinstance(plain, tuple | list):
        return tree.List(tuple(map(value, plain)))
    return expression(plain)


def expression(plain: int | float) -> tree.Expr:
    """A number; one below zero has a sign before it."""
    return tree.Number(plain) if plain >= 0 else tree.Negative(tree.Number(-plain))


def arg(key: str, plain: Any) -> tree.Arg:
    """`name: value`; both numbers of a pair are one if they are equal."""
    if isinstance(plain, Pair) and plain[0] == plain[1]:
        plain = plain[0]
    return tree.Arg(name(key), value(plain))


def call(word: str, settings: Mapping[str, Any] | None = None, **sigils: Any) -> tree.Call:
    """A use of an op, a unit, a block or a value."""
    return tree.Call(name(word), args=tuple(arg(k, v) for k, v in (settings or {}).items()), **sigils)


def step(atom: tree.Atom, labels: Sequence[str] = (), repeat: Any = None, shape: Any = None) -> tree.Step:
    """One link of a chain."""
    return tree.Step(tuple(map(label, labels)), atom, repeat, shape)


def label(text: str) -> tree.Label:
    """`features.0:`, or `features.0..:`, which counts up."""
    return tree.Label(text.removesuffix(".."), text.endswith(".."))


def chain(steps: Sequence[tree.Step]) -> tree.Chain:
    """A chain."""
    return tree.Chain(tuple(steps))


def variable(text: str) -> tree.Variable:
    """A parameter or a value in an expression."""
    return tree.Variable(text)


def arithmetic(first: tree.Expr, sign: str, second: tree.Expr) -> tree.Arithmetic:
    """`a + b`."""
    return tree.Arithmetic(first, ((sign, second),))


def param(text: str, plain: Any, default: bool) -> tree.Param:
    """A parameter of this value, with a default or not; a word always has those that it may be."""
    if isinstance(plain, str):
        return tree.Param(name(text), tree.Words((name(plain), name("other"))))
    return tree.Param(name(text), value(plain) if default else None)


def value_of(node: Any, names: Mapping[str, Any], channels: int) -> Any:
    """What a setting comes to where names have these values and so many channels flow into the block."""
    return _Meaning(names, channels).of(node)


class _Meaning:
    """What expressions come to, written once more and apart from the compiler."""

    def __init__(self, names: Mapping[str, Any], channels: int) -> None:
        self._names = names
        self._channels = channels

    def of(self, node: Any) -> Any:
        """The value of an expression; what is none is as it is."""
        match node:
            case tree.Number(value=plain) | tree.Boolean(value=plain):
                return plain
            case tree.Variable(name=text):
                return self._names.get(text, text)
            case tree.InChannels():
                return self._channels
            case tree.Parenthesized(inner=inner):
                return self.of(inner)
            case tree.Negative(operand=operand):
                return -self.of(operand)
            case tree.Arithmetic(first=first, rest=rest):
                return reduce(lambda left, each: _SIGNS[each[0]](left, self.of(each[1])), rest, self.of(first))
            case tree.List(items=items):
                return tuple(map(self.of, items))
        return self._test(node)

    def _test(self, node: Any) -> Any:
        match node:
            case tree.Conditional(then=then, test=test, other=other):
                return self.of(then) if self.of(test) else self.of(other)
            case tree.Junction(word=word, tests=tests):
                return (all if word == "and" else any)(map(self.of, tests))
            case tree.Negation(test=test):
                return not self.of(test)
            case tree.Comparison(left=left, operator=sign, right=right):
                return _SIGNS[sign](self.of(left), self.of(right))
            case tree.Nested(name=tree.Name(text=text), args=args) if text in _FUNCTIONS:
                return _FUNCTIONS[text](*(self.of(each.value) for each in args))
        return node


def _divisible(number: float, by: int) -> int:
    """`make_divisible`: the first multiple that is nearest, from nine tenths of the number on."""
    multiples = range(by, int(number) + 2 * by, by)
    near = [m for m in multiples if m >= 0.9 * number]
    return min(near, key=lambda m: (abs(m - number), -m))


_FUNCTIONS: dict[str, Any] = {"min": min, "max": max, "make_divisible": _divisible}
_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod,
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def names_in(node: Any, kinds: tuple[type[Any], ...] = (tree.Variable, tree.Call, tree.Nested)) -> set[str]:
    """All names in a part of a tree: numbers, steps, values of parameters, and values that flow in together."""
    nodes = list(tree.nodes(node))
    beside = {name.text for each in nodes if isinstance(each, tree.Bundle) for name in each.names}
    return beside | {_text(each) for each in nodes if isinstance(each, kinds)}


def _text(node: Any) -> str:
    text: str = node.name if isinstance(node, tree.Variable) else node.name.text
    return text

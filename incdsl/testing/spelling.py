"""Nodes of the surface tree from plain values, and the values of expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def value_of(node: Any, names: Mapping[str, Any], channels: int) -> Any:
    """What a setting comes to where names have these values and so many channels flow into the block."""
    match node:
        case tree.Number(value=plain) | tree.Boolean(value=plain):
            return plain
        case tree.Variable(name=text):
            return names.get(text, text)
        case tree.InChannels():
            return channels
        case tree.Parenthesized(inner=inner):
            return value_of(inner, names, channels)
        case tree.Negative(operand=operand):
            return -value_of(operand, names, channels)
        case tree.Arithmetic(first=first, rest=rest):
            result = value_of(first, names, channels)
            for sign, operand in rest:
                other = value_of(operand, names, channels)
                result = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__, "//": int.__floordiv__}[sign](
                    result, other
                )
            return result
        case tree.List(items=items):
            return tuple(value_of(item, names, channels) for item in items)
    return node


def names_in(node: Any, kinds: tuple[type[Any], ...] = (tree.Variable, tree.Call, tree.Nested)) -> set[str]:
    """All names in a part of a tree: numbers, steps, values of parameters, and values that flow in together."""
    nodes = list(tree.nodes(node))
    beside = {name.text for each in nodes if isinstance(each, tree.Bundle) for name in each.names}
    return beside | {_text(each) for each in nodes if isinstance(each, kinds)}


def _text(node: Any) -> str:
    text: str = node.name if isinstance(node, tree.Variable) else node.name.text
    return text

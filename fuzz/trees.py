"""Changes of surface trees: parts of one spec in the place of others, of the same kind; printed as text again."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from random import Random
from typing import Any

from incdsl.syntax import tree
from incdsl.syntax.parser import parse
from incdsl.syntax.printer import show

_EXPR = (tree.Number, tree.Variable, tree.Boolean, tree.InChannels, tree.Arithmetic, tree.Negative)
_KINDS: dict[type, tuple[type, ...]] = {
    **dict.fromkeys(_EXPR, _EXPR),
    tree.Call: (tree.Call, tree.Group, tree.Merge),
    tree.Times: (tree.Times, tree.Each, tree.When),
    tree.Each: (tree.Times, tree.Each, tree.When),
    tree.When: (tree.Times, tree.Each, tree.When),
}
"""What may stand where a node of a type stands; other types stand for themselves."""


def parsed(text: str) -> tree.File | None:
    """The tree of a text, if nothing is wrong with it."""
    found = parse(text)
    return None if found.problems else found.file


Planted = tuple[tree.File, tuple[Any, ...]]
"""A file and all its nodes, itself not among them."""


def planted(file: tree.File) -> Planted:
    """A file with its nodes."""
    return file, tuple(node for node in tree.nodes(file) if node is not file)


def changed(one: Planted, other: Planted, random: Random) -> str:
    """The text of the first file with one part replaced, doubled or left out."""
    file, target = one[0], random.choice(one[1])
    kinds = _KINDS.get(type(target), (type(target),))
    others = [node for node in other[1] if isinstance(node, kinds)]
    how = random.random()
    if how < 0.7 and others:
        return show(_replaced(file, target, (random.choice(others),)))
    return show(_replaced(file, target, (target, target) if how < 0.85 else ()))


def _replaced(part: Any, target: Any, new: tuple[Any, ...]) -> Any:
    """The tree with other nodes in the place of one; a place for a single node keeps the first, or its own."""
    if part is target:
        return new[0] if new else part
    if isinstance(part, tuple) and any(isinstance(each, str) for each in part):  # a sign and its operand
        return tuple(_replaced(each, target, new[:1]) for each in part)
    if isinstance(part, tuple):
        items = ((*new,) if each is target else (_replaced(each, target, new),) for each in part)
        return type(part)(each for item in items for each in item) or part
    if not isinstance(part, tree.Tree):
        return part
    values = {name: getattr(part, name) for name in _fields(type(part))}
    fresh = {name: _replaced(value, target, new) for name, value in values.items()}
    return replace(part, parts=(), **{name: value for name, value in fresh.items() if value is not values[name]})


@cache
def _fields(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.init and field.name != "parts")

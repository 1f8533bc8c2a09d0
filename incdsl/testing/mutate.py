"""Changes one thing in a made spec, so that it is only just legal, or only just not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from incdsl.syntax import tree
from incdsl.testing.choices import Choices

_PADDINGS = ("valid", "same", "half", "pad")
_MERGES = ("concat", "add", "mul", "reduce")


def nearly(choices: Choices, file: tree.File) -> tree.File:
    """The spec with one number, kernel, padding or merge changed."""
    sites = list(_sites(file))
    if not sites:
        return file
    old = choices.pick(sites)
    changed: tree.File = with_changed(file, old, _changed(choices, old))
    return changed


def _sites(file: tree.File) -> Iterator[Any]:
    for node in tree.nodes(file):
        if isinstance(node, tree.Kernel | tree.Padding | tree.Merge) or _counts(node):
            yield node


def _counts(node: tree.Tree) -> bool:
    return isinstance(node, tree.Number) and isinstance(node.value, int)


def _changed(choices: Choices, old: Any) -> Any:
    more = choices.pick((1, -1, 2))
    match old:
        case tree.Kernel(height=height):
            return replace(old, height=max(1, height + more))
        case tree.Padding(amount=(height, width)):
            return replace(old, amount=(max(0, height + more), width))
        case tree.Padding(word=word):
            other = choices.pick([each for each in _PADDINGS if each != word])
            return replace(old, word=other, amount=(1, 1) if other == "pad" else None)
        case tree.Merge(word=tree.Name(text=word)):
            return replace(old, word=tree.Name(choices.pick([each for each in _MERGES if each != word])))
    return replace(old, value=max(0, old.value + more))


def with_changed(node: Any, old: Any, new: Any) -> Any:
    """A tree with one node, that very one, replaced."""
    if node is old:
        return new
    if isinstance(node, tuple):
        parts = tuple(with_changed(each, old, new) for each in node)
        return node if all(a is b for a, b in zip(node, parts, strict=True)) else parts
    if not isinstance(node, tree.Tree):
        return node
    names = [field.name for field in fields(node) if field.init and field.name != "parts"]
    made = {name: with_changed(getattr(node, name), old, new) for name in names}
    kept = {name: part for name, part in made.items() if part is not getattr(node, name)}
    return replace(node, parts=(), **kept) if kept else node

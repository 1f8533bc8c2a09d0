"""Changes one thing in a made spec, so that it is only just legal, or only just not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from incdsl.source import Span
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
    changed: tree.File = _with(file, old, _changed(choices, old))
    return changed


def _sites(node: Any) -> Iterator[Any]:
    if isinstance(node, tuple):
        for each in node:
            yield from _sites(each)
    elif isinstance(node, tree.Tree):
        if isinstance(node, tree.Kernel | tree.Padding | tree.Merge) or _counts(node):
            yield node
        for field in fields(node):
            yield from _sites(getattr(node, field.name))


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
        case tree.Merge(word=word):
            return replace(old, word=choices.pick([each for each in _MERGES if each != word]))
    return replace(old, value=max(0, old.value + more))


def _with(node: Any, old: Any, new: Any) -> Any:
    """A tree with one node, that very one, replaced."""
    if node is old:
        return new
    if isinstance(node, tuple):
        parts = tuple(_with(each, old, new) for each in node)
        return node if all(a is b for a, b in zip(node, parts, strict=True)) else parts
    if not isinstance(node, tree.Tree):
        return node
    names = [field.name for field in fields(node) if not isinstance(getattr(node, field.name), Span)]
    made = {name: _with(getattr(node, name), old, new) for name in names}
    kept = {name: part for name, part in made.items() if part is not getattr(node, name)}
    return replace(node, **kept) if kept else node

"""What the user decides, because nothing in a checkpoint can tell; and what such a decision is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Literal

from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.weights import IdlePattern
from incdsl.ops.base import Sizes
from incdsl.weights.checkpoint import Checkpoint
from incdsl.weights.layers import Layer

_COMPARED = 2000
"""Names among which near ones are sought."""
_TYPED = 3
"""Patterns that a message tells to type."""
Heads = Literal["all", "none", "unneeded"]
"""Which auxiliary heads of the net get weights; where they are `unneeded`, the checkpoint may have any of them."""


@dataclass(frozen=True)
class Decisions:
    """What is decided about a correspondence before evidence is heard."""

    ignore: tuple[str, ...] = ()
    """Patterns of entries that are left out."""
    fresh: tuple[str, ...] = ()
    """Patterns of layers of the net, or of what holds them, that stay as the module initializes them."""
    same: tuple[tuple[str, str], ...] = ()
    """Names of the checkpoint, and what they are in the net: layers, or what holds them."""
    rails_in_order: bool = False
    """Whether numbers of rails are in the order of the spec."""
    heads: Heads = "all"


NOTHING_DECIDED = Decisions()


def kept(checkpoint: Checkpoint, ignore: Iterable[str]) -> dict[str, Sizes]:
    """The entries that no pattern leaves out."""
    return {key: s for key, s in checkpoint.shapes.items() if not any(_fits(key, p, checkpoint) for p in ignore)}


def _fits(key: str, pattern: str, checkpoint: Checkpoint) -> bool:
    """Whether a pattern means an entry, under its name or that in the file."""
    return fnmatchcase(key, pattern) or fnmatchcase(checkpoint.prefix + key, pattern)


def is_fresh(layer: Layer, patterns: Iterable[str]) -> bool:
    """Whether a pattern means a layer of the net, or something that it stands in."""
    names = [".".join(layer.path[: depth + 1]) for depth in range(len(layer.path))]
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def idle(decisions: Decisions, checkpoint: Checkpoint, layers: Iterable[Layer]) -> Iterator[Diagnostic]:
    """Patterns that match nothing: they may be misspelt."""
    for pattern in decisions.ignore:
        if not any(_fits(key, pattern, checkpoint) for key in checkpoint.shapes):
            names = {key[: end.start()] for key in checkpoint.shapes for end in re.finditer("[./]|$", key)}
            yield _idle("ignore", pattern, names)
    mine = list(layers)
    for pattern in decisions.fresh:
        if not any(is_fresh(layer, [pattern]) for layer in mine):
            yield _idle(
                "fresh",
                pattern,
                {".".join(layer.path[:depth]) for layer in mine for depth in range(len(layer.path) + 1)},
            )


def _idle(option: str, pattern: str, names: set[str]) -> Diagnostic:
    known = sorted(names - {""}, key=lambda name: (len(name), name))[:_COMPARED]
    inside = option == "ignore" and any(name.startswith(f"{pattern}.") for name in known)
    nearest = [f"{pattern}.*"] if inside else get_close_matches(pattern.strip("*?./"), known, 3, 0.4)
    return IdlePattern(span=None, name=option, pattern=pattern, nearest=tuple(nearest))


def patterns_of(layers: Iterable[Layer], entries: Mapping[str, Sizes]) -> tuple[str, ...]:
    """Patterns of `--ignore` that mean exactly these layers of a checkpoint, the shortest that do.

    Where many would be needed, it is one for all: `PATTERN`.
    """
    ours = {entry.key for layer in layers for entry in layer.tensors.values()}
    others = entries.keys() - ours
    found: list[str] = []
    for key in sorted(ours):
        if not any(fnmatchcase(key, pattern) for pattern in found):
            if len(found) == _TYPED:
                return ("PATTERN",)
            ends = [key[: end.end()] for end in re.finditer("[./]", key)]
            short = next((start for start in ends if not any(other.startswith(start) for other in others)), "")
            found.append(f"{_literal(short)}*" if short else _literal(key))
    return tuple(found)


def _literal(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)

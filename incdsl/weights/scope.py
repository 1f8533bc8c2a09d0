"""What has to be matched: layers of the net that need an origin, entries of the checkpoint that need a place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

from incdsl.ir.net import Net
from incdsl.weights.decisions import Decisions, is_fresh
from incdsl.weights.layers import Layer, Signature
from incdsl.weights.sides import Side, below_common, net_side, paths_of_heads

_MOST_HEADS = 10
"""Of which every choice is looked at; of more, all or none are present."""


@dataclass(frozen=True)
class Scope:
    """The two sides, without what is left out of either."""

    net: Side
    fresh: tuple[Layer, ...]
    """Layers of the net that stay as they are initialized."""
    entries: tuple[Layer, ...]
    aside: tuple[Layer, ...]
    """Layers of the checkpoint in place of which the net has fresh ones, or none."""
    stray: tuple[Layer, ...]
    """Layers of the checkpoint that are named as those of heads that are left out: nothing else can be them."""
    absent: tuple[str, ...]
    """Heads of the net that are left out."""


def scope(net: Net, found: Sequence[Layer], decisions: Decisions) -> Scope:
    """The scope that the user's decisions give."""
    whole, heads = net_side(net), paths_of_heads(net)
    fresh = [layer for layer in whole.layers if is_fresh(layer, decisions.fresh)]
    aside = dict.fromkeys(_replaced(fresh, whole.layers, found))
    rest = [layer for layer in found if layer not in aside]
    named = _named(rest, frozenset[str]().union(*heads.values()))
    absent: tuple[str, ...] = ()
    if decisions.heads == "unneeded":
        aside, rest = dict.fromkeys([*aside, *named]), [layer for layer in rest if layer not in named]
        absent = missing_heads(net, rest, [_name(layer) for layer in fresh])
    elif decisions.heads == "none":
        absent, rest = tuple(heads), [layer for layer in rest if layer not in named]
    out = frozenset[str]().union(*(heads[name] for name in absent))
    mine = net_side(net, out | {_name(layer) for layer in fresh})
    stay = tuple(layer for layer in fresh if _name(layer) not in out)
    stray = named if decisions.heads == "none" else ()
    return Scope(mine, stay, tuple(rest), tuple(aside), tuple(stray), absent)


def missing_heads(net: Net, found: Sequence[Layer], fresh: Collection[str]) -> tuple[str, ...]:
    """The heads without which the net's layers are most nearly those of the checkpoint; the fewest of them."""
    heads = paths_of_heads(net)
    owner = {path: name for name, paths in heads.items() for path in paths}
    parts: dict[str, Counter[Signature]] = {name: Counter() for name in ("", *heads)}
    for layer in net_side(net, fresh).layers:
        parts[owner.get(_name(layer), "")][layer.signature] += 1
    theirs = Counter(layer.signature for layer in found)
    counts = range(len(heads) + 1) if len(heads) <= _MOST_HEADS else (0, len(heads))
    choices = [choice for count in counts for choice in combinations(heads, count)]

    def differing(absent: tuple[str, ...]) -> int:
        mine = sum((part for name, part in parts.items() if name not in absent), Counter[Signature]())
        return ((mine - theirs) + (theirs - mine)).total()

    return min(choices, key=differing)


def _replaced(fresh: Sequence[Layer], mine: Sequence[Layer], found: Sequence[Layer]) -> list[Layer]:
    """What a checkpoint has in place of fresh layers.

    That is what has their full names; and what has their shapes but for the width, if no other layer of the net could
    be it, and there is not more of it than of fresh layers.
    """
    names = {_name(layer): layer for layer in fresh}
    named = _named(found, names)
    taken = {layer.signature for layer in mine if _name(layer) not in names}
    left = [layer for name, layer in names.items() if name not in named.values()]
    room = Counter(layer.signature.without_width for layer in left if layer.signature.kind == "convolution")
    alike: dict[Signature, list[Layer]] = {}
    for layer in found:
        if layer.signature not in taken and layer not in named and layer.signature.without_width in room:
            alike.setdefault(layer.signature.without_width, []).append(layer)
    return [*named, *(layer for key, some in alike.items() if len(some) <= room[key] for layer in some)]


def _named(found: Sequence[Layer], names: Collection[str]) -> dict[Layer, str]:
    """Layers of a checkpoint that have one of these full names, or have it but for containers that hold everything."""
    told = {}
    for layer, path in zip(found, below_common(found), strict=True):
        for name in (".".join(path), _name(layer)):
            if name in names:
                told[layer] = name
    return told


def _name(layer: Layer) -> str:
    return ".".join(layer.path)

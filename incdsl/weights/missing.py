"""What one side has and the other lacks, and what would help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set as AbstractSet
from difflib import get_close_matches
from typing import TypeAlias

from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.weights import HeadsAbsent, OtherShape, OtherWidth, Unplaced, Unprovided, listed
from incdsl.ir.net import Net
from incdsl.ops.base import Sizes
from incdsl.values import expression
from incdsl.weights.decisions import Decisions, patterns_of
from incdsl.weights.layers import Layer, Path, Signature
from incdsl.weights.scope import Scope, missing_heads
from incdsl.weights.sides import Side, below_common, net_side, paths_of_heads

_MOST = 20
"""Problems of one kind in a run."""
_COMPARED = 2000
"""Names among which near ones are sought."""


def missing(net: Net, scope: Scope, decisions: Decisions, entries: Mapping[str, Sizes]) -> list[Diagnostic]:
    """Why the sides do not have the same layers; nothing if they do."""
    plain = list(_differences(scope.net, scope.entries, scope.stray, entries))
    if not plain or scope.stray:
        return plain
    if decisions.heads != "all":
        return _other_widths(net, scope.net, scope.entries) or plain
    fresh = {".".join(layer.path) for layer in scope.fresh}
    absent = missing_heads(net, scope.entries, fresh)
    heads = paths_of_heads(net)
    rest = net_side(net, fresh.union(*(heads[name] for name in absent)))
    others = list(_differences(rest, scope.entries, (), entries))
    widths = _other_widths(net, rest, scope.entries) if others else []
    if others and not widths:
        return plain
    return [*_without(net, absent, scope, entries), *widths]


def _without(net: Net, absent: tuple[str, ...], scope: Scope, entries: Mapping[str, Sizes]) -> Iterator[Diagnostic]:
    """The heads that the checkpoint lacks; and what leaves those out that it has."""
    if absent:
        heads = paths_of_heads(net)
        there = {path for name, paths in heads.items() if name not in absent for path in paths}
        named = [layer for layer in scope.entries if ".".join(layer.path) in there]
        places = tuple(head.instance.path for head in net.graph.heads if head.name in absent)
        yield HeadsAbsent(span=None, heads=absent, paths=places, patterns=patterns_of(named, entries))


def _differences(
    mine: Side, found: Sequence[Layer], stray: Sequence[Layer], entries: Mapping[str, Sizes]
) -> Iterator[Diagnostic]:
    """Signatures that the two sides do not have equally often, with those layers that no full name accounts for."""
    places = mine.layers
    lacking, spare = _surplus(places, found), _surplus(found, places)
    yield from _same_names(lacking, spare, dict(zip(found, below_common(found), strict=True)))
    unknown = [layer for some in spare.values() for layer in some if layer.part == "unknown"]
    if len(unknown) > 1:
        yield _unknown(unknown, entries)
        known = {signature: [e for e in some if e.part != "unknown"] for signature, some in spare.items()}
        spare = {signature: some for signature, some in known.items() if some}
    for signature, names in list(lacking.items())[:_MOST]:
        others = [layer for some in spare.values() for layer in some]
        yield Unprovided(
            span=None, layers=_names(names), shapes=str(signature), found=_count(signature, found),
            nearest=_nearest(names[0].name, signature, others),
            fresh=_names(names) if all(_is_last(mine, layer) for layer in names) else (),
        )  # fmt: skip
    for name, inside in _unknown_blocks(mine, found, spare):
        yield Unplaced(
            span=None, entries=_names(inside), shapes=f"for it has nothing called `{name}`", wanted=0,
            patterns=patterns_of(inside, entries),
        )  # fmt: skip
    for signature, names in [*list(spare.items())[:_MOST], *_by_signature(stray).items()]:
        others = [layer for some in lacking.values() for layer in some]
        yield Unplaced(
            span=None, entries=_names(names), shapes=str(signature), wanted=_count(signature, places),
            nearest=_nearest(names[0].name, signature, others), patterns=patterns_of(names, entries),
        )  # fmt: skip


_Surplus: TypeAlias = dict[Signature, list[Layer]]


def _same_names(lacking: _Surplus, spare: _Surplus, paths: Mapping[Layer, Path]) -> Iterator[Diagnostic]:
    """Layers of one full name and other shapes on the two sides; they are lacking and to spare no longer."""
    theirs = {paths[layer]: layer for some in spare.values() for layer in some}
    pairs = [(layer, theirs[layer.path]) for some in lacking.values() for layer in some if layer.path in theirs]
    for layer, other in pairs[:_MOST]:
        yield OtherShape(span=None, layer=layer.name, wanted=str(layer.signature), found=str(other.signature))
    _drop(lacking, {layer for layer, _ in pairs})
    _drop(spare, {layer for _, layer in pairs})


def _unknown_blocks(mine: Side, found: Sequence[Layer], spare: _Surplus) -> Iterator[tuple[str, list[Layer]]]:
    """Blocks of the checkpoint of which the net has nothing, where most names are the same; to spare no longer.

    Under other names, nothing is said of a block by what it is called.
    """
    paths = dict(zip(found, below_common(found), strict=True))
    ours = {layer.path for layer in mine.layers}
    if 2 * len(ours.intersection(paths.values())) < len(ours):
        return
    known = {path[:1] for path in ours}
    blocks: dict[str, list[Layer]] = {}
    for layer in [layer for some in spare.values() for layer in some]:
        if len(paths[layer]) > 1 and paths[layer][:1] not in known:
            blocks.setdefault(paths[layer][0], []).append(layer)
    for name, inside in blocks.items():
        whole = [layer for layer in found if paths[layer][0] == name]
        if len(whole) > 1:
            _drop(spare, set(inside))
            yield name, whole


def _drop(surplus: _Surplus, gone: AbstractSet[Layer]) -> None:
    """Take layers out of a surplus."""
    for signature, some in list(surplus.items()):
        surplus[signature] = [layer for layer in some if layer not in gone]
        if not surplus[signature]:
            del surplus[signature]


def _unknown(layers: Sequence[Layer], entries: Mapping[str, Sizes]) -> Diagnostic:
    """Tensors whose last words do not say what they are, in one message."""
    words = sorted({layer.path[-1] for layer in layers if layer.path})
    return Unplaced(
        span=None, entries=tuple(layer.key for layer in layers), wanted=0, patterns=patterns_of(layers, entries),
        shapes=f"for {listed(words)} does not say whether it is a weight, a bias or a statistic",
    )  # fmt: skip


def _surplus(some: Sequence[Layer], others: Sequence[Layer]) -> dict[Signature, list[Layer]]:
    """Layers of signatures of which there are more than on the other side; those whose full names are not there."""
    first, second = _by_signature(some), _by_signature(others)
    found = {}
    for signature, layers in first.items():
        if len(layers) > len(second.get(signature, ())):
            known = {layer.path for layer in second.get(signature, ())}
            found[signature] = [layer for layer in layers if layer.path not in known] or layers
    return found


def _by_signature(some: Iterable[Layer]) -> dict[Signature, list[Layer]]:
    found: dict[Signature, list[Layer]] = {}
    for layer in some:
        found.setdefault(layer.signature, []).append(layer)
    return found


def _count(signature: Signature, some: Sequence[Layer]) -> int:
    return sum(layer.signature == signature for layer in some)


def _names(layers: Sequence[Layer]) -> tuple[str, ...]:
    return tuple(layer.name for layer in layers)


def _nearest(name: str, signature: Signature, others: Sequence[Layer]) -> tuple[str, ...]:
    """Layers of the other side that are left over as well, of the same kind if there are any; like names first."""
    alike = [layer for layer in others if layer.signature.kind == signature.kind]
    known = {layer.name: layer for layer in (alike or others)[:_COMPARED]}
    close = get_close_matches(name, known, 2, 0.4)
    close += [n for n in known if n not in close] if alike else []
    return tuple(f"`{n}`, {known[n].signature}" for n in close[:2])


# Classifiers


def _other_widths(net: Net, mine: Side, found: Sequence[Layer]) -> list[Diagnostic]:
    """Last layers that differ from the checkpoint's in their width only, if nothing else differs."""
    places, entries = ([layer for some in _surplus(*sides).values() for layer in some] for sides in
                       ((mine.layers, found), (found, mine.layers)))  # fmt: skip
    if not places or not all(_is_last(mine, layer) for layer in places):
        return []
    if Counter(layer.signature.without_width for layer in places) != Counter(
        layer.signature.without_width for layer in entries
    ):
        return []
    widths: dict[tuple[int, int], list[str]] = {}
    for layer in places:
        wanted = layer.signature
        theirs = {e.signature for e in entries if e.signature.without_width == wanted.without_width}
        if len(theirs) > 1:
            return []
        widths.setdefault((wanted.shape[0], theirs.pop().shape[0]), []).append(".".join(layer.path))
    return [
        OtherWidth(span=None, layers=tuple(names), width=width, found=other, setting=_setting(net, names))
        for (width, other), names in widths.items()
    ]


def _is_last(side: Side, layer: Layer) -> bool:
    """Whether it is a layer with a width that no other layer runs on."""
    place = side.layers.index(layer)
    return layer.signature.kind == "convolution" and not any(before >> place & 1 for before in side.upstream)


def _setting(net: Net, paths: Sequence[str]) -> str:
    """The parameter of the net that is the width of one of these layers; empty if there is none."""
    for node in net.graph:
        if node.path in paths and node.instance.parent is None:
            name = str(expression(getattr(node.op, "width", 0)))
            if name in net.params:
                return name
    return ""

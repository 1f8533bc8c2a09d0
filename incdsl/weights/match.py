"""The correspondence of a net and a checkpoint: found and proven, or refused with all that is missing or ambiguous."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase

from incdsl.diagnostics import CompileError, Diagnostic
from incdsl.diagnostics.weights import Ambiguous, Crossing, HeadsAbsent, IdlePattern, Unplaced, Unprovided
from incdsl.ir.net import Net
from incdsl.ops.base import Sizes
from incdsl.weights.checkpoint import Checkpoint
from incdsl.weights.layers import Entry, Layer, Role, Signature, layers
from incdsl.weights.partition import Partition
from incdsl.weights.refine import refine
from incdsl.weights.sides import Side, checkpoint_side, flattened_from, net_side

_MOST = 20
"""Problems of one kind in a run."""
_COMPARED = 2000
"""Names among which near ones are sought."""
_FILLS: dict[Role, float] = {"weight": 1.0, "num_batches_tracked": 0.0}
"""What a norm's tensor holds if a framework leaves it out."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a tensor of the net comes from: an entry, rearranged, or one number for all of it.

    An entry is first given the shape `view`, then `permute`d, then given the net's shape, each only where it is needed.
    """

    source: str = ""
    view: Sizes = ()
    permute: Sizes = ()
    fill: float | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """A tensor of the net, its origin, and why."""

    key: str
    shape: Sizes
    origin: Origin
    reason: str


@dataclass(frozen=True)
class Correspondence:
    """All tensors of a net with their origins, in the order in which they run, and the entries that nobody needs."""

    pairs: tuple[Pair, ...]
    unused: tuple[str, ...]
    aux: bool


def correspond(
    net: Net, checkpoint: Checkpoint, *, without_aux: bool = False, ignore: Iterable[str] = (),
    rails_in_order: bool = False,
) -> Correspondence:  # fmt: skip
    """Find the one correspondence that shapes, names and order leave.

    `rails_in_order` says that numbers of rails are in the order of the spec, which nothing can prove.

    Raises:
        CompileError: if something is missing on either side, or several correspondences are possible.
    """
    heads = bool(net.graph.heads) and not without_aux
    patterns = tuple(ignore)
    _stop(_idle(patterns, checkpoint))
    kept = {key: s for key, s in checkpoint.shapes.items() if not any(_fits(key, p, checkpoint) for p in patterns)}
    mine, found = net_side(net, heads=heads), layers(kept)
    problems = list(_differences(mine.layers, found))
    if problems and heads and not any(_differences(net_side(net, heads=False).layers, found)):
        problems = [HeadsAbsent(span=None, heads=tuple(head.name for head in net.graph.heads))]
    _stop(problems)
    theirs = checkpoint_side(found)
    partition = _refined(mine, theirs, rails_in_order)
    if len(partition.totals) < len(mine.layers):
        _stop(_ambiguities(partition, rails=not rails_in_order and _proper(_refined(mine, theirs, True))))
    _stop(_crossings(partition))
    reasons = partition.why()
    pairs = [p for i, entry in _matches(partition) for p in _paired(net, partition, i, entry, reasons[i], problems)]
    _stop(problems)
    unused = tuple(key for key in checkpoint.shapes if key not in kept)
    return Correspondence(tuple(pairs), unused, heads)


def _stop(problems: Iterable[Diagnostic]) -> None:
    found = tuple(problems)
    if found:
        raise CompileError(found)


def _fits(key: str, pattern: str, checkpoint: Checkpoint) -> bool:
    """Whether a pattern means an entry, under its name or that in the file."""
    return fnmatchcase(key, pattern) or fnmatchcase(checkpoint.prefix + key, pattern)


def _idle(patterns: Iterable[str], checkpoint: Checkpoint) -> Iterator[Diagnostic]:
    """Patterns that mean no entry: they may be misspelt."""
    for pattern in patterns:
        if not any(_fits(key, pattern, checkpoint) for key in checkpoint.shapes):
            names = {key[: end.start()] for key in checkpoint.shapes for end in re.finditer("[./]|$", key)} - {""}
            known = sorted(names, key=len)[:_COMPARED]
            inside = any(name.startswith(f"{pattern}.") for name in known)
            nearest = [f"{pattern}.*"] if inside else get_close_matches(pattern.strip("*?./"), known, 3, 0.4)
            yield IdlePattern(span=None, pattern=pattern, nearest=tuple(nearest))


def _refined(mine: Side, theirs: Side, rails_in_order: bool) -> Partition:
    partition = Partition(mine, theirs, rails_in_order)
    refine(partition)
    return partition


def _proper(partition: Partition) -> bool:
    """Whether each layer has one origin, and containers agree."""
    return len(partition.totals) == len(partition.net.layers) and not any(_crossings(partition))


def _matches(partition: Partition) -> Iterator[tuple[int, int]]:
    for places, entries in partition.classes():
        yield places[0], entries[0]


# What is missing


def _differences(mine: Sequence[Layer], theirs: Sequence[Layer]) -> Iterator[Diagnostic]:
    """Signatures that the two sides do not have equally often, with those layers that no full name accounts for."""
    places, entries = _by_signature(mine), _by_signature(theirs)
    lacking = [s for s in places if len(places[s]) > len(entries.get(s, ()))]
    spare = [s for s in entries if len(entries[s]) > len(places.get(s, ()))]
    for signature in lacking[:_MOST]:
        names = _unaccounted(places[signature], entries.get(signature, []))
        others = [layer for s in spare for layer in entries[s]]
        yield Unprovided(
            span=None, layers=names, shapes=str(signature), found=len(entries.get(signature, ())),
            nearest=_nearest(names[0], signature, others),
        )  # fmt: skip
    for signature in spare[:_MOST]:
        names = _unaccounted(entries[signature], places.get(signature, []))
        others = [layer for s in lacking for layer in places[s]]
        yield Unplaced(
            span=None, entries=names, shapes=str(signature), wanted=len(places.get(signature, ())),
            nearest=_nearest(names[0], signature, others),
        )  # fmt: skip


def _by_signature(some: Sequence[Layer]) -> dict[Signature, list[Layer]]:
    found: dict[Signature, list[Layer]] = {}
    for layer in some:
        found.setdefault(layer.signature, []).append(layer)
    return found


def _unaccounted(some: Sequence[Layer], others: Sequence[Layer]) -> tuple[str, ...]:
    known = {layer.path for layer in others}
    return tuple(layer.name for layer in some if layer.path not in known) or tuple(layer.name for layer in some)


def _nearest(name: str, signature: Signature, others: Sequence[Layer]) -> tuple[str, ...]:
    """Layers of the other side that are left over as well, of the same kind if there are any; like names first."""
    alike = [layer for layer in others if layer.signature.kind == signature.kind]
    known = {layer.name: layer for layer in (alike or others)[:_COMPARED]}
    close = get_close_matches(name, known, 2, 0.4)
    close += [n for n in known if n not in close] if alike else []
    return tuple(f"`{n}`, {known[n].signature}" for n in close[:2])


# What is ambiguous


def _ambiguities(partition: Partition, *, rails: bool) -> Iterator[Diagnostic]:
    """Each set of places that could be exchanged, by the largest containers that could be exchanged whole.

    With `rails`, the order of rails would tell.
    """
    told: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()
    for places, entries in partition.classes():
        if len(places) > 1:
            names = _outermost(partition.net, places), tuple(sorted(_outermost(partition.checkpoint, entries)))
            if names not in told and len(told) < _MOST:
                told.add(names)
                yield Ambiguous(span=None, places=names[0], candidates=names[1], rails=rails)


def _outermost(side: Side, members: list[int]) -> tuple[str, ...]:
    """The largest containers that hold one of these layers each."""
    among = set(members)
    found = []
    for i in members:
        alone = (side.title(container) for container in side.around[i] if len(container.members & among) == 1)
        found.append(next(alone, side.layers[i].name))
    return tuple(found)


def _crossings(partition: Partition) -> Iterator[Diagnostic]:
    """The premise of what containers and numbers told, seen from the result: hierarchies are nested or apart."""
    matches = list(_matches(partition))
    place_of = {entry: place for place, entry in matches}
    renamed = {entry for place, entry in matches if not _same_name(partition, place, entry)}
    shapes = Counter(layer.signature for layer in partition.net.layers)
    if all(shapes[partition.checkpoint.layers[entry].signature] == 1 for entry in renamed) and not partition.doubts:
        return
    for container in partition.checkpoint.containers:
        image = frozenset(place_of[entry] for entry in container.members)
        crossed = partition.net.crossed(image)
        if crossed and renamed:
            titles = partition.checkpoint.title(container), partition.net.title(crossed)
            yield Crossing(span=None, container=titles[0], place=titles[1])
            return


def _same_name(partition: Partition, place: int, entry: int) -> bool:
    """Whether two layers have the same full name, or the same but for containers that hold everything."""
    checkpoint = partition.checkpoint
    return partition.net.paths[place] in (checkpoint.layers[entry].path, checkpoint.paths[entry])


# Tensors of matched layers


def _paired(
    net: Net, partition: Partition, place: int, entry: int, why: str, problems: list[Diagnostic]
) -> Iterator[Pair]:
    layer, found = partition.net.layers[place], partition.checkpoint.layers[entry]
    reason = "same name" if _same_name(partition, place, entry) else why
    for role, mine in layer.tensors.items():
        theirs = found.tensors.get(role)
        if theirs is not None:
            try:
                origin = _origin(net, mine, theirs)
            except ValueError as error:
                problems.append(_unproven(mine, str(error)))
                continue
            yield Pair(mine.key, mine.shape, origin, reason)
        elif role in _FILLS and not _anywhere(partition.checkpoint, role):
            left_out = (
                "the checkpoint counts no batches" if mine.shape == () else "no norm of the checkpoint has a factor"
            )
            yield Pair(mine.key, mine.shape, Origin(fill=_FILLS[role]), left_out)
        else:
            problems.append(_unproven(mine, "others of the checkpoint have one"))
    for role, theirs in found.tensors.items():
        if role not in layer.tensors:
            problems.append(
                Unplaced(span=None, entries=(theirs.key,), shapes=f"a tensor {list(theirs.shape)}", wanted=0)
            )  # fmt: skip


def _unproven(entry: Entry, why: str) -> Diagnostic:
    return Unprovided(span=None, layers=(entry.key,), shapes=f"a tensor {list(entry.shape)}", found=0, nearest=(why,))


def _anywhere(side: Side, role: Role) -> bool:
    """Whether any norm of a checkpoint has such a tensor."""
    return any(role in layer.tensors for layer in side.layers if layer.signature.kind == "norm")


def _origin(net: Net, mine: Entry, theirs: Entry) -> Origin:
    """How the entry becomes the tensor."""
    shape = theirs.shape
    if theirs.layout == "depthwise" and len(shape) == 4:
        return Origin(theirs.key, permute=(2, 3, 0, 1))
    if theirs.layout != "tensorflow" or len(shape) < 2:
        return Origin(theirs.key)
    node = mine.key.rpartition(".")[0]
    name = next(each.name for each in net.graph if each.path == node)
    flattened = flattened_from(net.graph, name) if len(shape) == 2 else None
    if flattened:  # TensorFlow flattens height, width, channels, PyTorch channels first
        channels, height, width = flattened
        return Origin(theirs.key, view=(height, width, channels, shape[1]), permute=(3, 2, 0, 1))
    if len(shape) == 2:
        return Origin(theirs.key, permute=(1, 0))
    return Origin(theirs.key, permute=(3, 2, 0, 1))

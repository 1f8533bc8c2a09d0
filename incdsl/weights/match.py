"""The correspondence of a net and a checkpoint: found and proven, or refused with all that is missing or ambiguous."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from incdsl.diagnostics import CompileError, Diagnostic
from incdsl.diagnostics.weights import Ambiguous, Crossing, NotTheSame, Unplaced, Unprovided
from incdsl.ir.net import Net
from incdsl.ops.base import Sizes
from incdsl.weights.checkpoint import Checkpoint
from incdsl.weights.decisions import NOTHING_DECIDED, Decisions, idle, kept
from incdsl.weights.layers import Entry, Role, layers
from incdsl.weights.missing import missing
from incdsl.weights.partition import Partition
from incdsl.weights.refine import refine
from incdsl.weights.scope import Scope, scope
from incdsl.weights.sides import Members, Side, checkpoint_side, flattened_from, net_side, paths_of_heads

_MOST = 20
"""Problems of one kind in a run."""
_COMPARED = 2000
"""Names among which near ones are sought."""
_FILLS: dict[Role, float] = {"weight": 1.0, "num_batches_tracked": 0.0}
"""What a norm's tensor holds if a framework leaves it out."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a tensor of the net comes from: an entry, rearranged; one number for all of it; or the module itself.

    An entry is first given the shape `view`, then `permute`d, then given the net's shape, each only where it is needed.
    A `fresh` tensor is as the module initializes it.
    """

    source: str = ""
    view: Sizes = ()
    permute: Sizes = ()
    fill: float | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """A tensor of the net, its origin, and why."""

    key: str
    shape: Sizes
    origin: Origin
    reason: str


@dataclass(frozen=True)
class Correspondence:
    """The tensors of a net with their origins, in the order in which they run, fresh ones last; what nobody needs."""

    pairs: tuple[Pair, ...]
    unused: tuple[str, ...]
    """Entries of the checkpoint."""
    absent: tuple[str, ...]
    """Auxiliary heads of the net that are left out."""
    decisions: Decisions


def correspond(net: Net, checkpoint: Checkpoint, decisions: Decisions = NOTHING_DECIDED) -> Correspondence:
    """Find the one correspondence that shapes, names and order leave, and what the user has decided.

    Raises:
        CompileError: if something is missing on either side, or several correspondences are possible.
    """
    _stop(idle(decisions, checkpoint, net_side(net).layers))
    entries = kept(checkpoint, decisions.ignore)
    sides = scope(net, layers(entries), decisions)
    _stop(missing(net, sides, decisions, entries))
    partition = _matched(sides, decisions)
    reasons, problems = partition.why(), list[Diagnostic]()
    pairs = [p for i, entry in _matches(partition) for p in _paired(net, partition, i, entry, reasons[i], problems)]
    _stop(problems)
    pairs += [
        Pair(entry.key, entry.shape, Origin(fresh=True), "as the module initializes it")
        for layer in sides.fresh
        for entry in layer.tensors.values()
    ]
    absent = sides.absent
    if decisions.heads == "unneeded":
        heads = paths_of_heads(net)
        absent, unneeded = tuple(heads), frozenset[str]().union(*heads.values())
        pairs = [pair for pair in pairs if pair.key.rpartition(".")[0] not in unneeded]
    used = {pair.origin.source for pair in pairs}
    return Correspondence(tuple(pairs), tuple(key for key in checkpoint.shapes if key not in used), absent, decisions)


def _matched(sides: Scope, decisions: Decisions) -> Partition:
    """The partition in which each layer has its only origin."""
    theirs = checkpoint_side(sides.entries)
    said = tuple(_said(sides.net, theirs, *pair) for pair in decisions.same)
    partition = _refined(Partition(sides.net, theirs, decisions.rails_in_order, said))
    if len(partition.totals) < len(sides.net.layers):
        rails = not decisions.rails_in_order and _proper(_refined(Partition(sides.net, theirs, True, said)))
        _stop(_ambiguities(partition, rails=rails))
    _stop(_crossings(partition))
    return partition


def _stop(problems: Iterable[Diagnostic]) -> None:
    found = tuple(problems)
    if found:
        raise CompileError(found)


def _said(mine: Side, theirs: Side, entry: str, place: str) -> tuple[Members, Members]:
    """The layers that are said to be the same.

    Raises:
        CompileError: if there are none of these names, or their shapes differ.
    """
    entries, places = theirs.named.get(entry.replace("/", ".")), mine.named.get(place)
    for members, name, names, side in (
        (entries, entry, theirs.named, "checkpoint"),
        (places, place, mine.named, "net"),
    ):
        if members is None:
            reason = f"the {side} has no `{name[:120]}` that is to be matched"
            nearest = tuple(get_close_matches(name, list(names)[:_COMPARED], 3, 0.4))
            _stop([NotTheSame(span=None, entry=entry, layer=place, reason=reason, nearest=nearest)])
    assert entries is not None
    assert places is not None
    contents = [
        Counter(str(side.layers[i].signature) for i in members) for side, members in ((theirs, entries), (mine, places))
    ]
    if contents[0] != contents[1]:
        reason = " and ".join(", ".join(some) for some in contents)
        _stop([NotTheSame(span=None, entry=entry, layer=place, reason=f"they are {reason}")])
    return places, entries


def _refined(partition: Partition) -> Partition:
    refine(partition)
    return partition


def _proper(partition: Partition) -> bool:
    """Whether each layer has one origin, and containers agree."""
    return len(partition.totals) == len(partition.net.layers) and not any(_crossings(partition))


def _matches(partition: Partition) -> Iterator[tuple[int, int]]:
    for places, entries in partition.classes():
        yield places[0], entries[0]


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

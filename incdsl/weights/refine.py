"""Which layers can only be each other: a partition of both sides that evidence makes finer, never coarser.

Every layer has a colour. Layers of different colours cannot correspond; at first colours are signatures. Each rule
knows sets of layers, one of the net and one of the checkpoint, that a right correspondence must map onto each other,
and splits the colours accordingly. A layer that is alone in its colour, on both sides, is matched: no other
correspondence is left. The rules rest on this:

- Hierarchies agree: a container of the net and one of the checkpoint, laid on each other, are nested or apart.
- A name that both sides use once means the same on both, and a name is changed for the same other name everywhere.
- Siblings that are numbered are numbered in the order in which they run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from incdsl.weights.layers import Path
from incdsl.weights.sides import Container, Members, Side

Colours: TypeAlias = Counter[int]
_NUMBERED = re.compile(r"(.*?)(\d+)([a-z]?)((?:_\d+x\d+)?)")
"""`Conv2d_0b_1x7`: what is numbered, number and letter, and the size of a kernel."""


class Evidence(NamedTuple):
    """Two sets of layers that correspond as a whole, and why."""

    places: Members
    entries: Members
    reason: str


@dataclass
class Partition:
    """The colours of the net's layers and of the checkpoint's, and the evidence heard."""

    net: Side
    checkpoint: Side
    net_colours: list[int] = field(default_factory=list)
    checkpoint_colours: list[int] = field(default_factory=list)
    heard: dict[Members, Evidence] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known: dict[Hashable, int] = {}
        self.net_colours = [known.setdefault(layer.signature, len(known)) for layer in self.net.layers]
        self.checkpoint_colours = [known.setdefault(layer.signature, len(known)) for layer in self.checkpoint.layers]
        self._colours = len(known)

    def contents(self, members: Iterable[int], colours: list[int]) -> frozenset[tuple[int, int]]:
        """How many layers of which colour."""
        return frozenset(Counter(colours[i] for i in members).items())

    def split(self, evidence: Evidence) -> bool:
        """Give the layers of two corresponding sets colours of their own; whether that told anything new.

        Evidence that contradicts what is known is none: both sets must have the same colours.
        """
        inside = self.contents(evidence.places, self.net_colours)
        if inside != self.contents(evidence.entries, self.checkpoint_colours):
            return False
        self.heard.setdefault(evidence.places, evidence)
        totals = Counter(self.net_colours)
        changed = [colour for colour, count in sorted(inside) if count < totals[colour]]
        fresh = {colour: self._colours + i for i, colour in enumerate(changed)}
        self._colours += len(fresh)
        for members, colours in ((evidence.places, self.net_colours), (evidence.entries, self.checkpoint_colours)):
            for i in members:
                colours[i] = fresh.get(colours[i], colours[i])
        return bool(fresh)

    def why(self) -> list[str]:
        """What decides about each layer of the net: the first evidence about layers of which only it has its shapes."""
        everything = frozenset(range(len(self.net.layers)))
        reasons = ["the only one left of its shape" for _ in everything]
        for members, reason in [
            *reversed([(each.places, each.reason) for each in self.heard.values()]),
            (everything, "only one of this shape"),
        ]:
            shapes = Counter(self.net.layers[i].signature for i in members)
            for i in members:
                if shapes[self.net.layers[i].signature] == 1:
                    reasons[i] = reason
        return reasons

    def classes(self) -> Iterator[tuple[list[int], list[int]]]:
        """Layers of the net and of the checkpoint that could still be each other, in the net's order."""
        groups: dict[int, tuple[list[int], list[int]]] = {}
        for i, colour in enumerate(self.net_colours):
            groups.setdefault(colour, ([], []))[0].append(i)
        for i, colour in enumerate(self.checkpoint_colours):
            groups.setdefault(colour, ([], []))[1].append(i)
        yield from groups.values()

    def closed(self, containers: Iterable[Container], colours: list[int]) -> dict[frozenset[int], Container]:
        """Containers outside of which their colours do not occur, by these colours."""
        totals = Counter(colours)
        found = {}
        for container in containers:
            inside = Counter(colours[i] for i in container.members)
            if all(totals[colour] == count for colour, count in inside.items()):
                found[frozenset(inside)] = container
        return found


def refine(partition: Partition) -> None:
    """Apply the rules until none of them knows anything new."""
    changed = True
    while changed:
        changed = False
        for rule in RULES:
            for evidence in list(rule(partition)):
                changed |= partition.split(evidence)


def same_key(partition: Partition) -> Iterator[Evidence]:
    """Layers with the same full name."""
    entries: dict[tuple[Path, str], list[int]] = {}
    for i, layer in enumerate(partition.checkpoint.layers):
        for path in {layer.path, partition.checkpoint.paths[i]}:
            entries.setdefault((path, layer.signature.kind), []).append(i)
    for i, layer in enumerate(partition.net.layers):
        candidates = entries.get((layer.path, layer.signature.kind), [])
        if len(candidates) == 1:
            yield Evidence(frozenset([i]), frozenset(candidates), "same name")


def same_name(partition: Partition) -> Iterator[Evidence]:
    """Containers whose name and contents are those of one container on each side."""
    places = _by_name(partition, partition.net.containers, partition.net_colours)
    entries = _by_name(partition, partition.checkpoint.containers, partition.checkpoint_colours)
    for (name, contents), mine in places.items():
        theirs = entries.get((name, contents), [])
        if len(mine) == 1 and len(theirs) == 1 and re.search("[A-Za-z]", name):
            yield Evidence(mine[0].members, theirs[0].members, f"only one of this shape in {mine[0]}, same name")


def _by_name(
    partition: Partition, containers: Iterable[Container], colours: list[int]
) -> dict[tuple[str, Hashable], list[Container]]:
    found: dict[tuple[str, Hashable], list[Container]] = {}
    for container in containers:
        contents = partition.contents(container.members, colours)
        for name in container.names:
            found.setdefault((name, contents), []).append(container)
    return found


def same_contents(partition: Partition) -> Iterator[Evidence]:
    """All k containers with some contents, where the layers of a colour would not do for k + 1 of them.

    A container of the checkpoint that were none of the net's k would, as hierarchies agree, be apart from all of them,
    and hold as many layers of each colour once more.
    """
    totals = Counter(partition.net_colours)
    theirs: dict[Hashable, list[Container]] = {}
    mine: dict[Hashable, list[Container]] = {}
    for containers, colours, found in (
        (partition.net.containers, partition.net_colours, mine),
        (partition.checkpoint.containers, partition.checkpoint_colours, theirs),
    ):
        for container in containers:
            found.setdefault(partition.contents(container.members, colours), []).append(container)
    for contents, places in mine.items():
        entries, k = theirs.get(contents, []), len(places)
        assert isinstance(contents, frozenset)
        if len(entries) == k and any(totals[colour] < (k + 1) * count for colour, count in contents):
            yield Evidence(_union(places), _union(entries), f"only one of this shape in {_told(places)}")


def _union(containers: Iterable[Container]) -> Members:
    return frozenset().union(*(container.members for container in containers))


def _told(containers: list[Container]) -> str:
    return " and ".join(map(str, containers)) if len(containers) < 3 else f"{len(containers)} such places"


def numbered(partition: Partition) -> Iterator[Evidence]:
    """Numbered siblings, where the layers of the net, cut in the order in which they run, have the same contents."""
    totals = Counter(partition.checkpoint_colours)
    for path, siblings in partition.checkpoint.children.items():
        for stem, family in _families(siblings):
            members = frozenset[int]().union(*family)
            inside = Counter(partition.checkpoint_colours[i] for i in members)
            if any(totals[colour] != count for colour, count in inside.items()):
                continue
            places = [i for i, colour in enumerate(partition.net_colours) if colour in inside]
            where = f" in {'.'.join(path)}" if path else ""
            yield from _in_order(partition, places, family, f"{stem or 'siblings'}{where}")


def _families(siblings: Mapping[str, Members]) -> Iterator[tuple[str, list[Members]]]:
    """Siblings whose names differ in one number, in its order."""
    families: dict[str, dict[tuple[int, str], Members]] = {}
    twice = set()
    for name, members in siblings.items():
        match = _NUMBERED.fullmatch(name)
        if not match or len(match[2]) > 9 or re.search(r"\dx$", match[1]):  # the second number of a kernel's size
            continue
        family = families.setdefault(match[1], {})
        number = (int(match[2]), match[3])
        if number in family:
            twice.add(match[1])
        family[number] = members
    for stem, family in families.items():
        if len(family) > 1 and stem not in twice:
            yield stem, [family[number] for number in sorted(family)]


def _in_order(partition: Partition, places: list[int], family: list[Members], what: str) -> Iterator[Evidence]:
    if len(places) != sum(map(len, family)):
        return
    pieces, start = [], 0
    for members in family:
        pieces.append(frozenset(places[start : start + len(members)]))
        start += len(members)
    for piece, members in zip(pieces, family, strict=True):
        if partition.contents(piece, partition.net_colours) != partition.contents(
            members, partition.checkpoint_colours
        ) or not _whole(partition.net, piece):
            return
    for position, (piece, members) in enumerate(zip(pieces, family, strict=True), 1):
        yield Evidence(piece, members, f"{_ordinal(position)} of {len(family)} numbered {what}")


def _whole(side: Side, piece: Members) -> bool:
    """Whether a piece is nested in each container that it touches, or the other way round."""
    return all(
        container.members <= piece or piece <= container.members
        for i in piece
        for container in side.around[i]
    )  # fmt: skip


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def renamed(partition: Partition) -> Iterator[Evidence]:
    """Containers whose names were exchanged for these names, and no others, wherever that is known."""
    closed = partition.closed(partition.net.containers, partition.net_colours)
    their_closed = partition.closed(partition.checkpoint.containers, partition.checkpoint_colours)
    forth: dict[Hashable, dict[tuple[str, ...], str]] = {}
    back: dict[Hashable, set[Hashable]] = {}
    for colours, mine in closed.items():
        if theirs := their_closed.get(colours):
            forth.setdefault(mine.names, {})[theirs.names] = str(mine)
            back.setdefault(theirs.names, set()).add(mine.names)
    places = _by_names_and_contents(partition, partition.net.containers, partition.net_colours)
    entries = _by_names_and_contents(partition, partition.checkpoint.containers, partition.checkpoint_colours)
    for (names, contents), mine_ in places.items():
        known = forth.get(names, {})
        if len(known) != 1 or len(mine_) != 1:
            continue
        ((other, where),) = known.items()
        found = entries.get((other, contents), [])
        if len(found) == 1 and len(back[other]) == 1 and any(re.search("[A-Za-z]", name) for name in other):
            reason = f"named {'.'.join(other)} for {'.'.join(names)}, as in {where}"
            yield Evidence(mine_[0].members, found[0].members, reason)


def _by_names_and_contents(
    partition: Partition, containers: Iterable[Container], colours: list[int]
) -> dict[tuple[tuple[str, ...], Hashable], list[Container]]:
    found: dict[tuple[tuple[str, ...], Hashable], list[Container]] = {}
    for container in containers:
        key = (container.names, partition.contents(container.members, colours))
        found.setdefault(key, []).append(container)
    return found


RULES: tuple[Callable[[Partition], Iterator[Evidence]], ...] = (same_key, same_name, same_contents, numbered, renamed)
"""The surest first; one that contradicts what an earlier one said is not heard."""

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
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from incdsl.weights.layers import Path
from incdsl.weights.sides import NUMBERED, Container, Members, Side, families

Names: TypeAlias = tuple[str, ...]


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
        self._totals = Counter(self.net_colours)

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
        changed = [(colour, count) for colour, count in sorted(inside) if count < self._totals[colour]]
        fresh = {colour: len(self._totals) + i for i, (colour, _) in enumerate(changed)}
        for colour, count in changed:
            self._totals[colour] -= count
            self._totals[fresh[colour]] = count
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
    """Layers with the same full name, or the same but for containers that hold everything."""
    checkpoint = partition.checkpoint
    for places, entries in list(partition.classes()):
        mine = _full_names(places, [layer.path for layer in partition.net.layers])
        for paths in ([layer.path for layer in checkpoint.layers], checkpoint.paths):
            theirs = _full_names(entries, paths)
            for name in _shared(mine, theirs):
                yield Evidence(frozenset([mine[name]]), frozenset([theirs[name]]), "same name")


def _full_names(members: list[int], paths: Sequence[Path]) -> dict[str, int]:
    """Layers by their full names, without those that share theirs."""
    names = Counter(paths[i] for i in members)
    return {".".join(paths[i]): i for i in members if names[paths[i]] == 1}


def same_name(partition: Partition) -> Iterator[Evidence]:
    """Containers of the same contents whose name is that of one container on each side."""
    for places, entries in _of_equal_contents(partition):
        mine, theirs = _named(places), _named(entries)
        for name in _shared(mine, theirs):
            if mine[name] and theirs[name] and re.search("[A-Za-z]", name):
                place, entry = mine[name][0], theirs[name][0]
                if len(mine[name]) == len(theirs[name]) == 1:
                    yield Evidence(place.members, entry.members, f"only one of this shape in {place}, same name")


def _named(containers: Iterable[Container]) -> dict[str, list[Container]]:
    found: dict[str, list[Container]] = {}
    for container in containers:
        for name in container.names:
            found.setdefault(name, []).append(container)
    return found


def _shared(mine: Iterable[str], theirs: Iterable[str]) -> Iterator[str]:
    """Names on both sides; numbered ones only if the same numbers are in use, for one side may count from 0."""
    first, second = _by_stem(mine), _by_stem(theirs)
    for stem, names in first.items():
        if second.get(stem) == names:
            yield from sorted(names)


def _by_stem(names: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name in names:
        found.setdefault(re.sub(r"\d+[a-z]?(?![a-z])", "#", name), set()).add(name)
    return found


def _of_equal_contents(partition: Partition) -> Iterator[tuple[list[Container], list[Container]]]:
    """Containers of the net and of the checkpoint by what they hold."""
    groups: dict[Hashable, tuple[list[Container], list[Container]]] = {}
    for container in partition.net.containers:
        contents = partition.contents(container.members, partition.net_colours)
        groups.setdefault(contents, ([], []))[0].append(container)
    for container in partition.checkpoint.containers:
        contents = partition.contents(container.members, partition.checkpoint_colours)
        if contents in groups:
            groups[contents][1].append(container)
    yield from groups.values()


def same_contents(partition: Partition) -> Iterator[Evidence]:
    """All k containers with some contents, where the layers of a colour would not do for k + 1 of them.

    A container of the checkpoint that were none of the net's k would, as hierarchies agree, be apart from all of them,
    and hold as many layers of each colour once more.
    """
    totals = Counter(partition.net_colours)
    for places, entries in _of_equal_contents(partition):
        k = len(places)
        counts = Counter(partition.net_colours[i] for i in places[0].members)
        if len(entries) == k and any(totals[colour] < (k + 1) * count for colour, count in counts.items()):
            yield Evidence(_union(places), _union(entries), f"only one of this shape in {_told(places)}")


def _union(containers: Iterable[Container]) -> Members:
    return frozenset().union(*(container.members for container in containers))


def _told(containers: list[Container]) -> str:
    return " and ".join(map(str, containers)) if len(containers) < 3 else f"{len(containers)} such places"


def numbered(partition: Partition) -> Iterator[Evidence]:
    """Numbered siblings, where the layers of the net, cut in the order in which they run, have the same contents."""
    totals = Counter(partition.checkpoint_colours)
    for path, siblings in partition.checkpoint.children.items():
        for stem, family in families(siblings):
            members = frozenset[int]().union(*family)
            inside = Counter(partition.checkpoint_colours[i] for i in members)
            if any(totals[colour] != count for colour, count in inside.items()):
                continue
            places = [i for i, colour in enumerate(partition.net_colours) if colour in inside]
            where = f" in {'.'.join(path)}" if path else ""
            yield from _in_order(partition, places, family, f"{stem or 'siblings'}{where}")


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
        ) or partition.net.crossed(piece):
            return
    for position, (piece, members) in enumerate(zip(pieces, family, strict=True), 1):
        yield Evidence(piece, members, f"{_ordinal(position)} of {len(family)} numbered {what}")


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def renamed(partition: Partition) -> Iterator[Evidence]:
    """Containers of the same contents whose names were all exchanged elsewhere, each for the same other name.

    Numbers are no such names: they say where among its siblings something stands, not what it is.
    """
    known, where = _exchanged(partition)
    for places, entries in _of_equal_contents(partition):
        mine = {known.get(place.names): place for place in places}
        theirs = {entry.names: entry for entry in entries}
        if None in mine or len(mine) < len(places) or len(theirs) < len(entries) or mine.keys() != theirs.keys():
            continue
        for names, place in mine.items():
            assert names is not None
            reason = f"named {'.'.join(names)} for {'.'.join(place.names)}, as in {where[place.names]}"
            yield Evidence(place.members, theirs[names].members, reason)


def _exchanged(partition: Partition) -> tuple[dict[Names, Names], dict[Names, str]]:
    """Names of the net that one name of the checkpoint stands for wherever that is known, by them; and where."""
    places = partition.closed(partition.net.containers, partition.net_colours)
    entries = partition.closed(partition.checkpoint.containers, partition.checkpoint_colours)
    numbers = _numbers(partition.checkpoint)
    forth: dict[Names, set[Names]] = {}
    back: dict[Names, set[Names]] = {}
    where: dict[Names, str] = {}
    for colours in places.keys() & entries.keys():
        mine, theirs = places[colours].names, entries[colours].names
        forth.setdefault(mine, set()).add(theirs)
        back.setdefault(theirs, set()).add(mine)
        where[mine] = min(where.get(mine, str(places[colours])), str(places[colours]))
    known = {
        mine: other
        for mine, others in forth.items()
        for other in others
        if len(others) == 1 and len(back[other]) == 1 and not numbers.intersection(other)
    }
    return known, where


def _numbers(side: Side) -> set[str]:
    """Names that are numbers of siblings, somewhere."""
    found = set()
    for siblings in side.children.values():
        stems = Counter(match[1] for name in siblings if (match := NUMBERED.fullmatch(name)))
        found |= {n for n in siblings if (match := NUMBERED.fullmatch(n)) and (stems[match[1]] > 1 or not match[1])}
    return found


RULES: tuple[Callable[[Partition], Iterator[Evidence]], ...] = (same_key, same_name, same_contents, numbered, renamed)
"""The surest first; one that contradicts what an earlier one said is not heard."""

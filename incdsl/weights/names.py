"""Names as evidence: equal ones, and ones that are exchanged everywhere for the same other one; and when they lie."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from incdsl.weights.layers import Path
from incdsl.weights.partition import Doubt, Evidence, Partition
from incdsl.weights.sides import NUMBERED, Container, Members, Side, numbered

Names: TypeAlias = tuple[str, ...]


def said(partition: Partition) -> Iterator[Evidence]:
    """What the user says to be the same."""
    for places, entries in partition.said:
        yield Evidence(places, entries, "said to be the same")


def same_key(partition: Partition) -> Iterator[Evidence]:
    """Layers with the same full name, or the same but for containers that hold everything."""
    checkpoint = partition.checkpoint
    for places, entries in list(partition.classes()):
        mine = _full_names(places, [layer.path for layer in partition.net.layers])
        for paths in ([layer.path for layer in checkpoint.layers], checkpoint.paths):
            theirs = _full_names(entries, paths)
            for name in _shared(mine, theirs):
                path = partition.net.paths[mine[name]]
                if not _doubted(partition, path):
                    both = path, checkpoint.paths[theirs[name]]
                    yield Evidence(frozenset([mine[name]]), frozenset([theirs[name]]), "same name", both)


def _doubted(partition: Partition, path: Path) -> bool:
    return any(("name", name) in partition.doubts for name in path)


def _full_names(members: list[int], paths: Sequence[Path]) -> dict[str, int]:
    """Layers by their full names, without those that share theirs."""
    names = Counter(paths[i] for i in members)
    return {".".join(paths[i]): i for i in members if names[paths[i]] == 1}


def same_name(partition: Partition) -> Iterator[Evidence]:
    """Containers of the same contents whose name is that of one container on each side."""
    for places, entries in partition.of_equal_contents():
        mine, theirs = _named(places), _named(entries)
        for name in _shared(mine, theirs):
            if len(mine[name]) == len(theirs[name]) == 1 and re.search("[A-Za-z]", name):
                place, entry = mine[name][0], theirs[name][0]
                both = _path_to(place, name), _path_to(entry, name)
                if not _doubted(partition, both[0]):
                    reason = f"only one of this shape in {place}, same name"
                    yield Evidence(place.members, entry.members, reason, both)


def _path_to(container: Container, name: str) -> Path:
    return next(path for path in container.paths if path[-1] == name)


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


def misleading(partition: Partition) -> Iterator[Doubt]:
    """Names that both sides use, but for something else, with those beside them: whoever gave them meant another thing.

    Looked for are the neighbours of names that were heard. A number speaks against the numbers beside it only: one side
    may have begun to count elsewhere.
    """
    seen = set()
    for place, entry in [evidence.names for evidence in partition.by_name if evidence.names]:
        while place and entry and place[-1] == entry[-1]:
            place, entry = place[:-1], entry[:-1]
            if (place, entry) not in seen:
                seen.add((place, entry))
                yield from _misled(partition, place, entry)


def _misled(partition: Partition, place: Path, entry: Path) -> Iterator[Doubt]:
    mine, theirs = partition.net.below.get(place, {}), partition.checkpoint.below.get(entry, {})
    other = [name for name in mine.keys() & theirs.keys() if _differ(partition, mine[name], theirs[name])]
    numbers = all(NUMBERED.fullmatch(name) for name in other)
    for name in {*mine, *theirs} if other else ():
        if not numbers or NUMBERED.fullmatch(name):
            yield "name", name


def _differ(partition: Partition, places: Members, entries: Members) -> bool:
    """Whether neither holds what the other does, and perhaps more."""
    mine = Counter(partition.net_colours[i] for i in places)
    theirs = Counter(partition.checkpoint_colours[i] for i in entries)
    return not (mine <= theirs or theirs <= mine)


# Names that are exchanged


def renamed(partition: Partition) -> Iterator[Evidence]:
    """Containers of the same contents whose names were all exchanged elsewhere, each for the same other name.

    What counts is where the same definition is used again: two definitions may use one name for different things. A
    name of which a definition tells nothing may have been exchanged everywhere else.

    A number says where among its siblings something stands, not what it is: it is such a name only where the siblings
    are numbered in the order of the spec as well.
    """
    exchanged = _exchanged(partition)
    numbers = _numbers(partition.checkpoint)
    for places, entries in partition.of_equal_contents():
        told = {place: exchanged.of(place.within, place.names) for place in places}
        mine = {each.other: place for place, each in told.items() if each}
        theirs = {entry.names: entry for entry in entries}
        if len(mine) < len(places) or len(theirs) < len(entries) or mine.keys() != theirs.keys():
            continue
        position = ""
        if any(numbers.intersection(names) for names in theirs):
            position = _listed_alike(partition, [(mine[names], theirs[names]) for names in theirs])
            if not position:
                continue
        for names, place in mine.items():
            each = told[place]
            assert each is not None
            reason = f"named {'.'.join(names)} for {'.'.join(place.names)}, as in {each.where}{position}"
            yield Evidence(place.members, theirs[names].members, reason, exchanged=(each.within, place.names, names))


def inconsistent(partition: Partition) -> Iterator[Doubt]:
    """Exchanges of names that were heard, and that do not hold everywhere in the end."""
    exchanged = _exchanged(partition)
    for within, mine, other in [evidence.exchanged for evidence in partition.by_name if evidence.exchanged]:
        known = exchanged.known.get((within, mine))
        if known is None or known.other != other:
            yield _exchange(within, mine, other)


def _exchange(within: str, mine: Names, other: Names) -> Doubt:
    return "exchanged", within, *mine, "for", *other


class Exchange(NamedTuple):
    """A name of the checkpoint that stands for one of the net's, in a definition (or, if that is empty, everywhere)."""

    within: str
    other: Names
    where: str
    """A place where it is known."""


@dataclass(frozen=True)
class _Exchanges:
    known: Mapping[tuple[str, Names], Exchange]
    told: frozenset[tuple[str, Names]]
    """Names of which a definition tells something, be it that they stand for several."""

    def of(self, within: str, names: Names) -> Exchange | None:
        """What names stand for in a definition; where it tells nothing, what they stand for everywhere."""
        return self.known.get((within, names)) if (within, names) in self.told else self.known.get(("", names))


def _exchanged(partition: Partition) -> _Exchanges:
    """Names of the net that one name of the checkpoint stands for wherever that is known."""
    places = partition.closed(partition.net.containers, partition.net_colours)
    entries = partition.closed(partition.checkpoint.containers, partition.checkpoint_colours)
    forth: dict[tuple[str, Names], set[Names]] = {}
    back: dict[tuple[str, Names], set[Names]] = {}
    where: dict[tuple[str, Names], str] = {}
    for colours in places.keys() & entries.keys():
        mine, theirs = places[colours].names, entries[colours].names
        for within in {places[colours].within, ""}:
            forth.setdefault((within, mine), set()).add(theirs)
            back.setdefault((within, theirs), set()).add(mine)
            where[within, mine] = min(where.get((within, mine), str(places[colours])), str(places[colours]))
    known = {
        (within, mine): Exchange(within, other, where[within, mine])
        for (within, mine), others in forth.items()
        for other in others
        if len(others) == 1 and len(back[within, other]) == 1 and _exchange(within, mine, other) not in partition.doubts
    }
    return _Exchanges(known, frozenset(forth))


def _listed_alike(partition: Partition, pairs: list[tuple[Container, Container]]) -> str:
    """What is numbered, if these are siblings whose numbers follow the order of the spec; empty if not."""
    for family in partition.checkpoint.families:
        members = {m: i for i, m in enumerate(family.members)}
        if all(entry.members in members for _, entry in pairs):
            in_order = sorted(pairs, key=lambda pair: members[pair[1].members])
            starts = [min(place.members) for place, _ in in_order]
            doubted = {("order", family.stem), ("listed", family.stem)} & partition.doubts
            return "" if doubted or starts != sorted(starts) else f", and numbered {family.stem} in order"
    return ""


def _numbers(side: Side) -> set[str]:
    """Names that are numbers of siblings, somewhere."""
    found = set()
    for siblings in side.children.values():
        matches = {name: match for name in siblings if (match := numbered(name, siblings))}
        stems = Counter(match[0] for match in matches.values())
        found |= {name for name, match in matches.items() if stems[match[0]] > 1 or not match[0]}
    return found

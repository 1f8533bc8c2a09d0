"""Numbers of siblings as evidence: they follow the order in which layers run, until something proven says otherwise.

What is taken for granted is that of two siblings the one with the smaller number never runs on what the other gives.
Rails run beside each other: no number tells them apart, unless the user says that they are numbered as the spec lists
them. Layers of one colour are told apart if all that belong to one number run before all that belong to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import product
from operator import and_, or_

from incdsl.weights.partition import Doubt, Evidence, Partition
from incdsl.weights.sides import Family


def numbered(partition: Partition) -> Iterator[Evidence]:
    """Numbered siblings, as far as the order in which the net's layers run tells which is which."""
    places = partition.places_by_colour()
    for family in partition.checkpoint.families:
        if ("order", family.stem) not in partition.doubts:
            yield from _in_order(partition, family, places)


def _in_order(partition: Partition, family: Family, places: dict[int, list[int]]) -> Iterator[Evidence]:
    pieces: list[set[int]] = [set() for _ in family.members]
    parts: list[set[int]] = [set() for _ in family.members]
    for colour, groups in _by_colour(partition, family).items():
        cut = _cut(partition, places[colour], [len(group) for group in groups.values()])
        for i, run in zip(groups, cut, strict=False):
            pieces[i].update(run)
            parts[i].update(groups[i])
    for piece, part, members in zip(pieces, parts, family.members, strict=True):
        if len(part) == len(members) and partition.net.crossed(frozenset(piece)):
            return
    where = f" in {'.'.join(family.path)}" if family.path else ""
    for position, (piece, part) in enumerate(zip(pieces, parts, strict=True), 1):
        if piece:
            what = f"{_ordinal(position)} of {len(pieces)} numbered {family.stem or 'siblings'}{where}"
            yield Evidence(frozenset(piece), frozenset(part), what)


def _by_colour(partition: Partition, family: Family) -> dict[int, dict[int, list[int]]]:
    """The entries of each member that has any, by colours of which there are none outside of the family."""
    found: dict[int, dict[int, list[int]]] = {}
    for position, members in enumerate(family.members):
        for i in sorted(members):
            found.setdefault(partition.checkpoint_colours[i], {}).setdefault(position, []).append(i)
    return {c: groups for c, groups in found.items() if sum(map(len, groups.values())) == partition.totals[c]}


def _cut(partition: Partition, places: list[int], sizes: list[int]) -> list[list[int]]:
    """Layers in pieces of these sizes, each of which runs before the next; nothing if there are other ways to cut."""
    pieces: list[list[int]] = []
    start = earlier = 0
    for size in sizes:
        piece = places[start : start + size]
        if earlier & ~_before_all(partition, piece):
            return []
        start, earlier = start + size, _bits(piece)
        pieces.append(piece)
    return pieces


def _before_all(partition: Partition, places: list[int], *, listed: bool = False) -> int:
    """The layers that run before each of these; with `listed`, those that the spec lists before them."""
    if listed or partition.rails_in_order:
        return (1 << min(places)) - 1
    return reduce(and_, (partition.net.upstream[i] for i in places))


def _bits(places: list[int]) -> int:
    return reduce(or_, (1 << i for i in places), 0)


def _ordinal(number: int) -> str:
    ending = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def disordered(partition: Partition) -> Iterator[Doubt]:
    """Stems whose numbers are no order, for siblings that shapes or names prove to run otherwise.

    One family that contradicts speaks against its neighbours, which the same author numbered, and against all of these
    stems, wherever they are.
    """
    yield from (("order", stem) for stem in _contradicted(partition, listed=False))


def unlisted(partition: Partition) -> Iterator[Doubt]:
    """Stems whose numbers are not the order in which the spec lists rails."""
    yield from (("listed", stem) for stem in _contradicted(partition, listed=True))


def _contradicted(partition: Partition, *, listed: bool) -> Iterator[str]:
    places = partition.places_by_colour()
    before: dict[int, int] = {}
    for family in partition.checkpoint.families:
        for colour in _colours(partition, family) - before.keys():
            before[colour] = _before_all(partition, places[colour], listed=listed)
        if _contradicts(partition, family, places, before):
            yield from (other.stem for other in partition.checkpoint.families if other.path == family.path)


def _colours(partition: Partition, family: Family) -> set[int]:
    return {partition.checkpoint_colours[i] for members in family.members for i in members}


def _contradicts(partition: Partition, family: Family, places: dict[int, list[int]], before: dict[int, int]) -> bool:
    """Whether something of a larger number certainly runs before something of a smaller one."""
    known, later = 0, dict[int, int]()  # layers that are alone in their colour; others, by theirs
    for members in reversed(family.members):
        colours = {partition.checkpoint_colours[i] for i in members}
        if any(known & before[c] or any(not some & ~before[c] for some in later.values()) for c in colours):
            return True
        for colour in colours:
            if partition.totals[colour] == 1:
                known |= 1 << places[colour][0]
            else:
                later[colour] = _bits(places[colour])
    return False


# Families side by side: `conv1` to `conv3` with `bn1` to `bn3`


def paired(partition: Partition) -> Iterator[Evidence]:
    """Norms that have the numbers of their convolutions, where the net has both in units of two.

    Each layer of the one family must be in a unit with one of the other, so that no number is left over; and somewhere
    such names must be proven to be a unit, and nowhere not to be.
    """
    partners, places = _partners(partition), partition.places_by_colour()
    pairs = list(_pairs(partition))
    proven = {_doubt(*pair): known for pair in reversed(pairs) if (known := _proven(partition, partners, *pair))}
    for pair in pairs:
        if _doubt(*pair) in proven.keys() - partition.doubts and _complete(partition, partners, places, *pair):
            for first, second in (pair, pair[::-1]):
                yield from _in_pairs(partition, partners, places, first, second, proven[_doubt(*pair)])


def unpaired(partition: Partition) -> Iterator[Doubt]:
    """Stems of which a number is proven not to be that of one unit."""
    partners, places = _partners(partition), partition.places_by_colour()
    for first, second in _pairs(partition):
        for a, b in zip(_colours_of(partition, first), _colours_of(partition, second), strict=True):
            if not {partners.get(i) for i in places[a]}.intersection(places[b]):
                yield _doubt(first, second)


def _doubt(first: Family, second: Family) -> Doubt:
    return "pair", first.stem, second.stem


def _partners(partition: Partition) -> dict[int, int]:
    """The other layer of each unit of two, of which one is a norm, and one runs on what the other gives."""
    found: dict[int, int] = {}
    for container in partition.net.containers:
        if len(container.members) == 2:
            first, second = sorted(container.members)
            norms = {partition.net.layers[i].signature.kind == "norm" for i in (first, second)}
            if len(norms) == 2 and partition.net.upstream[second] >> first & 1:
                found |= {first: second, second: first}
    return found


def _pairs(partition: Partition) -> Iterator[tuple[Family, Family]]:
    """Families of single layers below one path, with the same numbers, the second of norms."""
    below: dict[object, tuple[list[Family], list[Family]]] = {}
    for family in partition.checkpoint.numbers:
        kinds = {partition.checkpoint.layers[i].signature.kind for members in family.members for i in members}
        if all(len(members) == 1 for members in family.members) and (kinds == {"norm"} or "norm" not in kinds):
            below.setdefault((family.path, family.numbers), ([], []))[kinds == {"norm"}].append(family)
    for others, norms in below.values():
        yield from product(others, norms)


def _proven(partition: Partition, partners: dict[int, int], first: Family, second: Family) -> str:
    """A number that is known to be that of one unit, as a name of the checkpoint; empty if there is none."""
    place_of = {colour: i for i, colour in enumerate(partition.net_colours) if partition.totals[colour] == 1}
    colours = zip(_colours_of(partition, first), _colours_of(partition, second), strict=True)
    for (a, b), (members,) in zip(colours, first.members, strict=True):
        if a in place_of and b in place_of and partners.get(place_of[a]) == place_of[b]:
            return partition.checkpoint.layers[members].name
    return ""


def _colours_of(partition: Partition, family: Family) -> list[int]:
    return [partition.checkpoint_colours[i] for (i,) in family.members]


def _complete(
    partition: Partition, partners: dict[int, int], places: dict[int, list[int]], first: Family, second: Family
) -> bool:
    """Whether the families have all layers of their colours, and these all stand in units of one of each."""
    found = []
    for family in (first, second):
        inside = {i for colour in _colours_of(partition, family) for i in places[colour]}
        if len(inside) != len(family.members):
            return False
        found.append(inside)
    return {partners.get(i) for i in found[0]} == found[1]


def _in_pairs(
    partition: Partition, partners: dict[int, int], places: dict[int, list[int]],
    first: Family, second: Family, known: str,
) -> Iterator[Evidence]:  # fmt: skip
    colours = _colours_of(partition, first)
    for colour in dict.fromkeys(colours):
        entries = frozenset[int]().union(*(m for c, m in zip(colours, second.members, strict=True) if c == colour))
        numbers = f"{second.stem or 'number'} has the number of its {first.stem or 'neighbour'}, as at {known}"
        yield Evidence(frozenset(partners[i] for i in places[colour]), entries, numbers)

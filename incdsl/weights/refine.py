"""The rules of evidence: a partition of both sides that evidence makes finer, until nothing is left to be told.

Every layer has a colour. Layers of different colours cannot correspond; at first colours are signatures. Each rule
knows sets of layers, one of the net and one of the checkpoint, that a right correspondence must map onto each other,
and splits the colours accordingly. A layer that is alone in its colour, on both sides, is matched: no other
correspondence is left. The rules rest on this:

- Hierarchies agree: a container of the net and one of the checkpoint, laid on each other, are nested or apart.
- A name that both sides use once means the same on both, and a name is changed for the same other name everywhere.
- Siblings that are numbered are numbered in the order in which they run.

The last two are habits of authors. What is known in the end is held to them: where it contradicts one, all that rested
on the habit there is doubted, and everything is told anew without it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from incdsl.weights import names, order
from incdsl.weights.partition import Doubt, Evidence, Partition
from incdsl.weights.sides import Container, Members


def refine(partition: Partition) -> None:
    """Apply the rules until none of them knows anything new, and nothing that they rest on is contradicted."""
    while True:
        _settle(partition)
        doubts = next(
            (new for look in CONTRADICTIONS if (new := set(look(partition)) - partition.doubts)), set[Doubt]()
        )
        if not doubts:
            return
        partition.doubts |= doubts
        partition.reset()


def _settle(partition: Partition) -> None:
    """Hear a rule only when those before it know nothing more."""
    while any(_heard(partition, rule) for rule in RULES):
        pass


def _heard(partition: Partition, rule: Callable[[Partition], Iterator[Evidence]]) -> bool:
    found = list(rule(partition))
    return sum(partition.split(evidence) for evidence in found) > 0


def same_contents(partition: Partition) -> Iterator[Evidence]:
    """All k containers with some contents, where the layers of a colour would not do for k + 1 of them.

    A container of the checkpoint that were none of the net's k would, as hierarchies agree, be apart from all of them,
    and hold as many layers of each colour once more.
    """
    totals = Counter(partition.net_colours)
    for places, entries in partition.of_equal_contents():
        k = len(places)
        counts = Counter(partition.net_colours[i] for i in places[0].members)
        if len(entries) == k and any(totals[colour] < (k + 1) * count for colour, count in counts.items()):
            yield Evidence(_union(places), _union(entries), f"only one of this shape in {_told(places)}")


def _union(containers: Iterable[Container]) -> Members:
    return frozenset().union(*(container.members for container in containers))


def _told(containers: list[Container]) -> str:
    return " and ".join(map(str, containers)) if len(containers) < 3 else f"{len(containers)} such places"


RULES: tuple[Callable[[Partition], Iterator[Evidence]], ...] = (
    names.said, names.same_key, names.same_name, same_contents, order.numbered, order.paired, names.renamed,
)  # fmt: skip
"""The surest first; one that contradicts what an earlier one said is not heard."""
CONTRADICTIONS: tuple[Callable[[Partition], Iterator[Doubt]], ...] = (
    order.disordered, order.unlisted, names.misleading, names.inconsistent, order.unpaired,
)  # fmt: skip
"""What speaks against a habit that the rules rest on; only the weakest that is contradicted is given up at a time."""

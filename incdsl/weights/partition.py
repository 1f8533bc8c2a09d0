"""Which layers can only be each other: colours of both sides, the evidence that split them, and what is doubted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from incdsl.weights.layers import Path
from incdsl.weights.sides import Container, Members, Side

Doubt: TypeAlias = tuple[str, ...]
"""A kind of evidence that something proven contradicts: what kind, and the names that it was about."""


class Evidence(NamedTuple):
    """Two sets of layers that correspond as a whole, and why; what it rests on, so that it can be doubted."""

    places: Members
    entries: Members
    reason: str
    names: tuple[Path, Path] | None = None
    """The paths of the net and of the checkpoint whose last names were taken for the same."""
    exchanged: tuple[str, Path, Path] | None = None
    """In which definition (empty for everywhere) names of the checkpoint were taken to stand for names of the net."""


@dataclass
class Partition:
    """The colours of the net's layers and of the checkpoint's, and the evidence heard."""

    net: Side
    checkpoint: Side
    rails_in_order: bool = False
    """Whether numbers are those of rails in the order in which the spec lists them: a decision of the user."""
    said: tuple[tuple[Members, Members], ...] = ()
    """Layers of the net and of the checkpoint that are each other: a decision of the user."""
    doubts: set[Doubt] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all evidence, but not what is doubted."""
        known: dict[Hashable, int] = {}
        self.net_colours = [known.setdefault(layer.signature, len(known)) for layer in self.net.layers]
        self.checkpoint_colours = [known.setdefault(layer.signature, len(known)) for layer in self.checkpoint.layers]
        self.totals = Counter(self.net_colours)
        self.heard: dict[Members, Evidence] = {}
        self.by_name: list[Evidence] = []

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
        changed = [(colour, count) for colour, count in sorted(inside) if count < self.totals[colour]]
        fresh = {colour: len(self.totals) + i for i, (colour, _) in enumerate(changed)}
        for colour, count in changed:
            self.totals[colour] -= count
            self.totals[fresh[colour]] = count
        for members, colours in ((evidence.places, self.net_colours), (evidence.entries, self.checkpoint_colours)):
            for i in members:
                colours[i] = fresh.get(colours[i], colours[i])
        if fresh and (evidence.names or evidence.exchanged):
            self.by_name.append(evidence)
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

    def places_by_colour(self) -> dict[int, list[int]]:
        """The net's layers of each colour, in the order in which they run."""
        found: dict[int, list[int]] = {}
        for i, colour in enumerate(self.net_colours):
            found.setdefault(colour, []).append(i)
        return found

    def closed(self, containers: Iterable[Container], colours: list[int]) -> dict[frozenset[int], Container]:
        """Containers outside of which their colours do not occur, by these colours."""
        totals = Counter(colours)
        found = {}
        for container in containers:
            inside = Counter(colours[i] for i in container.members)
            if all(totals[colour] == count for colour, count in inside.items()):
                found[frozenset(inside)] = container
        return found

    def of_equal_contents(self) -> Iterator[tuple[list[Container], list[Container]]]:
        """Containers of the net and of the checkpoint by what they hold."""
        groups: dict[Hashable, tuple[list[Container], list[Container]]] = {}
        for container in self.net.containers:
            contents = self.contents(container.members, self.net_colours)
            groups.setdefault(contents, ([], []))[0].append(container)
        for container in self.checkpoint.containers:
            contents = self.contents(container.members, self.checkpoint_colours)
            if contents in groups:
                groups[contents][1].append(container)
        yield from groups.values()

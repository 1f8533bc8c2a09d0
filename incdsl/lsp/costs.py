"""What written steps, blocks and nets cost: the nodes that they became, counted over all of their uses."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from incdsl.analysis.cost import Field, NodeCost, receptive_fields
from incdsl.elaborate.resolve import Definition
from incdsl.frontend import Analysis, NetAnalysis
from incdsl.ir.graph import Instance
from incdsl.source import Span


@dataclass(frozen=True, slots=True)
class Price:
    """What some nodes of a net cost together; `uses` counts the instances that they are of."""

    params: int
    macs: int | None
    uses: int


@dataclass(frozen=True, eq=False)
class Costs:
    """Where the nodes of one net were written, and what they cost."""

    net: NetAnalysis

    @cached_property
    def _written(self) -> dict[str, list[tuple[int, NodeCost]]]:
        """For each file the nodes by the places that brought them about: their own, and the uses around them."""
        found: dict[str, list[tuple[int, NodeCost]]] = {}
        for each in self.net.cost.nodes:
            spans = [each.node.span, *(around.span for around in each.node.instance.lineage[1:] if around.span)]
            for span in {(span.source.name, span.start) for span in spans}:
                found.setdefault(span[0], []).append((span[1], each))
        for places in found.values():
            places.sort(key=lambda place: place[0])
        return found

    @cached_property
    def fields(self) -> dict[str, tuple[Field, Field]]:
        """The receptive field of every node."""
        return receptive_fields(self.net.net.graph)

    def inside(self, span: Span) -> list[NodeCost]:
        """The nodes that what is written here brought about, each once."""
        places = self._written.get(span.source.name, [])
        start = bisect_left(places, span.start, key=lambda place: place[0])
        end = bisect_left(places, span.end, key=lambda place: place[0])
        return list({id(cost): cost for _, cost in places[start:end]}.values())

    def price(self, nodes: Iterable[NodeCost], uses: int = 1) -> Price:
        """What nodes cost together."""
        found = list(nodes)
        known = all(each.macs is not None for each in found)
        macs = sum(each.macs or 0 for each in found) if known else None
        return Price(sum(each.parameters for each in found), macs, uses)

    def of_definition(self, definition: Definition) -> Price | None:
        """What all uses of a block or unit cost; None if the net has none."""
        instances: dict[Instance, None] = {}
        nodes = []
        for each in self.net.cost.nodes:
            own = next((i for i in each.node.instance.lineage if is_use(i, definition)), None)
            if own:
                instances[own] = None
                nodes.append(each)
        return self.price(nodes, len(instances)) if instances else None


def costs(analysis: Analysis) -> Sequence[Costs]:
    """The costs of the nets of which something is known, in the order of the file."""
    return [Costs(net) for net in analysis.nets if len(net.net.graph)]


def is_use(instance: Instance, definition: Definition) -> bool:
    """Whether an instance is a use of a definition."""
    same = instance.word == definition.name and instance.defined == definition.place
    return same and instance.kind != "sequence"

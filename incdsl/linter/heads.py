"""Auxiliary heads of a net, with the lines on which they are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from incdsl.ir.graph import Head, Node
from incdsl.linter.view import NetView
from incdsl.syntax import tree


@dataclass(frozen=True, eq=False, slots=True)
class WrittenHead:
    """A head of a net and the item that writes it."""

    head: Head
    item: tree.Aux
    nodes: tuple[Node, ...]

    def parameters(self, net: NetView) -> int:
        """How many parameters only training needs for it."""
        return sum(net.parameters[node.name] for node in self.nodes)

    def macs(self, net: NetView) -> int:
        """What it costs in training."""
        return sum(map(net.macs, self.nodes))


def heads(net: NetView) -> Iterator[WrittenHead]:
    """The heads that a net of this file writes itself, in the order in which they are written."""
    written = net.analysis.definition.net
    items = {item.name.text: item for item in written.items if isinstance(item, tree.Aux)}
    for head in net.graph.heads:
        item = items.get(head.name)
        if item is not None:
            yield WrittenHead(head, item, tuple(net.head_nodes(head)))

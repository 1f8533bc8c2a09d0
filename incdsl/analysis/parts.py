"""The parts that a net is made of, units and ops, each with what it computes, what it reads and what it costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from incdsl.analysis.cost import Cost
from incdsl.analysis.table import Row, rows
from incdsl.ir.graph import Graph
from incdsl.ir.net import Net
from incdsl.ops import Op
from incdsl.source import Span


@dataclass(frozen=True, slots=True)
class Part:
    """A unit, or an op that stands in none. Two are equal if they have one name, compute and cost the same
    and read the same values, whatever their definitions are called.

    `name` is unique in its net: the attribute path, or what a function call goes by in the graph. `wiring` says of each
    op which others of the part it reads, by their places, and -1 for what flows in.
    """

    name: str
    word: str = field(compare=False)
    block: str = field(compare=False)
    """The step of the net that it belongs to: a path, that of one turn if it is repeated, or its own name."""
    block_word: str = field(compare=False)
    """What that step names, a block or an op."""
    ops: tuple[Op, ...]
    wiring: tuple[tuple[int, ...], ...]
    reads: tuple[str, ...]
    """The names of the parts, or inputs, whose values flow in."""
    shape: str
    sees: str
    params: int
    macs: int | None
    activations: int | None
    training_only: bool
    span: Span = field(compare=False, repr=False)
    """Where it was written: the use of a unit, or the step that names the op."""
    nodes: tuple[str, ...] = field(compare=False, repr=False)
    """The nodes of the graph that it is."""

    @property
    def is_labelled(self) -> bool:
        """Whether its name is a path, which somebody chose, and not that of a function call."""
        return ":" not in self.name

    @property
    def content(self) -> tuple[Any, ...]:
        """What it is, wherever it stands."""
        return self.ops, self.wiring, self.shape, self.params, self.macs, self.activations, self.training_only


def parts(net: Net, cost: Cost) -> list[Part]:
    """The parts of a net in the order in which it runs."""
    graph = net.graph
    found = rows(net, cost, "layer")
    home = {each.node.name: _name(row) for row in found for each in row.nodes}
    home |= {node: name for name, node in graph.inputs.items()}
    return [_part(row, graph, home) for row in found]


def _name(row: Row) -> str:
    first = row.nodes[0].node
    return first.instance.path if first.instance.kind == "unit" and first.instance.path else first.name


def _part(row: Row, graph: Graph, home: dict[str, str]) -> Part:
    nodes = [each.node for each in row.nodes]
    places = {node.name: i for i, node in enumerate(nodes)}
    read = [operand for node in nodes for operand in graph.operands(node.name)]
    lineage = [each for each in nodes[0].instance.lineage if each.kind != "sequence"]  # turns stand for themselves
    use = nodes[0].instance.span if nodes[0].instance.kind == "unit" else None
    return Part(
        name=_name(row),
        word=row.kind,
        block=lineage[1].path if len(lineage) > 1 else _name(row),
        block_word=lineage[1].word if len(lineage) > 1 else row.kind,
        ops=tuple(node.op for node in nodes),
        wiring=tuple(tuple(places.get(name, -1) for name in graph.operands(node.name)) for node in nodes),
        reads=tuple(home[name] for name in read if name not in places),
        shape=row.shape,
        sees=row.sees,
        params=row.params,
        macs=row.macs,
        activations=row.activations,
        training_only=row.training_only,
        span=use or nodes[0].span,
        nodes=tuple(places),
    )

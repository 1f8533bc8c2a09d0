"""The typed graph: ops and the values between them, with the hierarchy that they were written in.

A `MultiDiGraph` keyed by operand position, because `concat(x, x)` has two edges and the order of rails matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import networkx as nx

from incdsl.diagnostics import CompilerBug
from incdsl.ops import Op
from incdsl.source import Span
from incdsl.values import Shape

Kind = Literal["net", "block", "unit", "sequence"]


@dataclass(frozen=True, eq=False, slots=True)
class Chain:
    """A chain of steps as it was written: what its values may be called in generated code."""

    name: str
    rail: bool = False
    parent: Chain | None = None

    @property
    def root(self) -> Chain:
        """The chain that is no rail of another."""
        return self.parent.root if self.parent else self


@dataclass(eq=False, slots=True)
class Instance:
    """One instance of a net, block or unit (a class of the generated code), or a repetition inside one.

    `arguments` are the values of the definition's symbols, written in the symbols of the enclosing class.
    """

    kind: Kind
    word: str
    label: str
    parent: Instance | None
    arguments: dict[str, Any] = field(default_factory=dict)
    comments: tuple[str, ...] = ()
    note: str = ""
    span: Span | None = None
    step: int = 0
    chain: Chain | None = None
    defined: tuple[int, int] = (0, 0)
    """Where its definition stands, file and character: the order of the generated classes."""
    optional: bool = False
    """Whether it is an auxiliary head, which a generated net can do without."""
    count: int | None = None
    """Of a repetition whose members are all alike: how many there are, in the symbols of the class around it."""

    @property
    def path(self) -> str:
        """Attribute path from the net: `Mixed_5b.branch1x1`."""
        if self.parent is None:
            return ""
        above = self.parent.path
        return f"{above}.{self.label}" if above else self.label


def class_name(word: str) -> str:
    """What a class is called after a name that is not one: `lin_conv` makes `LinConv`."""
    return "".join(part[:1].upper() + part[1:] for part in word.split("_"))


class Input(Op):
    """What the user feeds in."""

    shape: Any

    def infer(self, *inputs: Shape) -> Shape:
        """The shape that the spec gives."""
        shape: Shape = self.shape
        return shape


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """An op in its place.

    `label` is its attribute in the class of its instance, empty for a plain function call; `step` numbers the written
    step that it belongs to, `chain` the chain.
    """

    name: str
    op: Op
    instance: Instance
    label: str
    span: Span
    chain: Chain
    step: int
    note: str = ""

    @property
    def path(self) -> str:
        """Attribute path from the net; empty for a function call."""
        above = self.instance.path
        return f"{above}.{self.label}" if above and self.label else self.label


@dataclass(frozen=True, slots=True)
class Head:
    """An auxiliary head: its output, and the weight of its loss."""

    name: str
    node: str
    weight: float
    instance: Instance


@dataclass(frozen=True, slots=True)
class Ports:
    """The named values that enter and leave an instance of a block or net, in the order of their declaration.

    Values are names of nodes: of one outside for an input, of one inside (or of an input) for an output. What else
    crosses the border of an instance, because a rewrite made it so, has no name of its own.
    """

    inputs: tuple[tuple[str, str], ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()
    results: tuple[tuple[str, str], ...] = ()
    """What outputs, by their names, are called where the instance is used: `p3, p4 = self.fuse(c4, c3)`."""


class Graph:
    """Nodes in the order in which they were written, which is a topological one."""

    def __init__(self, net: Instance) -> None:
        self.net = net
        self.inputs: dict[str, str] = {}
        self.outputs: dict[str, str] = {}
        self.heads: list[Head] = []
        self.ports: dict[Instance, Ports] = {}
        """Of the instances that declare theirs; others have one input, called `x`, and one output."""
        self._graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        self._operands: dict[str, tuple[str, ...]] = {}
        self._shapes: dict[str, Shape] | None = None

    def add(self, node: Node, operands: tuple[str, ...] = ()) -> None:
        """Append a node that reads these nodes, in this order."""
        if node.name in self._graph:
            raise CompilerBug(f"two nodes are called {node.name}")
        self._graph.add_node(node.name, node=node)
        self._operands[node.name] = operands
        self._shapes = None
        for position, operand in enumerate(operands):
            if operand not in self._graph:
                raise CompilerBug(f"{node.name} reads {operand}, which does not exist yet")
            self._graph.add_edge(operand, node.name, key=position)

    def __iter__(self) -> Iterator[Node]:
        return (data["node"] for _, data in self._graph.nodes(data=True))

    def __contains__(self, name: object) -> bool:
        return name in self._graph

    def __len__(self) -> int:
        return len(self._graph)

    def __getitem__(self, name: str) -> Node:
        node: Node = self._graph.nodes[name]["node"]
        return node

    def operands(self, name: str) -> tuple[str, ...]:
        """Names of the nodes that a node reads, by position."""
        return self._operands[name]

    def needed_by(self, ends: list[str]) -> set[str]:
        """All nodes that these depend on, with themselves."""
        needed: set[str] = set()
        waiting = list(ends)
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                waiting.extend(self._graph.pred[name])
        return needed

    def without_dead_nodes(self) -> Graph:
        """The graph without what neither an output nor a head depends on; inputs stay."""
        alive = self.needed_by([*self.outputs.values(), *(head.node for head in self.heads)])
        alive.update(self.inputs.values())
        if len(alive) == len(self):
            return self
        kept = Graph(self.net)
        for node in self:
            if node.name in alive:
                kept.add(node, self._operands[node.name])
        kept.inputs, kept.outputs, kept.heads = self.inputs, self.outputs, self.heads
        return kept

    def check_doors(self) -> None:
        """Hold every instance to one value that comes in and one that goes out.

        Raises:
            CompilerBug: if an instance has more; generated classes have one argument and return one value.
        """
        ends = {*self.outputs.values(), *(head.node for head in self.heads)}
        enters: dict[Instance, set[str]] = {}
        leaves: dict[Instance, set[str]] = {}
        around = {node.instance: _around(node.instance) for node in self}
        for node in self:
            here = around[node.instance]
            for operand in self._operands[node.name]:
                there = around[self[operand].instance]
                shared = sum(a is b for a, b in zip(here, there, strict=False))
                for instance in here[shared:]:
                    enters.setdefault(instance, set()).add(operand)
                for instance in there[shared:]:
                    leaves.setdefault(instance, set()).add(operand)
            if node.name in ends:
                for instance in here[1:]:
                    leaves.setdefault(instance, set()).add(node.name)
        for way, doors in (("comes in", enters), ("goes out", leaves)):
            for instance, values in doors.items():
                if len(values) > 1:
                    raise CompilerBug(f"more than one value {way} at {instance.path}: {', '.join(sorted(values))}")

    def shapes(self) -> dict[str, Shape]:
        """The shape of every node, in one sweep; kept until the graph changes."""
        if self._shapes is None:
            known: dict[str, Shape] = {}
            for node in self:
                known[node.name] = _plain(node.op.infer(*[known[o] for o in self._operands[node.name]]))
            self._shapes = known
        return self._shapes

    def shapes_above(self, name: str) -> dict[str, Shape]:
        """The shapes of a node and of all that it depends on."""
        needed = self.needed_by([name])
        known: dict[str, Shape] = {}
        for node in self:
            if node.name in needed:
                known[node.name] = _plain(node.op.infer(*(known[o] for o in self.operands(node.name))))
        return known


def _around(instance: Instance) -> tuple[Instance, ...]:
    """A instance and all around it, the net first."""
    above: tuple[Instance, ...] = _around(instance.parent) if instance.parent else ()
    return (*above, instance)


def _plain(shape: Shape) -> Shape:
    """Channels as a bare number: symbols of different classes must not meet."""
    return shape.with_channels(int(shape.channels))

"""The typed graph: ops and the values between them, with the hierarchy that they were written in.

`Graph.networkx` gives it as a `MultiDiGraph` for algorithms of one's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from incdsl.diagnostics import CompilerBug
from incdsl.ops import Op
from incdsl.source import Span
from incdsl.values import Shape

if TYPE_CHECKING:
    from networkx import MultiDiGraph

Kind = Literal["net", "block", "unit", "sequence"]


@dataclass(frozen=True, eq=False, slots=True)
class Chain:
    """A chain of steps as it was written: what its values may be called in generated code."""

    name: str
    rail: bool = False
    parent: Chain | None = None
    comments: tuple[str, ...] = ()
    """The comment lines above it."""

    @property
    def root(self) -> Chain:
        """The chain that is no rail of another."""
        return self.parent.root if self.parent else self

    @property
    def lineage(self) -> tuple[Chain, ...]:
        """The chain and all that it is a rail of, the outermost first."""
        return (*(self.parent.lineage if self.parent else ()), self)


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
    lets: dict[str, Any] = field(default_factory=dict)
    """Numbers that its definition gives names, in its own symbols."""
    path: str = field(init=False)
    """Attribute path from the net: `Mixed_5b.branch1x1`; empty for the net itself."""

    def __post_init__(self) -> None:
        above = self.parent.path if self.parent else ""
        self.path = f"{above}.{self.label}" if above else (self.label if self.parent else "")

    @property
    def lineage(self) -> tuple[Instance, ...]:
        """The instance and all around it, the net first."""
        above: tuple[Instance, ...] = self.parent.lineage if self.parent else ()
        return (*above, self)


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

    `name` is unique: the attribute path, or for a function call `path:word` of the instance around it and the op, with
    `#2` and so on behind it where there are several; an input is `image:`. A node that a pass made gets `#2` as well.
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
    crosses the border of an instance, because a rewrite made it so, has no name of its own; nor has the value of a head
    that leaves a net inside a net.
    """

    inputs: tuple[tuple[str, str], ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()
    results: tuple[tuple[str, str], ...] = ()
    """What outputs, by their names, are called where the instance is used: `p3, p4 = self.fuse(c4, c3)`."""

    def follow(self, value: Callable[[str], str], graph: Graph, instance: Instance) -> Ports:
        """The ports of an instance in a graph that was made of theirs, as far as there are nodes for their values.

        An output that a rewrite moved out of the instance is none any more.
        """
        inputs, outputs = (
            [(name, now) for name, node in ports if (now := value(node)) in graph]
            for ports in (self.inputs, self.outputs)
        )
        entering = {node for _, node in inputs}
        leaving = [(n, node) for n, node in outputs if node in entering or instance in graph[node].instance.lineage]
        return replace(self, inputs=tuple(inputs), outputs=tuple(leaving))


Entry: TypeAlias = tuple[Node, tuple[str, ...], Shape | None]
"""A node of a graph to be, the names of the nodes that it reads, and its shape; None where that is to be inferred."""


class Graph:
    """Nodes in the order in which they were written, which is a topological one.

    `nominal` gives the size of each axis of the inputs, None where the spec leaves it free.
    """

    def __init__(self, net: Instance, nominal: Mapping[str, int | None] | None = None) -> None:
        self.net = net
        self.nominal: Mapping[str, int | None] = {} if nominal is None else nominal
        self.inputs: dict[str, str] = {}
        self.outputs: dict[str, str] = {}
        self.heads: list[Head] = []
        self.ports: dict[Instance, Ports] = {}
        """Of the instances that declare theirs; others have one input, called `x`, and one output."""
        self._nodes: dict[str, Node] = {}
        self._operands: dict[str, tuple[str, ...]] = {}
        self._shapes: dict[str, Shape] = {}

    def add(self, node: Node, operands: tuple[str, ...] = (), shape: Shape | None = None) -> None:
        """Append a node that reads these nodes, in this order; its shape is inferred unless it is known.

        Raises:
            CompilerBug: if the name is taken, or an operand does not exist yet.
            ShapeError: if the op refuses the shapes of its operands.
        """
        if node.name in self._nodes:
            raise CompilerBug(f"two nodes are called {node.name}")
        for operand in operands:
            if operand not in self._nodes:
                raise CompilerBug(f"{node.name} reads {operand}, which does not exist yet")
        if shape is None:
            shape = node.op.infer(*(self._shapes[operand] for operand in operands))
        self._nodes[node.name] = node
        self._operands[node.name] = operands
        self._shapes[node.name] = _plain(shape)

    def cut(self, size: int) -> None:
        """Take back the nodes that were added last, of which nothing depends; so many nodes stay."""
        for name in list(islice(self._nodes, size, None)):
            for instance in self._nodes.pop(name).instance.lineage:
                self.ports.pop(instance, None)  # those around have none before they are left
            del self._operands[name], self._shapes[name]

    def __iter__(self) -> Iterator[Node]:
        return iter(self._nodes.values())

    def __contains__(self, name: object) -> bool:
        return name in self._nodes

    def __len__(self) -> int:
        return len(self._nodes)

    def __getitem__(self, name: str) -> Node:
        return self._nodes[name]

    def operands(self, name: str) -> tuple[str, ...]:
        """Names of the nodes that a node reads, by position."""
        return self._operands[name]

    def shapes(self) -> dict[str, Shape]:
        """The shape of every node, channels as bare numbers: symbols of different classes must not meet."""
        return self._shapes

    @property
    def ends(self) -> list[str]:
        """The nodes that give the outputs, then those that give the heads."""
        return [*self.outputs.values(), *(head.node for head in self.heads)]

    def needed_by(self, ends: Iterable[str]) -> set[str]:
        """All nodes that these depend on, with themselves."""
        needed: set[str] = set()
        waiting = list(ends)
        while waiting:
            name = waiting.pop()
            if name not in needed:
                needed.add(name)
                waiting.extend(self._operands[name])
        return needed

    def networkx(self) -> MultiDiGraph[str]:
        """The graph for algorithms of networkx: a frozen copy, with attributes for each node and edge.

        `docs/ir.md` describes the attributes. It is made anew at each call, in linear time.
        """
        from incdsl.ir.multidigraph import multidigraph

        return multidigraph(self)

    def entries(self) -> Iterator[Entry]:
        """All nodes with what they read and their shapes: what a changed copy is made of."""
        return ((node, self._operands[name], self._shapes[name]) for name, node in self._nodes.items())

    def changed(
        self,
        entries: Iterable[Entry] | None = None,
        *,
        value: Callable[[str], str] = lambda name: name,
        instance: Callable[[Instance], Instance] = lambda same: same,
        heads: bool = True,
    ) -> Graph:
        """A copy of other nodes, or of its own, that keeps inputs, outputs, heads and ports; dead nodes are left out.

        `value` gives the name of the node that stands for one of this graph, `instance` likewise; they are asked when
        all entries have been taken. A node is dead when neither an output nor a head depends on it; inputs never are.
        """
        made = list(self.entries() if entries is None else entries)
        result = Graph(self.net, self.nominal)
        result.inputs = dict(self.inputs)
        result.outputs = {name: value(node) for name, node in self.outputs.items()}
        if heads:
            result.heads = [replace(h, node=value(h.node), instance=instance(h.instance)) for h in self.heads]
        alive = {*result.ends, *result.inputs.values()}
        for node, operands, _ in reversed(made):
            if node.name in alive:
                alive.update(operands)
        for node, operands, shape in made:
            if node.name in alive:
                result.add(node, operands, shape)
        if self.ports:
            standing = {each for node in result for each in node.instance.lineage}
            moved = {instance(each): ports for each, ports in self.ports.items()}
            result.ports = {e: ports.follow(value, result, e) for e, ports in moved.items() if e in standing}
        return result

    def without_dead_nodes(self) -> Graph:
        """The graph without what neither an output nor a head depends on; inputs stay."""
        alive = self.needed_by([*self.ends, *self.inputs.values()])
        return self if len(alive) == len(self) else self.changed()


def _plain(shape: Shape) -> Shape:
    """Channels as a bare number."""
    return shape if type(shape.channels) is int else shape.with_channels(int(shape.channels))

"""What rules see of a spec: its nets as graphs with sizes, and the steps that were written for their nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeGuard

from incdsl.frontend import Analysis, NetAnalysis
from incdsl.ir.graph import Head, Instance, Node
from incdsl.ops import Op
from incdsl.ops.activation import Activation, PReLU
from incdsl.ops.window import Conv2d
from incdsl.source import Span
from incdsl.syntax import tree


@dataclass(frozen=True, eq=False, slots=True)
class Written:
    """A step that names an op, a unit, a block or a net, where it stands in its chain, and the factor if it is one."""

    chain: tree.Chain
    index: int
    step: tree.Step
    call: tree.Call
    factor: tree.Factor | None = None


class View:
    """A spec that was analyzed; rules speak of what stands in its own file, not in what it imports."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.file = analysis.file
        self.source = analysis.spec.source
        self._written = dict(_written(analysis.file))
        self.nets = tuple([NetView(found, self) for found in analysis.nets])

    def written(self, span: Span) -> Written | None:
        """The step that was written at a place, if it is one of this file."""
        return self._written.get(span.start) if span.source is self.source else None

    def merge(self, span: Span) -> tree.Merge | None:
        """The merge that was written at a place, if it is one of this file."""
        return self._merges.get(span.start) if span.source is self.source else None

    @cached_property
    def _merges(self) -> dict[int, tree.Merge]:
        return {node.span.start: node for node in tree.nodes(self.file) if isinstance(node, tree.Merge)}

    def names_op(self, written: Written) -> bool:
        """Whether a step names an op, and no unit, block, net or parameter."""
        return isinstance(self.analysis.references.get(written.call.name), type)

    @cached_property
    def chains_in_nets(self) -> frozenset[tree.Chain]:
        """The chains that stand in nets, not in blocks or units."""
        return _chains(self.file.nets)

    @cached_property
    def chains_in_units(self) -> frozenset[tree.Chain]:
        """The chains that stand in units."""
        return _chains(tuple(each for each in self.file.definitions if isinstance(each, tree.Unit)))


def _chains(definitions: tuple[tree.Tree, ...]) -> frozenset[tree.Chain]:
    return frozenset(node for node in tree.nodes(definitions) if isinstance(node, tree.Chain))


def _written(file: tree.File) -> Iterator[tuple[int, Written]]:
    for chain in tree.nodes(file):
        if not isinstance(chain, tree.Chain):
            continue
        for index, step in enumerate(chain.steps):
            if isinstance(call := step.atom, tree.Call):
                yield call.span.start, Written(chain, index, step, call)
                for factor in call.factors.items if call.factors else ():
                    yield factor.span.start, Written(chain, index, step, call, factor)


class NetView:
    """One net, as far as it is known."""

    def __init__(self, found: NetAnalysis, view: View) -> None:
        self.analysis = found
        self.view = view
        self.name = found.name
        self.graph = found.net.graph
        self.complete = found.complete

    @cached_property
    def readers(self) -> dict[str, list[Node]]:
        """The nodes that read each value."""
        found: dict[str, list[Node]] = defaultdict(list)
        for node in self.graph:
            for name in dict.fromkeys(self.graph.operands(node.name)):
                found[name].append(node)
        return found

    @cached_property
    def in_order(self) -> list[Node]:
        """All nodes, in the order of the graph."""
        return list(self.graph)

    @cached_property
    def order(self) -> dict[str, int]:
        """The place of each node in it."""
        return {node.name: i for i, node in enumerate(self.in_order)}

    @cached_property
    def _sizes(self) -> dict[str, int] | None:
        nominal = self.analysis.net.conditions.nominal
        sizes = {axis: size for axis, size in nominal.items() if size is not None}
        return sizes if len(sizes) == len(nominal) else None

    def nodes(self, kind: type[Op] | tuple[type[Op], ...] = Op) -> Iterator[Node]:
        """The nodes that read something, of some class of ops."""
        return (node for node in self.graph if isinstance(node.op, kind) and self.graph.operands(node.name))

    def source(self, node: Node) -> Node:
        """What a node reads first."""
        return self.graph[self.graph.operands(node.name)[0]]

    def reader(self, node: Node) -> Node | None:
        """The only node that reads a value; None where there are several, or may be, or where it is an output."""
        readers = self.readers.get(node.name, [])
        if len(readers) != 1 or node.name in self.graph.ends:
            return None
        return readers[0] if self.complete or node.chain is readers[0].chain else None

    def reads_alone(self, node: Node) -> bool:
        """Whether nothing else reads what a node reads first, also where it is handed on as it is."""
        reader, value = node, self.source(node)
        while self.reader(value) is reader:
            if value.op.kind != "view" or not self.graph.operands(value.name):
                return True
            reader, value = value, self.source(value)
        return False

    def reader_behind(self, node: Node, kinds: tuple[str, ...] = ("norm", "pointwise")) -> Node | None:
        """The next op of another kind, where each value in between is read once."""
        found = self.reader(node)
        while found and found.op.kind in kinds and len(self.graph.operands(found.name)) == 1:
            found = self.reader(found)
        return found

    def size(self, node: Node) -> tuple[int, ...] | None:
        """The shape of a value in numbers, `(C, H, W)` or `(C,)`; None where the size of the input is free."""
        return None if self._sizes is None else self.graph.shapes()[node.name].at(self._sizes)

    def grid(self, node: Node) -> tuple[int, int] | None:
        """Height and width of a value that is an image, where they are known."""
        size = self.size(node)
        return (size[1], size[2]) if size is not None and len(size) == 3 else None

    def channels(self, node: Node) -> int:
        """The channels of a value."""
        return int(self.graph.shapes()[node.name].channels)

    def macs(self, node: Node) -> int:
        """Multiply-accumulates of a node at the nominal size, 0 where it is free."""
        sizes = [self.size(self.graph[name]) for name in self.graph.operands(node.name)]
        output = self.size(node)
        known = [size for size in sizes if size is not None]
        return node.op.macs(tuple(known), output) if output is not None and len(known) == len(sizes) else 0

    def head_nodes(self, head: Head) -> list[Node]:
        """The nodes of an auxiliary head."""
        return self._heads[head.instance]

    @cached_property
    def _heads(self) -> dict[Instance, list[Node]]:
        found: dict[Instance, list[Node]] = {head.instance: [] for head in self.graph.heads}
        for node in self.graph if found else ():
            for instance in node.instance.lineage:
                if instance in found:
                    found[instance].append(node)
        return found

    @cached_property
    def parameters(self) -> dict[str, int]:
        """How many parameters each node has."""
        return {each.node.name: each.parameters for each in self.analysis.cost.nodes}

    def span(self, node: Node) -> Span:
        """Where the step was written that a node belongs to: the use of a unit, not the line of its definition."""
        units = (each.span for each in node.instance.lineage if each.kind == "unit" and each.span)
        return next(units, None) or self._uses.get(node.step, node.span)

    @cached_property
    def _uses(self) -> dict[int, Span]:
        """The uses of units whose parts became attributes of the class around them, by their steps."""
        found: dict[int, Span] = {}
        for node in self.graph:
            written = self.view.written(node.span)
            if written and written.chain not in self.view.chains_in_units:
                found.setdefault(node.step, node.span)
        return found

    def written(self, node: Node) -> Written | None:
        """The step that was written for a node, the use of a unit where it is in one."""
        return self.view.written(self.span(node))

    def op_written(self, node: Node) -> Written | None:
        """The step that names the op of a node: in the unit, if it is one's; None if it stands in another file."""
        found = self.view.written(node.span)
        if found is None or not self.view.names_op(found):
            step = self._steps.get(node.name)
            found = self.view.written(step.atom.span) if step else None
        return found

    @cached_property
    def _steps(self) -> dict[str, tree.Step]:
        """The step of this file that names the op of each node."""
        found: dict[str, tree.Step] = {}
        for step, occurrences in self.view.analysis.steps.items():
            written = self.view.written(step.atom.span) if isinstance(step, tree.Step) else None
            if written is None or written.step is not step or not self.view.names_op(written):
                continue
            for each in occurrences:
                if each.instance.lineage[0] is self.graph.net:
                    found.update(dict.fromkeys(each.nodes, step))
        return found

    def path(self, node: Node) -> str:
        """Where a node is in the expanded net, as diagnostics say it."""
        return path(node.instance)

    def convolutions(self) -> Iterator[tuple[Node, Conv2d]]:
        """The convolutions every filter of which reads all channels of neighbouring cells, with their ops."""
        for node in self.nodes(Conv2d):
            if is_dense(node.op):
                yield node, node.op


def path(instance: Instance) -> str:
    """An instance in the expanded net: `InceptionV3 > Mixed_6a: ReductionA`."""
    parts = [instance.lineage[0].word]
    for each in instance.lineage[1:]:
        if each.kind in ("block", "net"):
            parts.append(f"{each.label}: {each.word}" if each.label else each.word)
        elif each.kind == "sequence" and each.label:
            parts.append(each.label)
    return " > ".join(parts)


def is_dense(op: Op) -> TypeGuard[Conv2d]:
    """Whether an op is a convolution every filter of which reads all channels of neighbouring cells."""
    return isinstance(op, Conv2d) and int(op.groups) == 1 and max(map(int, op.dilation)) == 1


def is_activation(op: Op) -> bool:
    """Whether an op is a non-linearity."""
    return isinstance(op, Activation | PReLU)

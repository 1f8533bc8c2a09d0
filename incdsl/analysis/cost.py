"""What a net costs: parameters, multiply-accumulates, activations, and how far each value sees."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import Any

from incdsl.analysis.memory import owners
from incdsl.ir.graph import Graph, Node
from incdsl.ir.net import Net
from incdsl.ops import Reach, Tensor
from incdsl.ops.sweep import SAME
from incdsl.values import Shape


@dataclass(frozen=True, slots=True)
class NodeCost:
    """One op at the nominal size and batch 1; `macs` and `activations` are unknown where the size is free.

    `activations` are the numbers that it adds to memory: none for views and for what overwrites its operand.
    """

    node: Node
    shape: Shape
    parameters: int
    macs: int | None
    activations: int | None
    deployed: bool


@dataclass(frozen=True)
class Cost:
    """The totals of a net: `deployed` is without auxiliary heads, `train` with them."""

    nodes: tuple[NodeCost, ...]
    params: int
    deployed_params: int
    macs: int | None
    train_macs: int | None
    _net: Net = field(repr=False)

    @cached_property
    def keys(self) -> str:
        """A hash of all that code and checkpoints name: keys with shapes, labels, inputs and outputs."""
        graph, shapes = self._net.graph, {each.node.name: each.shape for each in self.nodes}
        lines = [f"{key} {list(tensor.shape)}" for key, tensor in state_dict(graph, shapes)]
        lines += [f"{node.path} {node.op.word}" for node in graph if node.label]
        lines += [f"{name} {shapes[node]}" for name, node in graph.inputs.items()]
        lines += [f"{axis} {size}" for axis, size in self._net.conditions.nominal.items()]
        lines += [*graph.outputs, *(head.name for head in graph.heads), *self._net.params]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]

    def fact(self, name: str) -> int | str | None:
        """A fact that `expect` can state, one of `FACTS`."""
        value: int | str | None = getattr(self, name)
        return value


FACTS = ("params", "deployed_params", "macs", "train_macs", "keys")


def cost(net: Net) -> Cost:
    """Count everything once."""
    graph = net.graph
    shapes = graph.shapes()
    deployed = graph.needed_by(list(graph.outputs.values()))
    sizes = {axis: size for axis, size in net.conditions.nominal.items() if size is not None}
    known = None not in net.conditions.nominal.values()
    owner = owners(graph)
    nodes = []
    for node in graph:
        inputs = tuple(shapes[name] for name in graph.operands(node.name))
        parameters = node.op.parameters(*inputs) if inputs else 0
        macs = activations = None
        if known:
            output = shapes[node.name].at(sizes)
            macs = node.op.macs(tuple(shape.at(sizes) for shape in inputs), output) if inputs else 0
            activations = prod(output) if inputs and owner[node.name] == node.name else 0
        nodes.append(NodeCost(node, shapes[node.name], parameters, macs, activations, node.name in deployed))
    return Cost(
        tuple(nodes),
        params=sum(n.parameters for n in nodes),
        deployed_params=sum(n.parameters for n in nodes if n.deployed),
        macs=sum(n.macs or 0 for n in nodes if n.deployed) if known else None,
        train_macs=sum(n.macs or 0 for n in nodes) if known else None,
        _net=net,
    )


def state_dict(graph: Graph, shapes: dict[str, Shape]) -> Iterator[tuple[str, Tensor]]:
    """Keys and tensors of the generated module's state_dict, in its order.

    Attributes come in the order in which they are first written, parameters of the class itself before all others; a
    container keeps its place for later members.
    """
    tree: dict[str, Any] = {}
    for node in graph:
        if not node.label or not graph.operands(node.name):
            continue
        inputs = tuple(shapes[name] for name in graph.operands(node.name))
        tensors = node.op.tensors(*inputs)
        *above, last = node.path.split(".")
        branch = tree
        for part in above:
            branch = branch.setdefault(part, {})
        if node.op.is_parameter:
            branch[""] = (*branch.get("", ()), *(tensor._replace(name=last) for tensor in tensors))
        else:
            branch.setdefault(last, {})[""] = tensors
    yield from _flattened(tree, "")


def _flattened(tree: dict[str, Any], path: str) -> Iterator[tuple[str, Tensor]]:
    waiting: list[tuple[str, Any]] = [(path, tree)]
    while waiting:
        above, branch = waiting.pop()
        if isinstance(branch, Tensor):
            yield above, branch
            continue
        prefix = f"{above}." if above else ""
        own = [(f"{prefix}{tensor.name}", tensor) for tensor in branch.get("", ())]
        members = [(f"{prefix}{name}", child) for name, child in branch.items() if name]
        waiting.extend(reversed([*own, *members]))


@dataclass(frozen=True, slots=True)
class Field:
    """How much of the input one value sees along an axis, and how many pixels apart neighbours look.

    Behind an enlargement values look at parts of the cells of a coarser grid: `span` adds the parts up, None for all of
    the input, and `grid` is that grid's first cell, in pixels, and its step.
    """

    span: Fraction | None = Fraction(1)
    step: Fraction = Fraction(1)
    grid: tuple[Fraction, Fraction] = (Fraction(1), Fraction(1))

    @property
    def size(self) -> int | None:
        """In pixels, None for all of the input: of the coarser grid only whole cells are seen."""
        if self.span is None:
            return None
        first, step = self.grid
        return int(first + (self.span - first) // step * step)

    def through(self, reach: Reach) -> Field:
        """What an op sees that looks at this."""
        step = self.step * reach.step
        if self.span is None or reach.size is None:
            return Field(None, step)
        coarser = reach.step < 1 and self.step > self.grid[1]
        start = Fraction(self.size or 0) if coarser else self.span
        return Field(start + (reach.size - 1) * self.step, step, (start, self.step) if coarser else self.grid)


def receptive_fields(graph: Graph) -> dict[str, tuple[Field, Field]]:
    """The receptive field of every node, height and width; where rails meet, the largest counts."""
    start, shapes = Field(), graph.shapes()
    known: dict[str, tuple[Field, Field]] = {}
    for node in graph:
        names = graph.operands(node.name)
        operands = [known[name] for name in names[: len(names) - len(node.op.sized_by)]]
        height, width = operands[0] if len(operands) == 1 else _of_all(operands, start)
        reaches = node.op.reach(*(shapes[name] for name in names))
        if reaches is not SAME:
            is_square = height is width and reaches[0] == reaches[1]
            height = height.through(reaches[0])
            width = height if is_square else width.through(reaches[1])
        known[node.name] = (height, width)
    return known


def _of_all(operands: list[tuple[Field, Field]], start: Field) -> tuple[Field, Field]:
    """What several values see together; of an input, itself."""
    if not operands:
        return start, start
    height = _widest([pair[0] for pair in operands])
    are_square = all(pair[0] is pair[1] for pair in operands)
    return height, height if are_square else _widest([pair[1] for pair in operands])


def _widest(fields: list[Field]) -> Field:
    if any(f.span is None for f in fields):
        return Field(None, fields[0].step)
    return max(fields, key=lambda f: f.size or 0)

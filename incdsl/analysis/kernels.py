"""What a net launches when PyTorch runs it step by step: kernels by kind, and the numbers that they read and write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import get_args

from incdsl.ir.graph import Graph, Node
from incdsl.ir.net import Net
from incdsl.ops import Kind
from incdsl.values import Shape


@dataclass(frozen=True, slots=True)
class Kernels:
    """Launches of one evaluation of a net, by kind; `numbers` are read or written by them, weights included."""

    convolution: int = 0
    linear: int = 0
    pool: int = 0
    norm: int = 0
    pointwise: int = 0
    copy: int = 0
    numbers: int | None = 0
    macs: int | None = 0

    @property
    def launches(self) -> int:
        """All of them."""
        return self.convolution + self.linear + self.pool + self.norm + self.pointwise + self.copy


def kernels(net: Net) -> Kernels:
    """Count them at the nominal size and batch 1; numbers and multiply-accumulates are unknown where it is free."""
    graph = net.graph
    shapes = graph.shapes()
    nominal = net.conditions.nominal
    sizes = {axis: size for axis, size in nominal.items() if size is not None}
    known = len(sizes) == len(nominal)
    needed = graph.needed_by(list(graph.outputs.values()))
    counts: dict[Kind, int] = dict.fromkeys(get_args(Kind), 0)
    numbers = macs = 0
    for node in graph:
        kind = node.op.kind
        if node.name not in needed or not graph.operands(node.name):
            continue
        counts[kind] += 1
        if known and kind != "view":
            numbers += _moved(node, graph, shapes, sizes)
        if known:
            inputs = tuple(shapes[name].at(sizes) for name in graph.operands(node.name))
            macs += node.op.macs(inputs, shapes[node.name].at(sizes))
    del counts["view"]
    return Kernels(**counts, numbers=numbers if known else None, macs=macs if known else None)


def _moved(node: Node, graph: Graph, shapes: Mapping[str, Shape], sizes: Mapping[str, int]) -> int:
    """Numbers that one kernel reads and writes."""
    operands = [shapes[name] for name in graph.operands(node.name)]
    read = sum(prod(shape.at(sizes)) for shape in operands[: len(operands) - len(node.op.sized_by)])
    weights = sum(prod(tensor.shape) for tensor in node.op.tensors(*operands) if tensor.shape)
    return read + weights + node.op.constants(*operands) + prod(shapes[node.name].at(sizes))

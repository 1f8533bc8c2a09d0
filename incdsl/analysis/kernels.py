"""What a net launches when PyTorch runs it step by step: kernels by kind, and the numbers that they read and write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from incdsl.ir.graph import Node
from incdsl.ir.net import Net
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


@dataclass(frozen=True, slots=True)
class Launch:
    """One kernel at the nominal size and batch 1.

    `numbers` are those that it reads and writes of the images, `weights` those that it reads besides, whatever the
    batch. `numbers` and `macs` are unknown where the size is free.
    """

    node: Node
    numbers: int | None
    weights: int
    macs: int | None


def launches(net: Net) -> list[Launch]:
    """The kernels of one evaluation, in the order in which they run; views launch none."""
    graph = net.graph
    shapes = graph.shapes()
    sizes = {axis: size for axis, size in net.conditions.nominal.items() if size is not None}
    known = len(sizes) == len(net.conditions.nominal)
    needed = graph.needed_by(list(graph.outputs.values()))
    found = []
    for node in graph:
        if node.name not in needed or not graph.operands(node.name) or node.op.kind == "view":
            continue
        operands = [shapes[name] for name in graph.operands(node.name)]
        numbers, macs = _images(node, operands, shapes[node.name], sizes) if known else (None, None)
        found.append(Launch(node, numbers, _weights(node, operands), macs))
    return found


def kernels(net: Net) -> Kernels:
    """Count them at the nominal size and batch 1; numbers and multiply-accumulates are unknown where it is free."""
    found = launches(net)
    counts: Counter[str] = Counter(each.node.op.kind for each in found)
    numbers = macs = None
    if None not in net.conditions.nominal.values():
        numbers = sum((each.numbers or 0) + each.weights for each in found)
        macs = sum(each.macs or 0 for each in found)
    return Kernels(**counts, numbers=numbers, macs=macs)


def _images(node: Node, operands: list[Shape], output: Shape, sizes: Mapping[str, int]) -> tuple[int, int]:
    """Numbers of images that one kernel reads and writes, and its multiply-accumulates."""
    inputs, written = tuple(shape.at(sizes) for shape in operands), output.at(sizes)
    read = inputs[: len(inputs) - len(node.op.sized_by) - node.op.targets]
    return sum(map(prod, read)) + prod(written), node.op.macs(inputs, written)


def _weights(node: Node, operands: list[Shape]) -> int:
    """Numbers that one kernel reads beside the images."""
    return sum(prod(t.shape) for t in node.op.tensors(*operands) if t.shape) + node.op.constants(*operands)

"""Large kernels as smaller ones: those that are written as factors, and what others would cost as factors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from incdsl.diagnostics import Fix
from incdsl.edits import Edit
from incdsl.ir.graph import Node
from incdsl.linter.view import NetView, Written
from incdsl.ops.window import Conv2d
from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.values import Pair

MEDIUM = (12, 20)
"""Cells a side of the grids on which asymmetric factors do very well (arXiv:1512.00567, section 3.2)."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """Factors one behind the other in one place of a net, or a single kernel of one dimension."""

    nodes: tuple[Node, ...]
    span: Span
    shown: str
    written: Written | None

    @property
    def kernels(self) -> tuple[tuple[int, int], ...]:
        """The kernels, height first."""
        return tuple([(int(n.op.kernel[0]), int(n.op.kernel[1])) for n in self.nodes if isinstance(n.op, Conv2d)])

    @property
    def asymmetric(self) -> bool:
        """Whether one of them is a row or a column of at least three cells."""
        return any(min(kernel) == 1 and max(kernel) >= 3 for kernel in self.kernels)

    def macs(self, net: NetView) -> int:
        """What they cost together."""
        return sum(map(net.macs, self.nodes))

    def square(self, net: NetView) -> int:
        """What the kernel costs that they stand for; of a single row or column, the square of its length."""
        side = max(max(sum(k[axis] - 1 for k in self.kernels) + 1 for axis in (0, 1)), 1)
        end = net.size(self.nodes[-1])
        assert end is not None
        return side * side * net.channels(net.source(self.nodes[0])) * end[0] * end[1] * end[2]


def sequences(net: NetView) -> Iterator[Sequence]:
    """The convolutions with factors in sequence, and those whose kernel has one dimension; no parallel factors."""
    grouped: dict[tuple[int, object], list[Node]] = {}
    for node, op in net.convolutions():
        written = net.written(node)
        if written is None:
            continue
        around = node.instance.parent if node.instance.kind == "unit" else node.instance
        if written.factor is None:
            if min(map(int, op.kernel)) == 1 and max(map(int, op.kernel)) >= 3:
                yield Sequence((node,), net.span(node), written.call.span.text, written)
        elif written.call.factors and not written.call.factors.parallel:
            grouped.setdefault((written.call.span.start, around), []).append(node)
    for nodes in grouped.values():
        written = net.written(nodes[0])
        assert written is not None
        yield Sequence(tuple(nodes), written.call.span, " ".join(written.call.span.text.split()), written)


def cost(
    kernels: Iterable[tuple[int, int]],
    channels: Iterable[int],
    start: tuple[int, int],
    end: tuple[int, int],
    padded: bool,
) -> int:
    """Multiply-accumulates of kernels in a row; `channels` flow in, between them and out, and the last gives `end`.

    Without padding each of the others makes the grid smaller than `start`.
    """
    kernels, channels = list(kernels), list(channels)
    total, (height, width) = 0, start
    for i, (rows, columns) in enumerate(kernels):
        if not padded:
            height, width = height - rows + 1, width - columns + 1
        if i == len(kernels) - 1:
            height, width = end
        total += rows * columns * channels[i] * channels[i + 1] * height * width
    return total


def is_padded(op: Conv2d) -> bool:
    """Whether a convolution keeps the size of a grid, up to its stride."""
    return isinstance(op.padding, Pair) and any(map(int, op.padding))


def as_factors(written: Written | None, factors: str, title: str) -> Fix | None:
    """The use of a kernel with factors behind it, if it may be given some."""
    call = written.call if written else None
    if call is None or call.factors or not isinstance(call.kernel, tree.Kernel):
        return None
    if call.padding and call.padding.word not in ("valid", "same", "half"):
        return None
    return Fix(title, (Edit(call.span.end, call.span.end, f" as {factors}"),), safe=False)


def medium(op: Conv2d, grid: tuple[int, int]) -> bool:
    """Whether a square kernel would do well as 1xn and nx1: at stride 1, on a grid of medium size."""
    return max(map(int, op.stride)) == 1 and all(MEDIUM[0] <= side <= MEDIUM[1] for side in grid)


def whole_kernels(net: NetView) -> Iterator[tuple[Node, Conv2d, tuple[int, int]]]:
    """The convolutions with a square kernel that is no factor of another, with the grid that they give, where it is
    known; none that looks at all of its input at once, which is a linear layer."""
    for node, op in net.convolutions():
        written, grid = net.written(node), net.grid(node)
        if written and written.factor is None and grid and grid != (1, 1) and op.kernel[0] == op.kernel[1]:
            yield node, op, grid

"""The parallel reduction of Figure 10 in arXiv:1512.00567, as what could stand for a pool beside a wide convolution."""

from __future__ import annotations

from dataclasses import dataclass

from incdsl.diagnostics import Fix
from incdsl.edits import Edit
from incdsl.ir.graph import Node
from incdsl.linter.view import NetView, Written
from incdsl.ops.sweep import Window
from incdsl.ops.window import Conv2d, Pool
from incdsl.syntax import tree
from incdsl.values import Extent

WIDENS = 1.5
"""By how much a convolution widens that makes up for a smaller grid: by half; the paper's example doubles."""


@dataclass(frozen=True, slots=True)
class Reduction:
    """A pool and a convolution one behind the other, in either order, and what they cost."""

    channels: int
    width: int
    before: tuple[int, int]
    after: tuple[int, int]
    pool: tuple[int, int]
    """The grid behind the pool."""
    macs: int
    kernel: tuple[int, int]
    """Of the strided convolution beside the pool."""

    @property
    def parallel(self) -> int:
        """What the parallel reduction costs: a strided convolution to the channels that the pool does not give."""
        area = self.kernel[0] * self.kernel[1]
        return area * self.channels * (self.width - self.channels) * self.after[0] * self.after[1]


def reduction(net: NetView, first: Node, conv: Node, pool: Node) -> Reduction | None:
    """What the two cost, if the convolution widens and the pool makes the grid smaller; sizes must be known."""
    op, around = conv.op, pool.op
    source = net.source(first)
    if source.step == first.step:  # what pads it, of which the step does not tell
        return None
    before, after, behind = net.grid(source), net.grid(conv if first is pool else pool), net.grid(pool)
    if not isinstance(op, Conv2d) or not isinstance(around, Pool) or not before or not after or not behind:
        return None
    if max(map(int, op.stride)) > 1:
        return None
    channels, width = net.channels(source), int(op.width)
    if min(map(int, around.stride)) < 2 or channels < 16 or width < WIDENS * channels:
        return None
    kernel = tuple(max(3, int(k)) for k in op.kernel)
    return Reduction(channels, width, before, after, behind, net.macs(conv), (kernel[0], kernel[1]))


def as_parallel(net: NetView, found: Reduction, conv: Node, pool: Node) -> Fix | None:
    """The two steps as `reduce { … }`, where they follow each other in a chain of a net and the grids agree."""
    one, other = net.written(conv), net.view.written(pool.span)
    if one is None or other is None or not _are_neighbours(one, other) or one.chain not in net.view.chains_in_nets:
        return None
    assert isinstance(pool.op, Pool)
    stride = pool.op.stride
    ends = [w.over(Extent.fixed(size)).offset for w, size in zip(pool.op.windows(), found.before, strict=True)]
    if tuple(ends) != found.after or not _is_constant(net, one.call.width):
        return None
    padding = _padding(found, (int(stride[0]), int(stride[1])))
    if not padding:
        return None
    first, last = (one, other) if one.index < other.index else (other, one)
    call = one.call
    label = f"{', '.join(each.text for each in one.step.labels)}: " if one.step.labels else ""
    kernel = "x".join(map(str, found.kernel))
    strides = str(int(stride[0])) if stride[0] == stride[1] else "x".join(str(int(each)) for each in stride)
    arguments = f" ({', '.join(each.span.text for each in call.args)})" if call.args else ""
    beside = f"{label}{call.name.text} {kernel}/{strides} @{found.width - found.channels} {padding}{arguments}"
    text = f"reduce {{ | {beside} | {other.call.span.text} }}"
    edit = Edit(first.step.span.start, last.call.span.end, text)
    return Fix("a strided convolution beside the pool", (edit,), safe=False)


def _are_neighbours(one: Written, other: Written) -> bool:
    """Whether two steps follow each other, and are nothing but what they name."""
    plain = all(
        each.step.repeat is None and each.call.factors is None and "#" not in each.step.span.text
        for each in (one, other)
    )
    first = min(one, other, key=lambda each: each.index)
    alone = not other.step.labels and first.step.shape is None
    return plain and alone and one.chain is other.chain and abs(one.index - other.index) == 1


def _is_constant(net: NetView, width: tree.Expr | None) -> bool:
    """Whether a width is written, and no parameter decides it."""
    nets = net.view.file.nets
    names = {param.name.text for each in nets for param in each.params}
    names |= {item.name.text for each in nets for item in each.items if isinstance(item, tree.Let)}
    used = {node.name for node in tree.nodes(width) if isinstance(node, tree.Variable)}
    return width is not None and not names & used


def _padding(found: Reduction, stride: tuple[int, int]) -> str:
    """The word with which the strided convolution ends on the grid of the pool; empty if there is none."""
    for word, pads in (("half", True), ("valid", False)):
        ends = [
            Window(k, s, (k - 1) // 2 if pads else 0).over(Extent.fixed(size)).offset
            for k, s, size in zip(found.kernel, stride, found.before, strict=True)
        ]
        if tuple(ends) == found.after:
            return word
    return ""

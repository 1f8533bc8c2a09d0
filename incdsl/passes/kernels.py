"""Kernels in the middle of larger ones: which fit, and what the convolution pads then."""

from __future__ import annotations

from collections.abc import Iterable

from incdsl.ops.window import Conv2d
from incdsl.values import Pair


def covering(ops: Iterable[Conv2d]) -> Pair:
    """The smallest kernel that covers those of all."""
    heights, widths = zip(*(map(int, op.kernel) for op in ops), strict=True)
    return Pair(max(heights), max(widths))


def centre(op: Conv2d) -> tuple[int, int]:
    """Twice the distance from a cell of the output to the middle of what it reads, less what the stride adds."""
    height, width = (
        2 * int(p) - int(d) * (int(k) - 1) for p, d, k in zip(op.padding, op.dilation, op.kernel, strict=True)
    )
    return height, width


def has_room(op: Conv2d, kernel: Pair) -> bool:
    """Whether there is as much of the larger kernel on one side of the op's kernel as on the other."""
    return all((int(large) - int(k)) % 2 == 0 for large, k in zip(kernel, op.kernel, strict=True))


def enlarged(op: Conv2d, kernel: Pair) -> Conv2d:
    """The convolution with a larger kernel and as much more padding: the same, if zeros surround its filters."""
    height, width = (
        int(p) + int(d) * (int(large) - int(k)) // 2
        for p, d, large, k in zip(op.padding, op.dilation, kernel, op.kernel, strict=True)
    )
    return op.model_copy(update={"kernel": kernel, "padding": Pair(height, width)})

"""Which cells the windows of an op read, and which they leave out."""

from __future__ import annotations

from dataclasses import dataclass

from incdsl.ir.graph import Node
from incdsl.linter.view import NetView
from incdsl.ops.sweep import Window


@dataclass(frozen=True, slots=True)
class Axis:
    """How one axis of a value is read: its size, the window, and the cells that no window reads."""

    size: int
    window: Window
    between: int
    """Cells between windows that lie apart."""
    behind: int
    """Cells behind the last window."""

    @property
    def read(self) -> int:
        """Cells that some window reads."""
        return self.size - self.between - self.behind


def axes(net: NetView, node: Node) -> tuple[Axis, Axis] | None:
    """Height and width of what a node reads with windows; None for other nodes, and where the size is free."""
    windows, grid = node.op.windows(), net.grid(net.source(node)) if net.graph.operands(node.name) else None
    if windows is None or grid is None:
        return None
    height, width = windows
    if not isinstance(height, Window) or not isinstance(width, Window) or height.dilation * width.dilation > 1:
        return None
    return _axis(grid[0], height), _axis(grid[1], width)


def unread(pair: tuple[Axis, Axis]) -> float:
    """The share of the cells that is never read."""
    height, width = pair
    return 1 - height.read * width.read / (height.size * width.size)


def _axis(size: int, window: Window) -> Axis:
    count = (size + 2 * window.padding - window.kernel) // window.stride + 1
    last = (count - 1) * window.stride - window.padding + window.kernel
    between = max(window.stride - window.kernel, 0) * (count - 1)
    return Axis(size, window, between, 0 if window.ceil else max(size - last, 0))

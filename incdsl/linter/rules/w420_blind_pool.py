"""W420: the pool of a head leaves cells of its grid out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics import Diagnostic, Fix
from incdsl.diagnostics.base import example
from incdsl.edits import Edit
from incdsl.linter.finding import Finding
from incdsl.linter.papers import GOING_DEEPER
from incdsl.linter.view import View, Written
from incdsl.linter.windows import Axis, axes, unread
from incdsl.linter.words import grid, share
from incdsl.syntax import tree


@dataclass(frozen=True, kw_only=True)
class BlindPool(Finding):
    """The first pool of an auxiliary head ends before the last rows and columns of the grid that it stands on.

    The 5x5/3 pool of GoogLeNet's heads fits grids of 14, and of 17 in Inception-v3. On other grids its windows stop
    early, and what lies behind them trains nothing.
    """

    code: ClassVar[str] = "W420"
    title: ClassVar[str] = "a head on a grid that its pool does not see whole"
    because: ClassVar[str] = "5x5/3 fits a grid of 14 without a rest; what lies behind the last window trains nothing"
    paper: ClassVar[str] = f"{GOING_DEEPER}, section 5"
    wrong: ClassVar[str] = example(
        "aux side = x -> avgpool 5x5/3 valid -> flatten -> dropout 0.7 -> linear @10\n"
        "  output y = x -> gap -> linear @10"
    )
    right: ClassVar[str] = wrong.replace("5x5/3", "7x7/3")

    step: str
    grid: tuple[int, int]
    left: tuple[int, int]
    share: float
    fitting: str

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            for head in net.graph.heads:
                pool = next((node for node in net.head_nodes(head) if node.op.windows()), None)
                pair = axes(net, pool) if pool and pool.op.kind == "pool" else None
                if pool and pair and any(axis.behind for axis in pair):
                    yield cls(
                        span=net.span(pool), path=net.path(pool), step=net.span(pool).text,
                        grid=(pair[0].size, pair[1].size), left=(pair[0].behind, pair[1].behind),
                        share=unread(pair), fitting=_fitting(pair), fix=_fix(net.written(pool), _fitting(pair)),
                    )  # fmt: skip

    def message(self) -> str:
        rows, columns = self.left
        parts = [f"{n} {what}{'s' * (n > 1)}" for n, what in ((rows, "row"), (columns, "column")) if n]
        return (
            f"`{self.step}` leaves out {' and '.join(parts)} of {grid(self.grid)}, {share(self.share, 1)} of the cells"
        )

    def help(self) -> str:
        return f"a kernel of {self.fitting} reads all of it" if self.fitting else ""


def _fitting(pair: tuple[Axis, Axis]) -> str:
    """The kernel nearest in size, of odd size if possible, whose windows end with the grid; empty if there is none."""
    kernels = [_nearest(axis) for axis in pair]
    return grid(kernels) if all(kernels) else ""


def _nearest(axis: Axis) -> int:
    window = axis.window
    room = axis.size + 2 * window.padding
    near = range(max(2 * window.padding, 1), min(axis.size, 2 * window.kernel) + 1)
    fitting = [kernel for kernel in near if (room - kernel) % window.stride == 0]
    return min(fitting, key=lambda kernel: (kernel % 2 == 0, abs(kernel - window.kernel)), default=0)


def _fix(written: Written | None, fitting: str) -> Fix | None:
    kernel = written.call.kernel if written else None
    if not isinstance(kernel, tree.Kernel) or not fitting:
        return None
    return Fix(f"a kernel of {fitting}", (Edit(kernel.span.start, kernel.span.end, fitting),), safe=False)

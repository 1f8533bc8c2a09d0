"""W412: one-dimensional kernels on a grid where they do not do well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.compiler import in_macs
from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.base import example
from incdsl.linter.factors import MEDIUM, sequences
from incdsl.linter.finding import Finding
from incdsl.linter.papers import RETHINKING
from incdsl.linter.view import View
from incdsl.linter.words import grid

CONV = "unit conv = conv2d -> relu\n"


@dataclass(frozen=True, kw_only=True)
class FactorsOffGrid(Finding):
    """1xn and nx1 kernels one behind the other do well on grids of 12 to 20 cells a side, and not in early layers.

    On larger grids small square kernels are the better factors, `5x5 as 3x3, 3x3`. On smaller ones the paper sets
    1x3 beside 3x1, `as { | 1x3 | 3x1 }`, which is not reported.
    """

    code: ClassVar[str] = "W412"
    title: ClassVar[str] = "an asymmetric factorization on a grid outside 12 to 20"
    because: ClassVar[str] = "asymmetric factors do not work well on early layers, and very well on grids of 12 to 20"
    paper: ClassVar[str] = f"{RETHINKING}, section 3.2"
    wrong: ClassVar[str] = example("output y = x -> conv 7x7 @64 as 1x7, 7x1", CONV, shape="[64, 35, 35]")
    right: ClassVar[str] = example("output y = x -> conv 7x7 @64 as 1x7, 7x1", CONV, shape="[64, 17, 17]")

    step: str
    grid: tuple[int, int]
    macs: int
    square: int
    """What the square kernel costs."""

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            for factors in sequences(net):
                first, sides = factors.nodes[0], net.grid(factors.nodes[-1])
                if sides and factors.asymmetric and not all(MEDIUM[0] <= side <= MEDIUM[1] for side in sides):
                    yield cls(
                        span=factors.span, path=net.path(first), step=factors.shown, grid=sides,
                        macs=factors.macs(net), square=factors.square(net),
                    )  # fmt: skip

    def message(self) -> str:
        return f"`{self.step}` on a grid of {grid(self.grid)}"

    def help(self) -> str:
        kind = "small square kernels are better there" if min(self.grid) > MEDIUM[1] else "set them side by side"
        return f"it costs {in_macs(self.macs)}, the square kernel {in_macs(self.square)}; {kind}"

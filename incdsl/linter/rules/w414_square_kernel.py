"""W414: a square kernel on a medium grid that 1xn and nx1 would replace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.compiler import in_macs
from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.base import example
from incdsl.linter.factors import as_factors, cost, is_padded, medium, whole_kernels
from incdsl.linter.finding import Finding
from incdsl.linter.papers import RETHINKING
from incdsl.linter.view import View
from incdsl.linter.words import saved

CONV = "unit conv = conv2d -> relu\n"


@dataclass(frozen=True, kw_only=True)
class SquareKernel(Finding):
    """On grids of 12 to 20 cells a side, a 1xn and an nx1 kernel do for an nxn what costs n/2 times as much.

    Reported from 5x5 on. The share that is saved is computed for the widths at hand, with a first factor that keeps the
    channels, or narrows them to the width if that is less.
    """

    code: ClassVar[str] = "W414"
    title: ClassVar[str] = "a square kernel that 1xn and nx1 would replace"
    because: ClassVar[str] = "on medium grids 1x7 behind 7x1 gives very good results, and the saving grows with n"
    paper: ClassVar[str] = f"{RETHINKING}, section 3.2, Figure 6"
    wrong: ClassVar[str] = example("output y = x -> conv 7x7 @64", CONV, shape="[64, 17, 17]")
    right: ClassVar[str] = wrong.replace("@64", "@64 as 1x7, 7x1")

    kernel: int
    before: int
    after: int

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            for node, op, sides in whole_kernels(net):
                side, channels, width = int(op.kernel[0]), net.channels(net.source(node)), int(op.width)
                start = net.grid(net.source(node))
                if side < 5 or channels < 16 or start is None or not medium(op, sides):
                    continue
                inner = min(channels, width)
                after = cost([(1, side), (side, 1)], [channels, inner, width], start, sides, is_padded(op))
                if after < (before := net.macs(node)):
                    first = f"1x{side}" if inner == channels else f"1x{side} @{width}"
                    factors = f"{first}, {side}x1"
                    fix = as_factors(net.written(node), factors, f"as {factors}")
                    yield cls(
                        span=net.span(node), path=net.path(node), kernel=side, before=before, after=after, fix=fix
                    )  # fmt: skip

    def message(self) -> str:
        n = self.kernel
        return f"1x{n} and {n}x1 cost {saved(self.before, self.after)} less than this {n}x{n}"

    def help(self) -> str:
        return f"{in_macs(self.after)} instead of {in_macs(self.before)}"

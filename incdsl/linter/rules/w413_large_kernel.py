"""W413: a 5x5 or 7x7 that 3x3 kernels would replace."""

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
class LargeKernel(Finding):
    """Two 3x3 kernels see what a 5x5 sees and cost 28% less with equal widths; three cost 45% less than a 7x7.

    There is one more activation, too. The share that is saved is computed for the widths at hand, with factors as
    narrow as the narrower end. Kernels on the pixels themselves are not reported, as they read few channels; nor are
    those on grids of 12 to 20, for which W414 knows more.
    """

    code: ClassVar[str] = "W413"
    title: ClassVar[str] = "a large kernel that 3x3 kernels would replace"
    because: ClassVar[str] = "small kernels in a row see as far, cost less, and have one more activation between them"
    paper: ClassVar[str] = f"{RETHINKING}, section 3.1, Figure 1"
    wrong: ClassVar[str] = example("output y = x -> conv 5x5 @64", CONV, shape="[64, 35, 35]")
    right: ClassVar[str] = wrong.replace("@64", "@64 as 3x3, 3x3")

    kernel: int
    before: int
    after: int

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            for node, op, sides in whole_kernels(net):
                side, channels, width = int(op.kernel[0]), net.channels(net.source(node)), int(op.width)
                if side not in (5, 7) or channels < 16 or medium(op, sides):
                    continue
                before, inner, start = net.macs(node), min(channels, width), net.grid(net.source(node))
                assert start is not None
                count = side // 2
                widths = [channels, *[inner] * (count - 1), width]
                after = cost([(3, 3)] * count, widths, start, sides, is_padded(op))
                if after < before:
                    first = "3x3" if inner == channels else f"3x3 @{width}"
                    factors = ", ".join([first, *["3x3"] * (count - 1)])
                    fix = as_factors(net.written(node), factors, f"as {factors}")
                    yield cls(
                        span=net.span(node), path=net.path(node), kernel=side, before=before, after=after, fix=fix
                    )  # fmt: skip

    def message(self) -> str:
        number = "two" if self.kernel == 5 else "three"
        return f"{number} 3x3 kernels cost {saved(self.before, self.after)} less than this {self.kernel}x{self.kernel}"

    def help(self) -> str:
        return f"{in_macs(self.after)} instead of {in_macs(self.before)}"

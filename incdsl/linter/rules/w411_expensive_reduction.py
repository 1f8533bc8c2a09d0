"""W411: a convolution that widens before the pool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.compiler import in_macs
from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.base import example
from incdsl.linter.finding import Finding
from incdsl.linter.papers import RETHINKING
from incdsl.linter.reduction import Reduction, as_parallel, reduction
from incdsl.linter.view import View
from incdsl.linter.words import grid
from incdsl.ops.window import Pool


@dataclass(frozen=True, kw_only=True)
class ExpensiveReduction(Finding):
    """A convolution widens on the large grid, and a pool then drops most of what it computed.

    This is no bottleneck, but about four times as expensive as the other order, and a parallel reduction is cheaper
    than both. Reported where the convolution is at least half as wide again as what flows in.
    """

    code: ClassVar[str] = "W411"
    title: ClassVar[str] = "widening before a pool is an expensive reduction"
    because: ClassVar[str] = "a convolution before the pool works on the large grid, and the pool drops most of it"
    paper: ClassVar[str] = f"{RETHINKING}, section 5, Figures 9 and 10"
    wrong: ClassVar[str] = example(
        "output y = x -> conv2d 3x3 @640 -> maxpool 3x3/2 valid : [640, 17, 17]", shape="[320, 35, 35]"
    )
    right: ClassVar[str] = example(
        "output y = x -> reduce { | conv2d 3x3/2 @320 valid | maxpool 3x3/2 valid } : [640, 17, 17]",
        shape="[320, 35, 35]",
    )

    found: Reduction

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            for conv, _ in net.convolutions():
                pool = net.reader_behind(conv)
                if pool is None or not isinstance(pool.op, Pool):
                    continue
                if found := reduction(net, conv, conv, pool):
                    fix = as_parallel(net, found, conv, pool)
                    yield cls(span=net.span(conv), path=net.path(conv), found=found, fix=fix)

    def message(self) -> str:
        it = self.found
        return (
            f"{it.channels} channels become {it.width} on {grid(it.before)}, before a pool that leaves {grid(it.after)}"
        )

    def help(self) -> str:
        costs, parallel = in_macs(self.found.macs), in_macs(self.found.parallel)
        return f"this costs {costs}; a strided convolution beside the pool {parallel}"

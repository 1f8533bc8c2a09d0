"""W410: a pool before the convolution that widens."""

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
from incdsl.linter.view import View, is_dense
from incdsl.ops.window import Pool


@dataclass(frozen=True, kw_only=True)
class Bottleneck(Finding):
    """A pool squeezes all that is known through a few numbers, and the convolution behind it cannot bring them back.

    A parallel reduction gives the same shape: a strided convolution finds new channels beside a pool that passes the
    old ones on. It costs less than either order, and nothing is squeezed. Reported where the convolution behind the
    pool is at least half as wide again as what flows in.
    """

    code: ClassVar[str] = "W410"
    title: ClassVar[str] = "a pool before widening is a representational bottleneck"
    because: ClassVar[str] = "representations should shrink gently; what a pool drops before widening is lost"
    paper: ClassVar[str] = f"{RETHINKING}, sections 2 and 5, Figures 9 and 10"
    wrong: ClassVar[str] = example(
        "output y = x -> maxpool 3x3/2 valid -> conv2d 3x3 @640 : [640, 17, 17]", shape="[320, 35, 35]"
    )
    right: ClassVar[str] = example(
        "output y = x -> reduce { | conv2d 3x3/2 @320 valid | maxpool 3x3/2 valid } : [640, 17, 17]",
        shape="[320, 35, 35]",
    )

    found: Reduction

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            for pool in net.nodes(Pool):
                conv = net.reader_behind(pool)
                if conv is None or not is_dense(conv.op) or not net.reads_alone(pool):
                    continue
                if found := reduction(net, pool, conv, pool):
                    fix = as_parallel(net, found, conv, pool)
                    yield cls(span=net.span(pool), path=net.path(pool), found=found, fix=fix)

    def message(self) -> str:
        it = self.found
        passing = it.channels * it.pool[0] * it.pool[1]
        before, after = it.channels * it.before[0] * it.before[1], it.width * it.after[0] * it.after[1]
        return f"{before:,} numbers are pooled to {passing:,} before they become {after:,}"

    def help(self) -> str:
        costs, parallel = in_macs(self.found.macs), in_macs(self.found.parallel)
        return f"this costs {costs}; a strided convolution beside the pool {parallel}"

"""W415: two 2x2 kernels for a 3x3."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.compiler import in_macs
from incdsl.diagnostics import Diagnostic, Fix
from incdsl.diagnostics.base import example
from incdsl.edits import Edit
from incdsl.linter.factors import Sequence, cost, sequences
from incdsl.linter.finding import Finding
from incdsl.linter.papers import RETHINKING
from incdsl.linter.view import View

CONV = "unit conv = conv2d -> relu\n"


@dataclass(frozen=True, kw_only=True)
class PairsOf2x2(Finding):
    """Two 2x2 kernels for a 3x3 save 11% of its weights; a 3x1 and a 1x3 save 33%, and keep their middles.

    Kernels of even size cannot keep the grid, so that the first of the two works on a larger one.
    """

    code: ClassVar[str] = "W415"
    title: ClassVar[str] = "two 2x2 kernels where 3x1 and 1x3 save more"
    because: ClassVar[str] = "an asymmetric pair saves 33% of the weights of a 3x3, two 2x2 only 11%"
    paper: ClassVar[str] = f"{RETHINKING}, section 3.2"
    wrong: ClassVar[str] = example(
        "output y = x -> conv 3x3 @64 valid as 2x2, 2x2 : [64, 15, 15]", CONV, shape="[64, 17, 17]"
    )
    right: ClassVar[str] = wrong.replace("2x2, 2x2", "3x1, 1x3")

    before: int
    after: int
    square: int

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            for factors in sequences(net):
                end, start = net.grid(factors.nodes[-1]), net.grid(net.source(factors.nodes[0]))
                if factors.kernels != ((2, 2), (2, 2)) or end is None or start is None:
                    continue
                widths = [net.channels(node) for node in (net.source(factors.nodes[0]), *factors.nodes)]
                after = cost([(3, 1), (1, 3)], widths, start, end, padded=False)
                yield cls(
                    span=factors.span, path=net.path(factors.nodes[0]), before=factors.macs(net), after=after,
                    square=factors.square(net), fix=_fix(factors),
                )  # fmt: skip

    def message(self) -> str:
        return f"two 2x2 kernels cost {in_macs(self.before)}, 3x1 and 1x3 would cost {in_macs(self.after)}"

    def help(self) -> str:
        return f"the 3x3 itself costs {in_macs(self.square)}"


def _fix(factors: Sequence) -> Fix | None:
    written = factors.written.call.factors if factors.written else None
    if written is None:
        return None
    spans = [item.kernel.span for item in written.items]
    edits = tuple([Edit(s.start, s.end, text) for s, text in zip(spans, ("3x1", "1x3"), strict=True)])
    return Fix("as 3x1, 1x3", edits, safe=False)

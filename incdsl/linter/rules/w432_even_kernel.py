"""W432: a kernel of even size whose windows overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.base import example
from incdsl.linter.finding import Finding
from incdsl.linter.view import View
from incdsl.linter.words import grid
from incdsl.ops.window import Sliding


@dataclass(frozen=True, kw_only=True)
class EvenKernel(Finding):
    """A kernel of even size has no middle: where its windows overlap, the image moves by half a cell.

    Kernels as large as their stride, which cut the image into pieces, are not reported, and neither are transposed
    convolutions and 2x2 factors (W415).
    """

    code: ClassVar[str] = "W432"
    title: ClassVar[str] = "a kernel of even size"
    because: ClassVar[str] = "its values lie between cells, and with padding alike on both sides the grid changes"
    wrong: ClassVar[str] = example("output y = x -> conv2d 4x4 @16 pad 1 : [16, 15, 15]")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @16")

    step: str
    before: tuple[int, int]
    after: tuple[int, int]

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            for node in net.nodes(Sliding):
                op, before, after = node.op, net.grid(net.source(node)), net.grid(node)
                assert isinstance(op, Sliding)
                uneven = [int(k) % 2 == 0 and int(k) > int(s) for k, s in zip(op.kernel, op.stride, strict=True)]
                written = net.written(node)
                if any(uneven) and before and after and not (written and written.factor):
                    yield cls(
                        span=net.span(node), path=net.path(node), step=net.span(node).text, before=before, after=after
                    )

    def message(self) -> str:
        return f"`{self.step}` has no middle; it makes {grid(self.after)} of {grid(self.before)}, half a cell beside it"

    def help(self) -> str:
        return "a kernel of odd size stays where it is"

"""W417: a wide kernel in a module without a 1x1 in front."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.compiler import in_macs
from incdsl.diagnostics import Diagnostic, Fix
from incdsl.diagnostics.base import example
from incdsl.edits import Edit
from incdsl.ir.graph import Node
from incdsl.linter.factors import whole_kernels
from incdsl.linter.finding import Finding
from incdsl.linter.papers import GOING_DEEPER
from incdsl.linter.view import NetView, View, Written
from incdsl.linter.words import grid, saved
from incdsl.ops.merge import Concat

CONV = "unit conv = conv2d -> relu\n"


@dataclass(frozen=True, kw_only=True)
class NoReduction(Finding):
    """A rail of a `concat` starts with a 3x3 or larger kernel on more channels than it gives.

    A 1x1 convolution in front, to half of the width, makes it cheaper; the module of GoogLeNet differs from its naive
    form in just that. Reported at stride 1, where other rails read the same value, and where it saves at least a third.
    """

    code: ClassVar[str] = "W417"
    title: ClassVar[str] = "a wide kernel without a 1x1 in front"
    because: ClassVar[str] = "1x1 convolutions reduce the channels before the expensive kernels"
    paper: ClassVar[str] = f"{GOING_DEEPER}, section 4, Figure 2"
    wrong: ClassVar[str] = example(
        "output y = x -> concat { | conv 1x1 @64 | conv 3x3 @128 }", CONV, shape="[192, 28, 28]"
    )
    right: ClassVar[str] = wrong.replace("conv 3x3", "conv 1x1 @64 -> conv 3x3")

    kernel: str
    before: int
    after: int
    reduced: int

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            for node, op, sides in whole_kernels(net):
                source, width = net.source(node), int(op.width)
                channels, start, area = net.channels(source), net.grid(source), int(op.kernel[0]) * int(op.kernel[1])
                if area < 9 or max(map(int, op.stride)) > 1 or channels < width or start is None:
                    continue
                reduced = -(-width // 16) * 8
                after = reduced * (channels * start[0] * start[1] + area * width * sides[0] * sides[1])
                before = net.macs(node)
                if len(net.readers[source.name]) > 1 and _joins(net, node) and 3 * after <= 2 * before:
                    yield cls(
                        span=net.span(node), path=net.path(node), kernel=grid(tuple(map(int, op.kernel))),
                        before=before, after=after, reduced=reduced, fix=_fix(net.written(node), reduced),
                    )  # fmt: skip

    def message(self) -> str:
        return f"a 1x1 to {self.reduced} channels in front of this {self.kernel} saves {saved(self.before, self.after)}"

    def help(self) -> str:
        return f"{in_macs(self.before)} without it, {in_macs(self.after)} with it"


def _joins(net: NetView, node: Node) -> bool:
    """Whether a chain that starts with a node ends in a `concat`."""
    found = net.reader(node)
    while found and not isinstance(found.op, Concat) and len(net.graph.operands(found.name)) == 1:
        found = net.reader(found)
    return found is not None and isinstance(found.op, Concat)


def _fix(written: Written | None, reduced: int) -> Fix | None:
    """The same unit with a 1x1 kernel, in front."""
    if written is None or len(written.step.labels) > 1 or written.call.args or written.step.repeat:
        return None
    start = written.call.span.start
    edit = Edit(start, start, f"{written.call.name.text} 1x1 @{reduced} -> ")
    return Fix(f"a 1x1 to {reduced} channels in front", (edit,), safe=False)

"""W437: mean pools of one net that treat their padding differently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.base import example
from incdsl.ir.graph import Node
from incdsl.linter.finding import Finding
from incdsl.linter.view import NetView, View
from incdsl.linter.windows import axes
from incdsl.linter.words import share
from incdsl.ops.window import AvgPool2d, UnevenAvgPool2d
from incdsl.values import Pair


@dataclass(frozen=True, kw_only=True)
class MixedMeans(Finding):
    """Some mean pools of a net count the padding, and others leave it out.

    PyTorch counts it unless told otherwise, TensorFlow never does. A published network does one of them, so that a mix
    is a setting that was forgotten. Pools without padding do not count. The rarer kind is reported, with the share of
    the cells at which it makes a difference.
    """

    code: ClassVar[str] = "W437"
    title: ClassVar[str] = "mean pools that treat padding differently"
    because: ClassVar[str] = "checkpoints are of one framework, and a mix fits none"
    wrong: ClassVar[str] = example("output y = x -> concat { | avgpool 3x3 (count_include_pad: false) | avgpool 5x5 }")
    right: ClassVar[str] = wrong.replace("avgpool 5x5", "avgpool 5x5 (count_include_pad: false)")

    counts: bool
    rare: int
    usual: int
    share: float

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            kinds: dict[bool, list[Node]] = {True: [], False: []}
            for node in net.nodes((AvgPool2d, UnevenAvgPool2d)):
                counts = isinstance(node.op, AvgPool2d) and bool(node.op.count_include_pad)
                if not isinstance(node.op, AvgPool2d) or _is_padded(node.op):
                    kinds[counts].append(node)
            rare = len(kinds[True]) <= len(kinds[False])
            for node in kinds[rare] if kinds[not rare] else ():
                yield cls(
                    span=net.span(node), path=net.path(node), counts=rare, rare=len(kinds[rare]),
                    usual=len(kinds[not rare]), share=_at_border(net, node),
                )  # fmt: skip

    def message(self) -> str:
        does, other = ("counts", "leave") if self.counts else ("leaves out", "count")
        others = f"{self.usual} others {other}" if self.usual > 1 else f"another {other}s"
        where = f" (at {share(self.share, 1)} of its cells)" if self.share else ""
        return f"this mean {does} its padding{where}, and {others} it{' out' * self.counts}"

    def help(self) -> str:
        return f"write `(count_include_pad: {str(not self.counts).lower()})` if it is like the others"


def _is_padded(op: AvgPool2d) -> bool:
    return isinstance(op.padding, Pair) and any(map(int, op.padding))


def _at_border(net: NetView, node: Node) -> float:
    """The share of the values whose windows reach into the padding; 0 where it is not known."""
    pair, grid = axes(net, node), net.grid(node)
    if pair is None or grid is None:
        return 0.0
    inside = 1.0
    for axis, size in zip(pair, grid, strict=True):
        w = axis.window
        first = -(-w.padding // w.stride)
        last = (axis.size + w.padding - w.kernel) // w.stride
        inside *= max(last - first + 1, 0) / size
    return 1 - inside

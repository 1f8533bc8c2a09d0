"""W433: a stride larger than the kernel, so that cells are never read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.base import example
from incdsl.linter.finding import Finding
from incdsl.linter.view import View
from incdsl.linter.windows import axes, unread
from incdsl.linter.words import share
from incdsl.ops.window import Sliding


@dataclass(frozen=True, kw_only=True)
class UnreadCells(Finding):
    """Windows that lie further apart than they reach leave cells out, which were computed for nothing.

    Not reported if something else reads the value, as the other rail of a residual block does beside its `1x1/2`.
    """

    code: ClassVar[str] = "W433"
    title: ClassVar[str] = "a stride larger than the kernel"
    because: ClassVar[str] = "cells that no window reads are computed, and then dropped"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @16 -> conv2d 1x1/2 @32 : [32, 8, 8]")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3/2 @16 half -> conv2d 1x1 @32 : [32, 8, 8]")

    step: str
    share: float

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            for node in net.nodes(Sliding):
                pair = axes(net, node)
                if pair and any(axis.between for axis in pair) and net.reads_alone(node):
                    yield cls(span=net.span(node), path=net.path(node), step=net.span(node).text, share=unread(pair))

    def message(self) -> str:
        return f"`{self.step}` never reads {share(self.share, 1)} of the cells that flow in"

    def help(self) -> str:
        return "a kernel as large as the stride, or larger, reads all; or give the stride to the step before"

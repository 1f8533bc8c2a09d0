"""W430: a norm over one value for each channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.base import example
from incdsl.linter.finding import Finding
from incdsl.linter.view import View
from incdsl.linter.words import shape


@dataclass(frozen=True, kw_only=True)
class LoneNorm(Finding):
    """A norm sees one value for each channel of an image, so that PyTorch refuses a batch of one.

    A batch norm does so in training alone, where it compares images and nothing else; a group norm with groups of one
    channel always does, and gives its bias whatever flows in. A batch norm of vectors is not reported.
    """

    code: ClassVar[str] = "W430"
    title: ClassVar[str] = "a norm over one value for each channel"
    because: ClassVar[str] = "the mean of one value is the value itself, and nothing is left of it"
    wrong: ClassVar[str] = example("output y = x -> gap -> conv2d 1x1 @4 (bias: false) -> batchnorm -> sigmoid")
    right: ClassVar[str] = example("output y = x -> gap -> conv2d 1x1 @4 -> sigmoid")

    size: tuple[int, ...]
    always: bool

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            shapes = net.graph.shapes()
            for node in net.nodes():
                operands = [shapes[name] for name in net.graph.operands(node.name)]
                when, size = node.op.refuses_one(*operands), net.size(net.source(node))
                alone = size is not None and (size[1:] == (1, 1) or (len(size) == 1 and when == "always"))
                if when and size is not None and alone:
                    yield cls(span=net.span(node), path=net.path(node), size=size, always=when == "always")

    def message(self) -> str:
        when = "" if self.always else " while training"
        return f"a norm over {shape(self.size)}: one value for each channel, so a batch has two images or more{when}"

    def help(self) -> str:
        return "leave it out, or put it before the grid is pooled to one cell"

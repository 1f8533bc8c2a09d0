"""W439: channels that tensor cores have to fill up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.base import example
from incdsl.linter.finding import Finding
from incdsl.linter.view import View
from incdsl.linter.words import share
from incdsl.ops.dense import Linear
from incdsl.ops.window import Conv2d

MULTIPLE = 8


@dataclass(frozen=True, kw_only=True)
class OddChannels(Finding):
    """The tensor cores of a GPU work on multiples of eight channels in half precision; what is missing is filled up.

    Only reported for `--device cuda`. Depthwise and grouped convolutions, and what reads the pixels, are left out.
    """

    code: ClassVar[str] = "W439"
    title: ClassVar[str] = "channels that are no multiple of 8"
    because: ClassVar[str] = "a matrix of half-precision numbers is multiplied eight channels at a time"
    paper: ClassVar[str] = "NVIDIA, Deep Learning Performance: Convolutional Layers User's Guide"
    device: ClassVar[str] = "cuda"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @20 -> relu -> conv2d 3x3 @32")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @24 -> relu -> conv2d 3x3 @32")

    op: str
    width: int

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            for node in net.nodes((Conv2d, Linear)):
                width = net.channels(node)
                if (
                    width % MULTIPLE
                    and net.readers.get(node.name)
                    and not (isinstance(node.op, Conv2d) and node.op.groups != 1)
                ):
                    yield cls(span=net.span(node), path=net.path(node), op=node.op.word, width=width)

    def message(self) -> str:
        filled = -(-self.width // MULTIPLE) * MULTIPLE
        return f"`{self.op}` gives {self.width} channels; a tensor core computes {filled}"

    def help(self) -> str:
        less, more = self.width // MULTIPLE * MULTIPLE, -(-self.width // MULTIPLE) * MULTIPLE
        near = f"{less} or {more}" if less else f"{more}"
        part = share(more - self.width, more)
        return f"{part} of its work is for nothing; {near} channels use all of it"

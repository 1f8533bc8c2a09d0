"""W419: a head with neither norm nor dropout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.base import example
from incdsl.linter.finding import Finding
from incdsl.linter.heads import heads
from incdsl.linter.papers import RETHINKING
from incdsl.linter.view import View
from incdsl.ops.dense import Dropout


@dataclass(frozen=True, kw_only=True)
class PlainHead(Finding):
    """An auxiliary head regularizes, and does that better with a norm or a dropout in it: the main classifier gains."""

    code: ClassVar[str] = "W419"
    title: ClassVar[str] = "a head with neither norm nor dropout"
    because: ClassVar[str] = "the main classifier is better if the head is normalized or has a dropout"
    paper: ClassVar[str] = f"{RETHINKING}, section 4"
    wrong: ClassVar[str] = example(
        "aux side = x -> conv2d 1x1 @16 -> relu -> gap -> linear @10\n  output y = x -> gap -> linear @10"
    )
    right: ClassVar[str] = wrong.replace("conv2d 1x1 @16 ->", "conv2d 1x1 @16 (bias: false) -> batchnorm ->")

    name: str
    weight: float

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            for each in heads(net) if net.complete else ():
                if not any(node.op.kind == "norm" or isinstance(node.op, Dropout) for node in each.nodes):
                    yield cls(
                        span=each.item.name.span, path=net.name, name=each.head.name, weight=float(each.head.weight)
                    )

    def message(self) -> str:
        return f"the head `{self.name}`, weighted {self.weight:g}, has neither norm nor dropout"

    def help(self) -> str:
        return "put `batchnorm` behind its convolution, or a `dropout` before its classifier"

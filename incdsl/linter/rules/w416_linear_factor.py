"""W416: nothing but a norm between two factors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.compiler import in_macs
from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.base import example
from incdsl.ir.graph import Node
from incdsl.linter.factors import sequences
from incdsl.linter.finding import Finding
from incdsl.linter.papers import RETHINKING
from incdsl.linter.view import NetView, View, is_activation


@dataclass(frozen=True, kw_only=True)
class LinearFactor(Finding):
    """Between the factors of a kernel stands no activation: two linear steps that are one linear step.

    A unit that ends in an activation puts one behind each factor, `unit conv = conv2d -> batchnorm -> relu`.
    """

    code: ClassVar[str] = "W416"
    title: ClassVar[str] = "a linear step between factors"
    because: ClassVar[str] = "an activation behind every factor was always better than a linear first one"
    paper: ClassVar[str] = f"{RETHINKING}, section 3.1, Figure 2"
    wrong: ClassVar[str] = example("output y = x -> conv2d 5x5 @64 as 3x3, 3x3 -> relu", shape="[64, 35, 35]")
    right: ClassVar[str] = example(
        "output y = x -> conv 5x5 @64 as 3x3, 3x3", "unit conv = conv2d -> relu\n", shape="[64, 35, 35]"
    )

    step: str
    macs: int
    square: int

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            for factors in sequences(net):
                pairs = zip(factors.nodes, factors.nodes[1:], strict=False)
                if net.grid(factors.nodes[-1]) and any(_is_linear(net, one, other) for one, other in pairs):
                    yield cls(
                        span=factors.span, path=net.path(factors.nodes[0]), step=factors.shown,
                        macs=factors.macs(net), square=factors.square(net),
                    )  # fmt: skip

    def message(self) -> str:
        return f"no activation stands between the factors of `{self.step}`"

    def help(self) -> str:
        return f"they cost {in_macs(self.macs)}, and compute no more than one kernel for {in_macs(self.square)}"


def _is_linear(net: NetView, first: Node, second: Node) -> bool:
    """Whether only what is linear stands between two nodes."""
    node = net.source(second)
    while node is not first:
        if is_activation(node.op) or len(net.graph.operands(node.name)) != 1:
            return False
        node = net.source(node)
    return True

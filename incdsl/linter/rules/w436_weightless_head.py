"""W436: a head whose loss counts nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.compiler import in_macs
from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.base import example
from incdsl.linter.finding import Finding
from incdsl.linter.heads import heads
from incdsl.linter.view import View


@dataclass(frozen=True, kw_only=True)
class WeightlessHead(Finding):
    """The loss of an auxiliary head has weight 0: every step of training computes the head, and it trains nothing."""

    code: ClassVar[str] = "W436"
    title: ClassVar[str] = "a head of weight 0"
    because: ClassVar[str] = "a loss that counts nothing gives no gradient, and costs what it costs"
    wrong: ClassVar[str] = example(
        "aux side (weight: 0) = x -> gap -> dropout 0.5 -> linear @10\n  output y = x -> gap -> linear @10"
    )
    right: ClassVar[str] = wrong.replace("weight: 0", "weight: 0.3")

    name: str
    params: int
    macs: int

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            for each in heads(net):
                if each.head.weight == 0:
                    yield cls(
                        span=each.item.name.span, path=net.name, name=each.head.name,
                        params=each.parameters(net), macs=each.macs(net),
                    )  # fmt: skip

    def message(self) -> str:
        costs = f"{self.params:,} parameters and costs {in_macs(self.macs)} in training"
        return f"the head `{self.name}` has weight 0, {costs}"

    def help(self) -> str:
        return "give it a weight, 0.3 in GoogLeNet and 0.4 in Inception-v3, or leave it out"

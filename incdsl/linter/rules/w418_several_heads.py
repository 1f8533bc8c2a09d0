"""W418: more than one auxiliary head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.compiler import in_macs
from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.base import example
from incdsl.linter.finding import Finding
from incdsl.linter.heads import heads
from incdsl.linter.papers import RETHINKING
from incdsl.linter.view import View


@dataclass(frozen=True, kw_only=True)
class SeveralHeads(Finding):
    """A net has several auxiliary heads. GoogLeNet had two; Inception-v3 lost nothing without the lower one.

    Each head costs in training what the message says. Heads do not speed up the start of training; they regularize its
    end, and one does that.
    """

    code: ClassVar[str] = "W418"
    title: ClassVar[str] = "more than one auxiliary head"
    because: ClassVar[str] = "without the lower of two heads the final quality was the same"
    paper: ClassVar[str] = f"{RETHINKING}, section 4"
    wrong: ClassVar[str] = example(
        "a = x -> conv2d 3x3/2 @16 half : [16, 8, 8]\n  aux low = a -> Head\n"
        "  b = a -> conv2d 3x3/2 @32 half : [32, 4, 4]\n  aux high = b -> Head\n  output y = b -> gap -> linear @10",
        "block Head = gap -> dropout 0.5 -> linear @10\n",
    )
    right: ClassVar[str] = wrong.replace("  aux low = a -> Head\n", "")

    name: str
    count: int
    params: int
    macs: int

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            found = list(heads(net))
            for each in found[:-1]:
                yield cls(
                    span=each.item.name.span, path=net.name, name=each.head.name, count=len(found),
                    params=each.parameters(net), macs=each.macs(net),
                )  # fmt: skip

    def message(self) -> str:
        return f"`{self.name}` is one of {self.count} heads; the last alone would do"

    def help(self) -> str:
        return f"in training it has {self.params:,} parameters and costs {in_macs(self.macs)}"

"""The divisor of a global mean folded into the classifier: refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ops.dense import Flatten, Linear
from incdsl.ops.window import GlobalAvgPool
from incdsl.passes.rule import Condition, Refusal
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """A global mean, and the linear layer behind it."""

    pool: Node
    linear: Node

    @property
    def nodes(self) -> tuple[str, ...]:
        return self.pool.name, self.linear.name


@final
class FoldGlobalPool(Refusal[Site]):
    """linear(mean(x)) = linear'(sum(x)) with W' = W / (height·width): not in a PyTorch module.

    It saves one division for each channel, where height·width cells were added. It takes a grid of one known size,
    while the generated modules run at every legal size.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition(
            "worth one size", lambda *_: False, "one division for each channel is not worth a module of one fixed size"
        ),
    )

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if isinstance(node.op, Linear):
            before = view.operand(node)
            if isinstance(before.op, Flatten):
                before = view.operand(before)
            if isinstance(before.op, GlobalAvgPool):
                yield Site(before, node)

"""The divisor of a global mean folded into the classifier: refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

from incdsl.ir.graph import Node
from incdsl.ops.dense import Flatten, Linear
from incdsl.ops.window import GlobalAvgPool
from incdsl.passes.engine import Condition, Refusal
from incdsl.passes.view import View
from incdsl.types import Image


@dataclass(frozen=True, slots=True)
class Site:
    """A global mean, and the linear layer behind it."""

    pool: Node
    linear: Node

    @property
    def nodes(self) -> tuple[str, ...]:
        return self.pool.name, self.linear.name


def _known_grid(view: View, site: Site) -> bool:
    shape = view.shapes[view.operand(site.pool).name]
    return isinstance(shape, Image) and shape.height.is_fixed and shape.width.is_fixed


@final
class FoldGlobalPool(Refusal):
    """linear(mean(x)) = linear'(sum(x)) with W' = W / (height·width): not in a PyTorch module.

    It takes a grid of one known size, while the generated modules run at every legal size. And it saves nothing: the
    kernel that sums is the one that divides, once for each channel.
    """

    conditions: ClassVar[tuple[Condition, ...]] = (
        Condition("known grid", _known_grid, "the grid has no fixed size, so the divisor is not known"),
        Condition("saves something", lambda *_: False, "PyTorch's mean divides in the kernel that sums"),
    )

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if isinstance(node.op, Linear):
            before = view.operand(node)
            if isinstance(before.op, Flatten):
                before = view.operand(before)
            if isinstance(before.op, GlobalAvgPool):
                yield Site(before, node)

"""A 1x1 convolution before the max pool that it follows: refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ops.window import Conv2d, MaxPool2d
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """A max pool, and the 1x1 convolution that reads it."""

    pool: Node
    conv: Node

    @property
    def nodes(self) -> tuple[str, ...]:
        return self.pool.name, self.conv.name


@final
class CommuteMaxPool(Rule[Site]):
    """conv(maxpool(x)) ≠ maxpool(conv(x)), whatever the convolution: never applied.

    CommuteAvgPool does this for means, and the pool rails of GoogLeNet suggest it here. But the maximum of sums is not
    the sum of maxima, and a negative weight turns a maximum into a minimum. `rewrite` shows what would go wrong.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition(
            "linear pool", lambda *_: False, "the maximum is not linear, so it does not commute with a convolution"
        ),
    )

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if isinstance(node.op, Conv2d) and tuple(node.op.kernel) == (1, 1) == tuple(node.op.stride):
            pool = view.operand(node)
            if isinstance(pool.op, MaxPool2d) and tuple(pool.op.stride) == (1, 1):
                yield Site(pool, node)

    def rewrite(self, view: View, site: Site) -> Edit:
        pool, conv = site.pool, site.conv
        edit = view.edit(at=conv)
        first = edit.add(
            conv.op, view.graph.operands(pool.name), like=conv, label=conv.label, weight_expr=view.weight_expr(conv),
            own_step=True,
        )  # fmt: skip
        edit.replace(conv.name, edit.add(pool.op, (first,), like=pool, instance=conv.instance))
        return edit

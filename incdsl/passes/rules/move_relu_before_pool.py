"""A ReLU before the max pool that it follows, beside its convolution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ops.activation import ReLU
from incdsl.ops.window import Conv2d, MaxPool2d
from incdsl.passes.edit import Edit
from incdsl.passes.layers import layer, rectified
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """A convolution, the max pools behind it, and the ReLU behind them."""

    conv: Node
    pools: tuple[Node, ...]
    relu: Node

    @property
    def nodes(self) -> tuple[str, ...]:
        return (*self.inner, self.relu.name)

    @property
    def inner(self) -> tuple[str, ...]:
        """Names of what stands before the ReLU."""
        return (self.conv.name, *(pool.name for pool in self.pools))


@final
class MoveReluBeforePool(Rule[Site]):
    """relu(maxpool(conv(x))) = maxpool(relu(conv(x))).

    ReLU is monotonic, so the maximum of rectified values is the rectified maximum. Every legal window has a real cell;
    an empty one would give −∞ on one side and 0 on the other. Exact to the last bit. Next to its convolution, the ReLU
    runs in the convolution's own loop, and siblings merge with it; behind the pool it is a loop of its own. So ReLUs
    never move the other way, although a pool may leave only a quarter of the cells. Nothing on the way may be read
    without the ReLU.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition(
            "only reader", lambda v, s: all(len(v.readers[name]) == 1 for name in s.inner), "another step reads a value"
        ),
        Condition("inner value", lambda v, s: v.ends.isdisjoint(s.inner), "a value without the ReLU leaves the net"),
        Condition(
            "one class",
            lambda v, s: all(each.instance is layer(v, s.conv).home for each in (*s.pools, s.relu)),
            "convolution, pool and ReLU are in different classes",
        ),
    )
    exact = True

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if not isinstance(node.op, ReLU):
            return
        pools = []
        before = view.operand(node)
        while isinstance(before.op, MaxPool2d):
            pools.append(before)
            before = view.operand(before)
        if pools and isinstance(before.op, Conv2d):
            yield Site(before, tuple(reversed(pools)), node)

    def rewrite(self, view: View, site: Site) -> tuple[Edit, ...]:
        edit = view.edit(at=site.relu)
        edit.replace(site.relu.name, site.pools[-1].name)
        return rectified(view, site.conv), edit

    def describe(self, view: View, site: Site) -> str:
        return f"to {site.conv.path or site.conv.name}"

"""A 1x1 convolution before the average pool that it follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ir.weight_expr import BiasOf, WeightOf
from incdsl.ops.deployed import ChannelBias
from incdsl.ops.window import AvgPool2d, Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.layers import Layer, layer
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """An average pool, and the convolution that reads it."""

    pool: Node
    layer: Layer

    @property
    def nodes(self) -> tuple[str, ...]:
        return (self.pool.name, *self.layer.nodes)

    @property
    def op(self) -> AvgPool2d:
        assert isinstance(self.pool.op, AvgPool2d)
        return self.pool.op

    @property
    def conv(self) -> Conv2d:
        return self.layer.op


def _fewer_channels(view: View, site: Site) -> bool:
    return int(site.conv.width) < int(view.shapes[site.pool.name].channels)


def _same_grid(view: View, site: Site) -> bool:
    before, behind = view.shapes[view.operand(site.pool).name], view.shapes[site.pool.name]
    return before.with_channels(1) == behind.with_channels(1)


def _full_windows(site: Site) -> bool:
    """Whether the mean of a constant is the constant: padding that counts makes it smaller at the border."""
    return not site.op.count_include_pad or max(map(int, site.op.padding)) == 0


@final
class CommuteAvgPool(Rule[Site]):
    """conv(avgpool(x)) = avgpool(conv(x)) for a 1x1 convolution of stride 1 without padding.

    The pool is the same linear map of positions for all channels, and the convolution the same linear map of channels
    for all positions, so they commute. A bias stays in the convolution if every window divides by its real cells. If
    padding counts, the pool would shrink it at the border, so it is added after the pool. The activation stays behind
    the pool. Done if the convolution has fewer outputs than inputs and the pool keeps the grid; then its 1x1 can be
    merged with its siblings.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition("1x1", lambda _, s: tuple(s.conv.kernel) == (1, 1), "the convolution is larger than 1x1"),
        Condition("stride 1", lambda _, s: tuple(s.conv.stride) == (1, 1), "the convolution has a stride"),
        Condition("no padding", lambda _, s: tuple(s.conv.padding) == (0, 0), "the convolution pads"),
        Condition("only reader", lambda v, s: len(v.readers[s.pool.name]) == 1, "the pool has another reader"),
        Condition("inner value", lambda v, s: s.pool.name not in v.ends, "the pool's output leaves the net"),
        Condition("same grid", _same_grid, "the convolution would run on a larger grid"),
        Condition("fewer channels", _fewer_channels, "the convolution has as many outputs as inputs, or more"),
        Condition("one step", lambda _, s: s.layer.whole, "the unit of the convolution does more"),
        Condition(
            "one class", lambda _, s: s.layer.home is s.pool.instance, "pool and convolution are in different classes"
        ),
    )
    bias_behind = True

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if isinstance(node.op, AvgPool2d):
            for name in view.readers[node.name]:
                reader = view.graph[name]
                if isinstance(reader.op, Conv2d):
                    yield Site(node, layer(view, reader))

    def rewrite(self, view: View, site: Site) -> Edit:
        found, pool, home = site.layer, site.pool, site.pool.instance
        weights, step = view.weight_expr(found.conv), found.step
        behind = bool(site.conv.bias) and not _full_windows(site) and self.bias_behind
        op = site.conv.model_copy(update={"bias": bool(site.conv.bias) and not behind})
        own = WeightOf(weights) if behind else weights
        edit = view.edit(at=pool)
        conv = edit.add(
            op, view.graph.operands(pool.name), like=step, instance=home, label=found.label, weight_expr=own,
            own_step=True,
        )  # fmt: skip
        value = edit.add(site.op, (conv,), like=pool, label=pool.label)
        if behind:
            label = view.free_label(home, f"{found.label.replace('.', '_')}_bias")
            value = edit.add(
                ChannelBias(), (value,), like=step, instance=home, label=label, weight_expr=BiasOf(weights),
                own_step=True,
            )  # fmt: skip
        edit.replace(found.conv.name, value)
        if found.relu:
            last = step if behind else pool
            relu = edit.add(found.relu.op, (value,), like=last, instance=home, own_step=not behind)
            edit.replace(found.relu.name, relu)
        return edit

    def describe(self, view: View, site: Site) -> str:
        channels = int(view.shapes[site.pool.name].channels)
        return f"{site.layer.label} before the pool: {channels} channels pooled, now {int(site.conv.width)}"

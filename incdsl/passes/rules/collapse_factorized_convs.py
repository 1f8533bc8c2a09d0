"""Two convolutions in a row as one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import final

from incdsl.ir.graph import Node
from incdsl.ir.weight_expr import Composed
from incdsl.ops.activation import ReLU
from incdsl.ops.window import Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View
from incdsl.values import Pair


@dataclass(frozen=True, slots=True)
class Site:
    """A convolution, the one that reads it, and the ReLU between them, if there is one."""

    inner: Node
    outer: Node
    relu: Node | None

    @property
    def nodes(self) -> tuple[str, ...]:
        return self.inner.name, self.outer.name

    @property
    def ops(self) -> tuple[Conv2d, Conv2d]:
        assert isinstance(self.inner.op, Conv2d)
        assert isinstance(self.outer.op, Conv2d)
        return self.inner.op, self.outer.op

    @property
    def kernel(self) -> Pair:
        """The kernel of both together."""
        first, second = self.ops
        height, width = (int(a) + int(b) - 1 for a, b in zip(first.kernel, second.kernel, strict=True))
        return Pair(height, width)


def _were_one(first: Conv2d, second: Conv2d) -> bool:
    height, width = map(int, first.kernel)
    return min(height, width) == 1 < max(height, width) and (width, height) == tuple(map(int, second.kernel))


def _border(site: Site) -> bool:
    """Whether zeros around the value in the middle are what the first convolution makes of zeros around its input."""
    inner, outer = site.ops
    same = (int(k) == 1 and int(p) == 0 and not inner.bias for k, p in zip(inner.kernel, inner.padding, strict=True))
    return all(int(padding) == 0 or alike for padding, alike in zip(outer.padding, same, strict=True))


def _same_channels(view: View, site: Site) -> bool:
    """Settings of a class may be written in the number of channels that flow into it."""
    before = view.shapes[view.operand(site.inner).name]
    return site.inner.instance is site.outer.instance or int(before.channels) == int(site.ops[0].width)


def _cheaper(view: View, site: Site) -> bool:
    inner, outer = site.ops
    channels, middle, width = (
        int(view.shapes[view.operand(site.inner).name].channels),
        int(inner.width),
        int(outer.width),
    )
    first = prod(inner.kernel) * channels * middle * prod(outer.stride)
    return prod(site.kernel) * channels * width <= first + prod(outer.kernel) * middle * width


@final
class CollapseFactorizedConvs(Rule[Site]):
    """v(u(x)) = w(x) with W[o, c] = Σ_m V[o, m] ∗ U[m, c] and b = b_v + Σ V[o, m, i, j]·b_u[m], ∗ the full convolution.

    Only if nothing is between the two: with an activation, as in all published factorizations, the product is another
    function. The first must have stride 1, neither dilation nor groups. If the second pads, the first must leave zeros
    as they are (k = 1, no padding, no bias). Done if the product needs no more multiplications, so never for a kernel
    that was factorized on purpose. Exact in real arithmetic.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition("no activation", lambda _, s: s.relu is None, "there is an activation between the two convolutions"),
        Condition(
            "only reader", lambda v, s: len(v.readers[s.inner.name]) == 1, "the value between has another reader"
        ),
        Condition("inner value", lambda v, s: s.inner.name not in v.ends, "the value between leaves the net"),
        Condition("stride 1", lambda _, s: tuple(s.ops[0].stride) == (1, 1), "the first convolution has a stride"),
        Condition(
            "no dilation", lambda _, s: all(tuple(op.dilation) == (1, 1) for op in s.ops), "a convolution is dilated"
        ),
        Condition("no groups", lambda _, s: all(int(op.groups) == 1 for op in s.ops), "a convolution has groups"),
        Condition("border", lambda _, s: _border(s), "the second convolution pads what the first one changes"),
        Condition("class", _same_channels, "other channels would flow into the class of the second convolution"),
        Condition("cheaper", _cheaper, "the product would need more multiplications"),
    )

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        """Direct pairs, and those with a ReLU between them that were one kernel: 1xn and nx1."""
        if not isinstance(node.op, Conv2d):
            return
        before = view.operand(node)
        if isinstance(before.op, Conv2d):
            yield Site(before, node, None)
        elif isinstance(before.op, ReLU):
            inner = view.operand(before)
            if isinstance(inner.op, Conv2d) and _were_one(inner.op, node.op):
                yield Site(inner, node, before)

    def rewrite(self, view: View, site: Site) -> Edit:
        inner, outer = site.ops
        height, width = (int(a) + int(b) for a, b in zip(inner.padding, outer.padding, strict=True))
        bias = bool(inner.bias) or bool(outer.bias)
        op = outer.model_copy(update={"kernel": site.kernel, "padding": Pair(height, width), "bias": bias})
        weights = Composed(view.weight_expr(site.inner), view.weight_expr(site.outer))
        edit = view.edit(at=site.outer)
        both = edit.remake(site.outer, op, view.graph.operands(site.inner.name), weights)
        edit.replace(site.outer.name, both)
        return edit

    def describe(self, view: View, site: Site) -> str:
        return f"{site.inner.path} and {site.outer.path} as one {site.kernel.text}"

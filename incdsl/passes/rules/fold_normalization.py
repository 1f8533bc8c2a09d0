"""The normalization of the input folded into the convolution that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ir.weight_expr import Normalized
from incdsl.ops.norm import Normalize
from incdsl.ops.window import Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """A normalization, and a convolution that reads it."""

    before: Node
    conv: Node

    @property
    def nodes(self) -> tuple[str, ...]:
        return (self.conv.name,)

    @property
    def op(self) -> Conv2d:
        assert isinstance(self.conv.op, Conv2d)
        return self.conv.op


def _convolutions(view: View, site: Site) -> list[Conv2d]:
    """Those that read the normalized value."""
    ops = (view.graph[name].op for name in view.readers[site.before.name])
    return [op for op in ops if isinstance(op, Conv2d)]


@final
class FoldNormalization(Rule[Site]):
    """conv(a·x + d) = conv'(x) with W'[o, c] = W[o, c]·a[c] and b' = b + Σ W[o, c, i, j]·d[c], a and d constants of
    channels.

    The convolution must not pad: its zeros stand for 0 behind the normalization, but would stand for −d/a before it.
    All readers must be such convolutions, so that the normalization is gone afterwards. Exact in real arithmetic.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition(
            "no padding",
            lambda v, s: all(tuple(op.padding) == (0, 0) for op in _convolutions(v, s)),
            "a convolution pads with zeros",
        ),
        Condition(
            "no groups", lambda v, s: all(int(op.groups) == 1 for op in _convolutions(v, s)), "a convolution has groups"
        ),
        Condition(
            "only convolutions",
            lambda v, s: all(isinstance(v.graph[name].op, Conv2d) for name in v.readers[s.before.name]),
            "something else reads the normalized value",
        ),
        Condition("inner value", lambda v, s: s.before.name not in v.ends, "the normalized value leaves the net"),
    )

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if isinstance(node.op, Conv2d) and isinstance(view.operand(node).op, Normalize):
            yield Site(view.operand(node), node)

    def rewrite(self, view: View, site: Site) -> Edit:
        conv, norm = site.conv, site.before.op
        assert isinstance(norm, Normalize)
        weights = Normalized(view.weight_expr(conv), tuple(map(float, norm.scale)), tuple(map(float, norm.shift)))
        op = site.op.model_copy(update={"bias": True})
        edit = view.edit(at=conv)
        edit.replace(conv.name, edit.remake(conv, op, view.graph.operands(site.before.name), weights))
        return edit

    def describe(self, view: View, site: Site) -> str:
        return f"into {site.conv.path}"

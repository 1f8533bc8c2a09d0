"""A constant factor folded into the convolution, transposed or not, or the linear layer before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ir.weight_expr import Scaled
from incdsl.ops.dense import Linear, Scale
from incdsl.ops.transposed import ConvTranspose2d
from incdsl.ops.window import Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """A factor, and what it multiplies."""

    before: Node
    scale: Node
    factor: float | None

    @property
    def nodes(self) -> tuple[str, ...]:
        return self.before.name, self.scale.name


@final
class FoldScale(Rule[Site]):
    """f·conv(x) = conv'(x) with W' = f·W and b' = f·b; for instance the scale of a residual.

    The factor must be a number, not an argument of the constructor, and the unscaled value must have no other reader
    and must not leave the net. Exact in real arithmetic, to the last bit only for powers of two.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition("constant", lambda _, s: s.factor is not None, "the factor is an argument of the constructor"),
        Condition(
            "only reader", lambda v, s: len(v.readers[s.before.name]) == 1, "the unscaled value has another reader"
        ),
        Condition("inner value", lambda v, s: s.before.name not in v.ends, "the unscaled value leaves the net"),
    )

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if isinstance(node.op, Scale):
            before = view.operand(node)
            if isinstance(before.op, Conv2d | ConvTranspose2d | Linear):
                yield Site(before, node, view.fixed(node.op.factor, node))

    def rewrite(self, view: View, site: Site) -> Edit:
        before = site.before
        assert isinstance(site.scale.op, Scale)
        factor = site.scale.op.factor if site.factor is None else site.factor
        edit = view.edit(at=before)
        scaled = edit.remake(before, weight_expr=Scaled(view.weight_expr(before), float(factor)))
        edit.replace(site.scale.name, scaled)
        return edit

    def describe(self, view: View, site: Site) -> str:
        return f"{site.factor!r} into {site.before.path}"

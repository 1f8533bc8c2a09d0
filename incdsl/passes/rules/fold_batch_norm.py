"""Batch normalization folded into the convolution, transposed or not, or the linear layer before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ir.weight_expr import Folded, Kept, Transposed, Unscaled, Unshifted, WeightExpr
from incdsl.ops.dense import Linear
from incdsl.ops.norm import BatchNorm2d
from incdsl.ops.transposed import ConvTranspose2d
from incdsl.ops.window import Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View

Foldable = Conv2d | ConvTranspose2d | Linear
"""Ops with filters, which can take a factor and a bias for each of their channels."""


@dataclass(frozen=True, slots=True)
class Site:
    """A batch norm, and what it reads."""

    before: Node
    norm: Node

    @property
    def nodes(self) -> tuple[str, ...]:
        return self.before.name, self.norm.name


def has_fixed_groups(view: View, before: Node) -> bool:
    """Whether it is known which channels each group of a transposed convolution has."""
    return not isinstance(before.op, ConvTranspose2d) or view.fixed(before.op.groups, before) is not None


def folded(before: Node, weights: WeightExpr, norm: WeightExpr, eps: float) -> WeightExpr:
    """The weights of a layer times a batch norm; a transposed convolution lists its outputs second."""
    if not isinstance(before.op, ConvTranspose2d):
        return Folded(weights, norm, eps)
    groups = int(before.op.groups)
    return Transposed(Folded(Transposed(weights, groups), norm, eps), groups)


def tensors_of(norm: Node) -> WeightExpr:
    """All four tensors of a batch norm, those among them that it does not learn."""
    assert isinstance(norm.op, BatchNorm2d)
    expr: WeightExpr = Kept(norm.path)
    if "weight" in norm.op.unlearned:
        expr = Unscaled(expr)
    return Unshifted(expr) if "bias" in norm.op.unlearned else expr


@final
class FoldBatchNorm(Rule[Site]):
    """BN(conv(x)) = conv'(x) with W' = W·γ/√(σ² + ε) and b' = (b − μ)·γ/√(σ² + ε) + β.

    In evaluation a batch norm is an affine map of each channel, by running statistics. The unnormalized value must have
    no other reader and must not leave the net. A transposed convolution lists its inputs first, so its groups must be a
    number. Exact in real arithmetic, not to the last bit.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition(
            "only reader",
            lambda view, site: len(view.readers[site.before.name]) == 1,
            "the unnormalized value has another reader",
        ),
        Condition(
            "inner value", lambda view, site: site.before.name not in view.ends, "the unnormalized value leaves the net"
        ),
        Condition(
            "constant",
            lambda view, site: has_fixed_groups(view, site.before),
            "the groups of the transposed convolution are an argument of the constructor",
        ),
    )

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if isinstance(node.op, BatchNorm2d):
            before = view.operand(node)
            if isinstance(before.op, Foldable):
                yield Site(before, node)

    def rewrite(self, view: View, site: Site) -> Edit:
        before = site.before
        assert isinstance(site.norm.op, BatchNorm2d)
        weights = folded(before, view.weight_expr(before), tensors_of(site.norm), float(site.norm.op.eps))
        edit = view.edit(at=before)
        layer = edit.remake(before, before.op.model_copy(update={"bias": True}), weight_expr=weights)
        edit.replace(site.norm.name, layer)
        return edit

    def describe(self, view: View, site: Site) -> str:
        return f"into {site.before.path}"

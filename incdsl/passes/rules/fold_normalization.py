"""The normalization of the input, or a batch norm, folded into the convolution that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ir.weight_expr import Normalized, Prenormed, WeightExpr, WeightOf
from incdsl.ops.activation import Activation
from incdsl.ops.frame import Padding, SamePad
from incdsl.ops.norm import BatchNorm2d, Normalize
from incdsl.ops.window import Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.rules.fold_batch_norm import tensors_of
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """A normalization or batch norm, a convolution that reads it, and an activation or pad between them, if any."""

    before: Node
    between: Node | None
    conv: Node

    @property
    def nodes(self) -> tuple[str, ...]:
        return (self.conv.name,)

    @property
    def op(self) -> Conv2d:
        assert isinstance(self.conv.op, Conv2d)
        return self.conv.op

    @property
    def shifts(self) -> bool:
        """Whether something is added to the channels; nobody knows that a batch norm adds nothing."""
        op = self.before.op
        return not isinstance(op, Normalize) or any(map(float, op.shift))


def _readers(view: View, site: Site) -> list[Node]:
    """What reads the normalized value."""
    return [view.graph[name] for name in view.readers[site.before.name]]


def _pads(view: View, site: Site) -> bool:
    """Whether one of the convolutions surrounds the normalized value with zeros."""
    ops = (node.op for node in _readers(view, site))
    return any(tuple(op.padding) != (0, 0) for op in ops if isinstance(op, Conv2d))


def _has_fixed_groups(view: View, site: Site) -> bool:
    return isinstance(site.before.op, Normalize) or view.fixed(site.op.groups, site.conv) is not None


@final
class FoldNormalization(Rule[Site]):
    """conv(a·x + d) = conv'(x) with W'[o, c] = W[o, c]·a[c] and b' = b + Σ W[o, c, i, j]·d[c], a and d constants of
    channels.

    A batch norm in evaluation has a = γ/√(σ² + ε) and d = β − μ·a; FoldBatchNorm comes first, and leaves those that
    stand before a convolution and not behind one. The convolution must not pad, or d must be 0: its zeros stand for 0
    behind the normalization, but would stand for −d/a before it. With an activation between them, as in most nets with
    pre-activation, it is another function. All readers must be such convolutions, so that the normalization is gone
    afterwards. Exact in real arithmetic.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition(
            "no activation",
            lambda _, s: s.between is None or not isinstance(s.between.op, Activation),
            "there is an activation between the norm and the convolution",
        ),
        Condition(
            "no pad",
            lambda _, s: s.between is None or not isinstance(s.between.op, Padding | SamePad),
            "there is a pad between the norm and the convolution",
        ),
        Condition(
            "no padding",
            lambda v, s: not (s.shifts and _pads(v, s)),
            "a convolution pads with zeros, which the norm would have shifted",
        ),
        Condition(
            "only convolutions",
            lambda v, s: all(isinstance(node.op, Conv2d) or node is s.between for node in _readers(v, s)),
            "something else reads the normalized value",
        ),
        Condition("inner value", lambda v, s: s.before.name not in v.ends, "the normalized value leaves the net"),
        Condition("constant", _has_fixed_groups, "the groups of the convolution are an argument of the constructor"),
    )

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        """Direct pairs, and those with an activation or a pad between them, to be told."""
        if isinstance(node.op, Conv2d):
            before = view.operand(node)
            between = before if isinstance(before.op, Activation | Padding | SamePad) else None
            before = view.operand(between) if between else before
            if isinstance(before.op, Normalize | BatchNorm2d):
                yield Site(before, between, node)

    def rewrite(self, view: View, site: Site) -> Edit:
        bias = bool(site.op.bias) or site.shifts
        weights = _weights(view, site)
        edit = view.edit(at=site.conv)
        conv = edit.remake(
            site.conv,
            site.op.model_copy(update={"bias": bias}),
            view.graph.operands(site.before.name),
            weights if bias else WeightOf(weights),
        )
        edit.replace(site.conv.name, conv)
        return edit

    def describe(self, view: View, site: Site) -> str:
        return f"into {site.conv.path}"


def _weights(view: View, site: Site) -> WeightExpr:
    weights, norm = view.weight_expr(site.conv), site.before.op
    if isinstance(norm, Normalize):
        return Normalized(weights, tuple(map(float, norm.scale)), tuple(map(float, norm.shift)))
    assert isinstance(norm, BatchNorm2d)
    return Prenormed(weights, tensors_of(site.before), float(norm.eps), int(site.op.groups))

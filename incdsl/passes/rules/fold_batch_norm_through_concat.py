"""Batch normalization folded into all convolutions, transposed or not, or linear layers that a concat joins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ir.weight_expr import Channels
from incdsl.ops.merge import Concat
from incdsl.ops.norm import BatchNorm2d
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.rules.fold_batch_norm import Foldable, folded, has_fixed_groups, tensors_of
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """What a concat reads, the concat, and the batch norm behind it."""

    parts: tuple[Node, ...]
    concat: Node
    norm: Node

    @property
    def inner(self) -> tuple[str, ...]:
        """Names of the values without the norm."""
        return (*(part.name for part in self.parts), self.concat.name)

    @property
    def nodes(self) -> tuple[str, ...]:
        return (*self.inner, self.norm.name)


def _has_fixed_slices(view: View, site: Site) -> bool:
    """Whether it is known where the channels of each part start."""
    return all(view.fixed(part.op.width, part) is not None for part in site.parts[:-1] if isinstance(part.op, Foldable))


@final
class FoldBatchNormThroughConcat(Rule[Site]):
    """BN(concat(conv_1(x_1), …)) = concat(conv'_1(x_1), …), each convolution with its channels of the batch norm.

    Each takes the slice of γ, β, μ and σ² that stands for its channels, as FoldBatchNorm does with all of them. Where
    the slices start must be known, so only the last width may be an argument of the constructor. Done only
    if all parts are convolutions: a pool among them would keep a norm, and its channels a pass over memory. Nothing
    else may read a value without the norm. Exact in real arithmetic.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition(
            "convolutions",
            lambda _, s: all(isinstance(part.op, Foldable) for part in s.parts),
            "not all parts of the concat are convolutions",
        ),
        Condition(
            "only reader",
            lambda v, s: all(len(v.readers[name]) == 1 for name in s.inner),
            "another step reads a value without the norm",
        ),
        Condition("inner value", lambda v, s: v.ends.isdisjoint(s.inner), "a value without the norm leaves the net"),
        Condition("constant width", _has_fixed_slices, "the width of a part is an argument of the constructor"),
        Condition(
            "constant groups",
            lambda v, s: all(has_fixed_groups(v, part) for part in s.parts),
            "the groups of a transposed convolution are an argument of the constructor",
        ),
    )

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if isinstance(node.op, BatchNorm2d) and isinstance(view.operand(node).op, Concat):
            concat = view.operand(node)
            yield Site(tuple(view.graph[name] for name in view.graph.operands(concat.name)), concat, node)

    def rewrite(self, view: View, site: Site) -> tuple[Edit, ...]:
        assert isinstance(site.norm.op, BatchNorm2d)
        norm, eps = tensors_of(site.norm), float(site.norm.op.eps)
        edits, start = [], 0
        for part in site.parts:
            assert isinstance(part.op, Foldable)
            stop = start + int(part.op.width)
            own = Channels(norm, start, None if part is site.parts[-1] else stop)
            weights = folded(part, view.weight_expr(part), own, eps)
            edit = view.edit(at=part)
            edit.replace(part.name, edit.remake(part, part.op.model_copy(update={"bias": True}), weight_expr=weights))
            edits.append(edit)
            start = stop
        last = view.edit(at=site.norm)
        last.replace(site.norm.name, site.concat.name)
        return (*edits, last)

    def describe(self, view: View, site: Site) -> str:
        return f"into {', '.join(part.path for part in site.parts)}"

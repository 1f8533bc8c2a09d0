"""Convolutions of one value, under a sum, as one convolution."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import final

from incdsl.ir.graph import Node
from incdsl.ir.weight_expr import Enlarged, Folded, IdentityOf, Summed, WeightExpr, as_wide
from incdsl.ops.activation import Activation
from incdsl.ops.frame import ONE, ZERO
from incdsl.ops.merge import Add
from incdsl.ops.norm import BatchNorm2d
from incdsl.ops.window import Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.kernels import centre, covering, enlarged, has_room
from incdsl.passes.layers import Layer, layer
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.rules.fold_batch_norm import tensors_of
from incdsl.passes.view import View
from incdsl.values import Pair
from incdsl.values.num import described

IDENTITY = Conv2d.model_construct(kernel=ONE, stride=ONE, padding=ZERO, dilation=ONE, width=1, groups=1, bias=False)
NORM = IDENTITY.model_copy(update={"bias": True})
"""The value itself and its batch norm are 1x1 convolutions, as wide as the others, and with as many groups."""


@dataclass(frozen=True, slots=True)
class Rail:
    """What a sum reads, as a convolution of a value."""

    place: int
    """Which operand of the sum it is."""
    source: str
    """The value that it is a convolution of."""
    step: Node | None
    """The convolution or batch norm; none if the rail is the value itself."""
    layer: Layer | None
    """The convolution in its class."""
    activation: Node | None
    """What stands between the step and the sum."""

    @property
    def op(self) -> Conv2d:
        if self.layer:
            return self.layer.op
        return NORM if self.step else IDENTITY

    @property
    def word(self) -> str:
        """What to call it."""
        kind = "the value itself" if self.step is None else "a batch norm"
        return f"a {self.op.kernel.text}" if self.layer else kind


@dataclass(frozen=True, slots=True)
class Site:
    """A sum, and those of its rails that may become one."""

    add: Node
    rails: tuple[Rail, ...]

    @property
    def steps(self) -> tuple[Node, ...]:
        """The convolutions and batch norms."""
        return tuple(rail.step for rail in self.rails if rail.step)

    @property
    def nodes(self) -> tuple[str, ...]:
        return (self.add.name, *(step.name for step in self.steps))

    @property
    def kernel(self) -> Pair:
        """The smallest kernel that covers all."""
        return covering(rail.op for rail in self.rails)

    @property
    def dilation(self) -> Pair:
        """Of the kernels that have more than one cell along an axis."""
        height, width = (
            next((rail.op.dilation[axis] for rail in self.rails if int(rail.op.kernel[axis]) > 1), 1) for axis in (0, 1)
        )
        return Pair(height, width)

    @property
    def main(self) -> Layer:
        """The convolution with the largest kernel, whose place and label the sum of all gets."""
        layers = (rail.layer for rail in self.rails if rail.layer)
        return max(layers, key=lambda each: prod(map(int, each.op.kernel)))


def _dilation(rail: Rail) -> tuple[int | None, ...]:
    """None along an axis where the kernel has one cell, which fits any."""
    return tuple(int(d) if int(k) > 1 else None for d, k in zip(rail.op.dilation, rail.op.kernel, strict=True))


def _groups(rail: Rail) -> tuple[object, ...]:
    return (described(rail.op.groups) if rail.layer else None,)


def _alike(name: str, what: Callable[[Rail], tuple[object, ...]], reason: str) -> Condition[Site]:
    def holds(_: View, site: Site) -> bool:
        each_axis = zip(*map(what, site.rails), strict=True)
        return all(len(set(found) - {None}) <= 1 for found in each_axis)

    return Condition(name, holds, reason)


def _cheaper(_: View, site: Site) -> bool:
    before = sum(prod(map(int, rail.op.kernel)) for rail in site.rails if rail.layer)
    return prod(map(int, site.kernel)) <= before


def _only_reader(view: View, site: Site) -> bool:
    return all(len(view.readers[step.name]) == 1 for step in site.steps)


def _one_class(_: View, site: Site) -> bool:
    return all(rail.layer.home is site.add.instance for rail in site.rails if rail.layer)


@final
class SumSiblingConvs(Rule[Site]):
    """conv_1(x) + … + conv_n(x) = conv(x) with W' = Σ W and b' = Σ b, smaller kernels in the middle of a larger one.

    A rail that is x itself is the 1x1 convolution with the identity for its filters, and a batch norm is that times
    γ/√(σ² + ε), plus its shift. So the rails that RepVGG trains, a 3x3, a 1x1 and a batch norm, become one 3x3. They
    have the same stride, dilation and groups, and windows around the same cell (2·p − d·(k − 1) equal). Nothing but
    the sum may read them, and no activation may stand before it. Done if one convolution needs no more multiplications
    than these: a 1x3 and a 3x1 become a 3x3 only beside one. Rails that do not fit are added as before. Exact in real
    arithmetic.
    """

    conditions: tuple[Condition[Site], ...] = (
        _alike("same input", lambda rail: (rail.source,), "the rails do not read the same value"),
        Condition(
            "no activation",
            lambda _, s: not any(rail.activation for rail in s.rails),
            "there is an activation between a convolution and the sum",
        ),
        Condition("only reader", _only_reader, "a rail has another reader than the sum"),
        Condition(
            "inner value", lambda v, s: v.ends.isdisjoint(step.name for step in s.steps), "a rail leaves the net"
        ),
        Condition("one class", _one_class, "the sum and a convolution are in different classes"),
        _alike("same stride", lambda rail: tuple(map(int, rail.op.stride)), "the rails do not have the same stride"),
        _alike("same dilation", _dilation, "the rails do not have the same dilation"),
        _alike("same centre", lambda rail: centre(rail.op), "the rails do not look around the same cell"),
        _alike("same groups", _groups, "the rails do not have the same groups"),
        Condition(
            "even difference", lambda _, s: all(has_room(rail.op, s.kernel) for rail in s.rails),
            "the middle of one kernel is between two cells of another",
        ),
        Condition("cheaper", _cheaper, "one convolution would need more multiplications than these"),
    )  # fmt: skip

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        """Rails that fit, together; then the first ones of all that do not fit each other, to be told."""
        if not isinstance(node.op, Add):
            return
        groups: list[tuple[Rail, ...]] = []
        for rail in sorted(_rails(view, node), key=lambda rail: (rail.layer is None, -prod(map(int, rail.op.kernel)))):
            for i, group in enumerate(groups):
                if self.allows(view, Site(node, (*group, rail))):
                    groups[i] = (*group, rail)
                    break
            else:
                groups.append((rail,))
        together = [group for group in groups if len(group) > 1]
        yield from (Site(node, tuple(sorted(group, key=lambda rail: rail.place))) for group in together)
        if len(groups) > 1:
            yield Site(node, tuple(group[0] for group in groups))

    def rewrite(self, view: View, site: Site) -> Edit:
        main, add = site.main, site.add
        op = enlarged(main.op.model_copy(update={"dilation": site.dilation}), site.kernel)
        bias = any(bool(rail.op.bias) for rail in site.rails)
        operands = view.graph.operands(add.name)
        first, places = site.rails[0].place, {rail.place for rail in site.rails}
        alone = len(places) == len(operands)
        edit = view.edit(at=add)
        conv = edit.add(
            op.model_copy(update={"bias": bias}), (site.rails[0].source,), like=add if alone else main.step,
            instance=add.instance, label=main.label, weight_expr=_weights(view, site), note=main.step.note,
        )  # fmt: skip
        left = [conv if i == first else name for i, name in enumerate(operands) if i == first or i not in places]
        edit.replace(add.name, conv if alone else edit.remake(add, operands=left))
        return edit

    def describe(self, view: View, site: Site) -> str:
        *words, last = (rail.word for rail in site.rails)
        return f"{', '.join(words)} and {last} as one {site.kernel.text}"


def _rails(view: View, add: Node) -> Iterator[Rail]:
    """Convolutions, also with an activation behind them, what they read, and its batch norms."""
    convs = dict[int, Rail]()
    for place, name in enumerate(view.graph.operands(add.name)):
        last = view.graph[name]
        inner = view.operand(last) if isinstance(last.op, Activation) else last
        if isinstance(inner.op, Conv2d):
            activation = None if inner is last else last
            source = view.operand(inner).name
            convs[place] = Rail(place, source, inner, layer(view, inner), activation)
    sources = {rail.source for rail in convs.values()}
    for place, name in enumerate(view.graph.operands(add.name)):
        node = view.graph[name]
        if name in sources:
            yield Rail(place, name, None, None, None)
        elif isinstance(node.op, BatchNorm2d) and view.operand(node).name in sources:
            yield Rail(place, view.operand(node).name, node, None, None)
        elif place in convs:
            yield convs[place]


def _weights(view: View, site: Site) -> WeightExpr:
    """The sum of the rails' weights, all with the kernel that covers them."""
    identity = IdentityOf(as_wide(view.weight_expr(site.main.conv)))

    def weights(rail: Rail) -> WeightExpr:
        if rail.step is None:
            return identity
        if isinstance(rail.step.op, BatchNorm2d):
            return Folded(identity, tensors_of(rail.step), float(rail.step.op.eps))
        return view.weight_expr(rail.step)

    kernel = (int(site.kernel[0]), int(site.kernel[1]))
    return Summed(
        tuple(
            weights(rail) if tuple(map(int, rail.op.kernel)) == kernel else Enlarged(weights(rail), kernel)
            for rail in site.rails
        )
    )

"""Kernels of different sizes as one size, so that their convolutions can be merged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import ClassVar, final

from incdsl.ir.graph import Node
from incdsl.ir.weight_expr import Enlarged
from incdsl.ops.window import Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.kernels import centre, covering, enlarged, has_room
from incdsl.passes.layers import Layer, first_of_each, layer
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View
from incdsl.values import Pair

MOST = 3
"""How many times the multiplications may grow: a 1x3 beside a 3x1 comes to exactly this."""


@dataclass(frozen=True, slots=True)
class Site:
    """Convolutions that read one value."""

    layers: tuple[Layer, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(name for each in self.layers for name in each.nodes)

    @property
    def ops(self) -> tuple[Conv2d, ...]:
        return tuple(each.op for each in self.layers)

    @property
    def kernel(self) -> Pair:
        """The smallest kernel that covers all."""
        return covering(self.ops)

    @property
    def growth(self) -> float:
        """How many times the multiplications grow."""
        before = sum(int(op.width) * prod(map(int, op.kernel)) for op in self.ops)
        return sum(int(op.width) * prod(self.kernel) for op in self.ops) / before


def _alike(name: str, what: Callable[[Conv2d], object]) -> Condition[Site]:
    return Condition(name, lambda _, s: len(set(map(what, s.ops))) == 1, f"the convolutions do not have the {name}")


@final
class EnlargeKernels(Rule[Site]):
    """conv(x) = conv'(x), the kernel in the middle of a larger one of zeros, padding larger by d·(K − k)/2 on each
    side.

    Convolutions that read the same value get a kernel that covers all of theirs, so that MergeSiblingConvs can merge
    them: a 1x3 beside a 3x1 become one 3x3. It needs the same stride and dilation, windows around the same cell
    (2·p − d·(k − 1) equal), kernels that differ by even numbers, and no groups. The multiplications grow, at most
    threefold, as in this example. Only launches are saved, so it must be asked for. Exact for finite inputs, but 0·∞ is
    not 0.
    """

    keys: ClassVar[dict[str, Callable[[Conv2d], object]]] = {
        "same stride": lambda op: tuple(map(int, op.stride)),
        "same dilation": lambda op: tuple(map(int, op.dilation)),
        "same centre": centre,
    }
    conditions: tuple[Condition[Site], ...] = (
        *(_alike(name, what) for name, what in keys.items()),
        Condition(
            "even difference",
            lambda _, s: all(has_room(op, s.kernel) for op in s.ops),
            "the middle of one kernel is between two cells of another",
        ),
        Condition("no groups", lambda _, s: all(int(op.groups) == 1 for op in s.ops), "a convolution has groups"),
        Condition("one step", lambda _, s: all(e.whole for e in s.layers), "the unit of a convolution does more"),
        Condition("at most threefold", lambda _, s: s.growth <= MOST, "the multiplications would more than triple"),
    )
    by_default = False

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        keys = [self.keys[c.name] for c in self.active if c.name in self.keys]
        groups: dict[object, list[Layer]] = defaultdict(list)
        for name in view.readers.get(node.name, ()):
            if isinstance(view.graph[name].op, Conv2d):
                found = layer(view, view.graph[name])
                if found.home.kind != "sequence":
                    groups[(found.home, *(key(found.op) for key in keys))].append(found)
        for layers in (*groups.values(), *first_of_each(groups.values())):  # the latter are told why they do not fit
            if len({tuple(map(int, each.op.kernel)) for each in layers}) > 1:
                yield Site(tuple(layers))

    def rewrite(self, view: View, site: Site) -> tuple[Edit, ...]:
        return tuple(self._enlarged(view, each, site.kernel) for each in site.layers)

    def _enlarged(self, view: View, found: Layer, kernel: Pair) -> Edit:
        larger, step = enlarged(found.op, kernel), found.step
        weights = Enlarged(view.weight_expr(found.conv), (kernel[0], kernel[1]))
        edit = view.edit(at=found.conv)
        conv = edit.add(
            larger, view.graph.operands(found.conv.name), like=step, instance=found.home, label=found.label,
            weight_expr=weights, note=step.note,
        )  # fmt: skip
        edit.replace(found.conv.name, conv)
        if found.relu:
            edit.replace(found.relu.name, edit.add(found.relu.op, (conv,), like=step, instance=found.home))
        return edit

    def where(self, view: View, node: Node, site: Site) -> str:
        home = site.layers[0].home
        return home.path or home.word

    def describe(self, view: View, site: Site) -> str:
        kernels = ", ".join(op.kernel.text for op in site.ops)
        return f"{kernels} as {site.kernel.text}: {site.growth:.3g} times the multiplications"

"""Convolutions with fewer multiplications."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import final

from incdsl.ir.graph import Node
from incdsl.ops.activation import ReLU
from incdsl.ops.cpu import WinogradConv2d
from incdsl.ops.deployed import ActivationFloor
from incdsl.ops.window import Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.layers import Layer, layer
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View
from incdsl.passes.ways import DIRECT, config_of, head_of
from incdsl.values import Image
from incdsl.winograd import Scheme, scheme_named, schemes
from incdsl.winograd.estimate import WORTH, gain


@dataclass(frozen=True, slots=True)
class Site:
    """A convolution, what raises some of its channels to 0 behind it in its class, and the best scheme there is."""

    layer: Layer
    floor: Node | None
    scheme: Scheme | None
    gain: float
    blocking: tuple[int, ...] = ()
    """How its work is cut up, if that was measured."""

    @property
    def conv(self) -> Node:
        """The convolution."""
        return self.layer.conv

    @property
    def nodes(self) -> tuple[str, ...]:
        return (self.conv.name, self.floor.name) if self.floor else (self.conv.name,)


def _one(settings: object) -> bool:
    return all(int(each) == 1 for each in settings)  # type: ignore[attr-defined]


@final
class UseWinograd(Rule[Site]):
    """relu(conv(x)) = max(Aᵀ[(G g) · (Bᵀ d)] + b, 0): the convolution of each tile d by a scheme of Winograd's, which
    multiplies fewer numbers; with its ReLU, or the floor of some channels, or alone (docs/winograd.md).

    It helps in float32 on a CPU, where a kernel of our own computes it, and comes with `--device cpu` only. It holds
    for stride 1, without dilation and groups, and there must be a scheme for the kernel. Of several the one that
    promises most is taken, unless `tune` measured which is fastest; points of higher order, which lose more digits, are
    taken only if they are asked for. Few channels do not pay for the transforms, nor a small image for larger filters.
    A unit of which nothing else is left goes, except in a repetition: the layer takes its name.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition(
            "only reader",
            lambda v, s: s.floor is None or len(v.readers[s.conv.name]) == 1,
            "the convolution has another reader than its ReLU",
        ),
        Condition(
            "inner value",
            lambda v, s: s.floor is None or s.conv.name not in v.ends,
            "the value before the ReLU leaves the net",
        ),
        Condition("stride", lambda v, s: _one(vars(s.conv.op)["stride"]), "schemes are for stride 1"),
        Condition("dilation", lambda v, s: _one(vars(s.conv.op)["dilation"]), "schemes are for kernels without gaps"),
        Condition("groups", lambda v, s: int(vars(s.conv.op)["groups"]) == 1, "each group has too few channels"),
        Condition("scheme", lambda v, s: _fits(s), "no scheme is for this kernel"),
        Condition(
            "gain",
            lambda v, s: s.scheme is None or s.gain >= WORTH,
            "few channels or a small image would not pay for the transforms",
        ),
    )
    by_default = False

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if type(node.op) is not Conv2d or _one(node.op.kernel):
            return
        step = layer(view, node)
        way = view.net.ways.get(step.path, "")
        if way == DIRECT:
            return
        scheme, promised = self._scheme(view, node, head_of(way))
        readers = (view.graph[name] for name in view.readers.get(node.name, ()))
        behind = (each for each in readers if isinstance(each.op, ReLU | ActivationFloor))
        floor = next((each for each in behind if each.instance is node.instance), None)
        if floor:
            yield Site(step, floor, scheme, promised, config_of(way))
        yield Site(step, None, scheme, promised, config_of(way))

    def _scheme(self, view: View, node: Node, measured: str) -> tuple[Scheme | None, float]:
        """The one that was measured to be fastest, or else the one that promises most, and what it does."""
        if measured:
            return scheme_named(measured), WORTH
        channels = int(view.shapes[view.graph.operands(node.name)[0]].channels)
        grid = _grid(view, node)
        found = [
            (gain(each, channels, int(vars(node.op)["width"]), grid, view.net.batch), each)
            for each in schemes(higher_order=view.net.higher_order)
            if each.taps == tuple(map(int, vars(node.op)["kernel"]))
        ]
        promised, scheme = max(found, key=lambda each: each[0], default=(0.0, None))
        return scheme, promised

    def rewrite(self, view: View, site: Site) -> Edit:
        step, scheme, edit = site.layer, site.scheme, view.edit(at=site.conv)
        assert scheme is not None
        op = step.remade(WinogradConv2d, scheme=scheme.name, active=0, blocking=site.blocking)
        made = step.put(view, edit, op.model_copy(update={"active": _active(site, op)}))
        for name in site.nodes:
            edit.replace(name, made)
        return edit

    def describe(self, view: View, site: Site) -> str:
        scheme = site.scheme
        assert scheme is not None
        channels, width = view.shapes[view.graph.operands(site.conv.name)[0]].channels, vars(site.conv.op)["width"]
        plain, transformed = (int(channels) * int(width) * n * 4 / 1e6 for n in (prod(scheme.taps), scheme.size))
        return f"{scheme}, filters of {plain:.2f} MB become {transformed:.2f} MB"


def _fits(site: Site) -> bool:
    return site.scheme is not None and site.scheme.taps == tuple(map(int, vars(site.conv.op)["kernel"]))


def _active(site: Site, op: Conv2d) -> int:
    """How many channels of a layer are raised, as an expression of the class where it is one."""
    if site.floor is None:
        return 0
    floor = site.floor.op
    active: int = floor.active if isinstance(floor, ActivationFloor) else vars(op)["width"]
    return active


def _grid(view: View, node: Node) -> tuple[int, int] | None:
    """Height and width of what it makes at the nominal size, if the spec says that."""
    shape = view.shapes[node.name]
    assert isinstance(shape, Image)
    height, width = (view.net.conditions.size(extent) for extent in (shape.height, shape.width))
    return None if height is None or width is None else (height, width)

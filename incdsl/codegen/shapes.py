"""Shapes of the values inside a class, in its own symbols: `[224 + pool, H, W]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from incdsl.codegen.bodies import Body, Item, Port
from incdsl.ir.graph import Instance
from incdsl.values import Extent, Image, Num, Shape, expression

if TYPE_CHECKING:
    from incdsl.codegen.plan import Class

AXES = "HW"


class Shapes:
    """Channels as functions of the arguments of a class, heights and widths as functions of its inputs'.

    `known` are the shapes in the symbols of the net. An instance is looked at once for all that only differ in what
    cannot change its grid.
    """

    def __init__(
        self, bodies: Mapping[Instance, Body], known: Mapping[str, Shape], class_of: Mapping[Instance, Class] = {}
    ) -> None:
        self.known = known
        self._bodies = bodies
        self._class_of = class_of
        self._of: dict[Instance, dict[str, Shape]] = {}
        self._alike: dict[object, Body] = {}

    def of(self, body: Body) -> dict[str, Shape]:
        """The shapes of all values of a body."""
        found = self._of.get(body.instance)
        if found is None:
            found = self._of[body.instance] = self._entering(body)
            self._sweep(body, found)
        return found

    def holds(self, body: Body, stated: Mapping[str, Shape], other: Body) -> bool:
        """Whether another instance of the class of a body has the outputs that are stated for this one."""
        axes: dict[str, Extent] = {}
        for mine, its in zip(body.inputs, other.inputs, strict=True):
            if not _binds(stated[mine.value], self.known[its.value], axes):
                return False
        for mine, its in zip(body.outputs, other.outputs, strict=True):
            shape, actual = stated[mine.value], self.known[its.value]
            if isinstance(shape, Image) and isinstance(actual, Image):
                same = _after(shape.height, axes) == actual.height and _after(shape.width, axes) == actual.width
                if not same:
                    return False
        return True

    def _entering(self, body: Body) -> dict[str, Shape]:
        """What flows in: inputs of one size share the axes `H` and `W`, and else each has its own."""
        if body.is_net:
            return {port.value: self.known[port.value] for port in body.inputs}
        found = self._class_of.get(body.instance)
        instances = found.instances if found and found.body is body else [body]
        suffixes = _suffixes(body.inputs, [self._sizes(each) for each in instances])
        return {
            port.value: self._symbolic(port, [self.known[each.inputs[i].value] for each in instances], suffixes[i])
            for i, port in enumerate(body.inputs)
        }

    def _sizes(self, body: Body) -> list[object]:
        shapes = (self.known[port.value] for port in body.inputs)
        return [(shape.height, shape.width) if isinstance(shape, Image) else None for shape in shapes]

    def _symbolic(self, port: Port, shapes: Sequence[Shape], suffix: str) -> Shape:
        shape = shapes[0]
        channels = Num.symbol(int(shape.channels), port.symbol) if port.symbol else int(shape.channels)
        if not isinstance(shape, Image):
            return shape.with_channels(channels)
        grids = [(each.height, each.width) for each in shapes if isinstance(each, Image)]
        height, width = (
            sizes[0] if sizes[0].is_fixed and len(set(sizes)) == 1 else Extent.of(axis + suffix)
            for sizes, axis in zip(zip(*grids, strict=True), AXES, strict=True)
        )
        return Image(channels, height, width)

    def _sweep(self, body: Body, known: dict[str, Shape]) -> None:
        for item in body.items:
            if item.node:
                known[item.output] = item.node.op.infer(*[known[name] for name in item.inputs])
                continue
            assert item.instance is not None
            if item.instance.kind == "sequence":
                self._sweep(self._bodies[item.instance], known)
            else:
                self._leave(item, item.instance, known)

    def _leave(self, item: Item, instance: Instance, known: dict[str, Shape]) -> None:
        """Add what leaves an instance, in the symbols of the class around it."""
        inner = self._like(instance)
        shapes = self.of(inner)
        arguments, axes = dict(instance.arguments), dict[str, Extent]()
        for port, name in zip(inner.inputs, item.inputs, strict=True):
            arguments[port.symbol] = known[name].channels
            _binds(shapes[port.value], known[name], axes)
        for port, name in zip(inner.outputs, item.outputs, strict=True):
            shape = shapes[port.value]
            channels = _outside(shape.channels, int(self.known[name].channels), arguments)
            if isinstance(shape, Image):
                known[name] = Image(channels, _after(shape.height, axes), _after(shape.width, axes))
            else:
                known[name] = shape.with_channels(channels)

    def _like(self, instance: Instance) -> Body:
        """An instance of the same class with the same grids: only what sets a width may differ."""
        body, found = self._bodies[instance], self._class_of.get(instance)
        if found is None:
            return body
        deciding = tuple([v for k, v in instance.arguments.items() if k not in found.widths])
        sizes = self._sizes(body)
        grids = tuple(
            [(sizes.index(size), _fixed(self.known[p.value])) for p, size in zip(body.inputs, sizes, strict=True)]
        )
        return self._alike.setdefault((found, deciding, grids), body)


def _outside(channels: int, value: int, arguments: Mapping[str, Any]) -> int:
    """A number of channels in the symbols of the class around an instance with these arguments."""
    inside = expression(channels)
    expr = inside.substitute({name: expression(arguments[name]) for name in inside.symbols})
    return Num(value, expr) if expr.terms else value


def _fixed(shape: Shape) -> tuple[int | None, ...]:
    """Height and width where they do not depend on the net's input."""
    sizes = (shape.height, shape.width) if isinstance(shape, Image) else ()
    return tuple([size.offset if size.is_fixed else None for size in sizes])


def _suffixes(ports: Sequence[Port], sizes: Sequence[Sequence[object]]) -> list[str]:
    """What the axes of each input are called after `H` and `W`; inputs share them that are alike in all instances."""
    columns = list(zip(*sizes, strict=True))
    images = [column for column in columns if None not in column]
    if len(set(images)) <= 1:
        return [""] * len(ports)
    first = {column: port.name for port, column in reversed(list(zip(ports, columns, strict=True)))}
    return [f"_{first[column]}" for column in columns]


def _binds(stated: Shape, actual: Shape, axes: dict[str, Extent]) -> bool:
    """Note what the axes of an input stand for in an instance; whether they can."""
    if not isinstance(stated, Image) or not isinstance(actual, Image):
        return True
    pairs = ((stated.height, actual.height), (stated.width, actual.width))
    return all(axes.setdefault(own.axis, size) == size if own.axis else own == size for own, size in pairs)


def _after(extent: Extent, axes: Mapping[str, Extent]) -> Extent:
    """The same function of what its axis stands for."""
    if extent.axis is None:
        return extent
    own = axes[extent.axis]
    return own if extent.is_axis else extent.after(own)

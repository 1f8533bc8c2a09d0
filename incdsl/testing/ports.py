"""Makes what may have several inputs and outputs: blocks with ports, and nets that are steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from incdsl.syntax import tree
from incdsl.testing import spelling
from incdsl.testing.chains import agreed, along, chain, chain_of, fitted
from incdsl.testing.places import Env, Link, Place, Ported, World
from incdsl.testing.settings import Illegal
from incdsl.testing.steps import op_piece, plain
from incdsl.values import Image, Shape

MOST = 3
"""Inputs, and outputs that are made on purpose."""


class _Item(NamedTuple):
    """A value of a body: its name, and what it comes to in an instance."""

    name: str
    run: Callable[[Env], Shape]


def ported_block(world: World, shapes: Sequence[Shape]) -> Ported:
    """Define a block for what flows in: several inputs, and outputs that read them all."""
    place = Place(world, Env(0, {}, {}), block=True, depth=1)
    body = _Body(place, {f"i{i + 1}": shape for i, shape in enumerate(shapes)})
    body.fill()
    inputs = tree.Inputs(tuple(map(spelling.name, body.ports)))
    params = body.params()
    nodes = tuple(spelling.param(name, value, False) for name, value in params.items())
    node = tree.Block(spelling.name(f"P{len(world.ported) + 1}"), nodes, (inputs, *body.items), None)
    return _defined(world, node, params, body)


def inner_net(world: World, shape: Image) -> Ported:
    """Define a net for what flows in, sometimes with an auxiliary head."""
    place = Place(world, Env(0, {}, {}), depth=1, exact=False)
    body = _Body(place, {"image": shape})
    body.fill()
    if world.choices.chance(40):
        body.head()
    axes = (
        [spelling.variable(axis) for axis in "HW"]
        if world.free
        else map(spelling.expression, shape.at(world.sizes)[1:])
    )
    dims = tree.Dims((spelling.expression(int(shape.channels)), *axes))
    params = body.params()
    nodes = tuple(spelling.param(name, value, True) for name, value in params.items())
    items = (tree.Input(spelling.name("image"), dims), *body.items)
    return _defined(world, tree.Net(spelling.name(f"M{len(world.ported) + 1}"), nodes, items), params, body)


def _defined(world: World, node: tree.Block | tree.Net, params: dict[str, Any], body: _Body) -> Ported:
    channels = [int(shape.channels) for shape in body.ports.values()] if isinstance(node, tree.Net) else None

    def after(shapes: Sequence[Shape], given: dict[str, Any]) -> list[Shape]:
        """What leaves an instance with these arguments."""
        if len(shapes) != len(body.ports) or (channels and [int(shape.channels) for shape in shapes] != channels):
            raise Illegal("other values flow into it")
        if not all(isinstance(shape, Image) for shape in shapes):
            raise Illegal("it is made for images")
        return body.run(shapes, given)

    made = Ported(node, params, tuple(body.ports.values()), body.has_head, after)
    after(made.flowed, params)
    world.ported.append(made)
    return made


class _Body:
    """The items of a block or net while they are made."""

    def __init__(self, place: Place, ports: dict[str, Shape]) -> None:
        self.place = place
        self.choices = place.choices
        self.ports = ports
        self.values = place.env.values
        self.values.update(ports)
        self.items: list[Any] = []
        self.made: list[_Item] = []
        self.outputs: list[str] = []
        self.has_head = False

    def fill(self) -> None:
        """Values and outputs, until everything is read."""
        if self.choices.chance(40):
            self._value("v", tree.Bind)
        for _ in range(self.choices.number(1, MOST)):
            self._value("o", tree.Output)
        while unread := self._unread():
            self._value("o", tree.Output, unread[0])

    def head(self) -> None:
        """An auxiliary head behind an output."""
        start = self.outputs[0]
        links, shape = chain(self.place, self.values[start], 1)
        for word in ("gap", "linear") if isinstance(shape, Image) else ("linear",):
            links.append(plain(op_piece(self.place, shape, word)))
            shape = links[-1].after(shape, self.place.env)
        args = (spelling.arg("weight", 0.3),) if self.choices.chance(60) else ()
        self.items.append(tree.Aux(spelling.name("h"), args, chain_of(links, start)))
        self.made.append(_Item("h", lambda env: along(links)(env.values[start], env)))
        self.has_head = True

    def params(self) -> dict[str, Any]:
        """The parameters that something reads."""
        read = spelling.names_in(tuple(self.items))
        return {name: value for name, value in self.place.env.params.items() if name in read}

    def run(self, shapes: Sequence[Shape], given: dict[str, Any]) -> list[Shape]:
        """The outputs of an instance into which such values flow."""
        env = Env(0, given, dict(zip(self.ports, shapes, strict=True)))
        for item in self.made:
            env.values[item.name] = item.run(env)
        return [env.values[name] for name in self.outputs]

    def _value(self, stem: str, kind: type[tree.Bind] | type[tree.Output], start: str = "") -> None:
        unread = self._unread()
        start = start or self.choices.pick(unread if unread and self.choices.chance(70) else list(self.values))
        links: list[Link] = []
        if kind is tree.Bind or self.choices.chance(85):
            links, _ = chain(self.place, self.values[start], 2)
        steps, run = self._joined(start, links) if self.choices.chance(40) else self._alone(start, links)
        name = f"{stem}{len(self.made) + 1}"
        self.items.append(kind((spelling.name(name),), spelling.chain(steps)))
        self.made.append(_Item(name, run))
        self.values[name] = run(self.place.env)
        if kind is tree.Output:
            self.outputs.append(name)

    def _alone(self, start: str, links: list[Link]) -> tuple[Sequence[tree.Step], Callable[[Env], Shape]]:
        return chain_of(links, start).steps, lambda env: along(links)(env.values[start], env)

    def _joined(self, start: str, links: list[Link]) -> tuple[Sequence[tree.Step], Callable[[Env], Shape]]:
        """Beside another value, if it can be made as large."""
        others = [name for name, shape in self.values.items() if name != start and isinstance(shape, Image)]
        now = along(links)(self.values[start], self.place.env)
        if not others or not isinstance(now, Image):
            return self._alone(start, links)
        other, word, sizes = self.choices.pick(others), self.choices.pick(("concat", "add")), self.place.world.sizes
        target = self.values[other]
        assert isinstance(target, Image)
        all_links = [*links, *fitted(self.place, now, target, int(target.channels) if word == "add" else None)]
        rails = (tree.Rail(None, chain_of(all_links, start)), tree.Rail(None, chain_of([], other)))

        def run(env: Env) -> Shape:
            return agreed(word, [along(all_links)(env.values[start], env), env.values[other]], sizes)

        return [spelling.step(tree.Merge(spelling.name(word), (), rails))], run

    def _unread(self) -> list[str]:
        """Inputs and values that no output depends on."""
        read = spelling.names_in(tuple(self.items), (tree.Call,))
        return [name for name in self.values if name not in read and name not in self.outputs]

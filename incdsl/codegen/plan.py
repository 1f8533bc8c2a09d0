"""The classes of the generated file: equal instances share one, and so do those that differ only in a count."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from incdsl.codegen.bodies import Body, Item, bodies
from incdsl.codegen.shapes import Shapes
from incdsl.codegen.vectors import Vectors, vectors
from incdsl.ir.graph import Graph, Instance, class_name
from incdsl.ir.net import Net
from incdsl.ir.schedule import Lane
from incdsl.ops import Op
from incdsl.values import Image, Num
from incdsl.values.num import described


@dataclass(eq=False)
class Class:
    """A class of the generated file: its name and its instances, of which the first is written down."""

    name: str
    instances: list[Body]
    is_first: bool = True
    """Whether no class before it comes of the same definition."""
    counts: frozenset[str] = frozenset()
    """Arguments behind the length of a repetition that is not equally long in all instances."""
    widths: frozenset[str] = frozenset()
    """Arguments that set a number of channels and nothing else."""

    @property
    def body(self) -> Body:
        """The instance that is written down."""
        return self.instances[0]

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Of a unit, the arguments that its uses need not give: those of its main op."""
        main = main_op(self.body)
        if main is None:
            return {}
        op = type(main)
        return {
            op.keyword(name): field.default
            for name, field in op.model_fields.items()
            if not field.is_required() and op.keyword(name) in self.body.instance.arguments
        }

    def count(self, value: Any) -> Any:
        """The length of a repetition: a plain number where all instances agree on it."""
        if not isinstance(value, Num):
            return value
        if len(self.instances) == 1:
            return int(value)
        lengths = {_value(value, body.instance) for body in self.instances}
        return int(value) if len(lengths) == 1 else value


@dataclass(eq=False)
class Plan:
    """All classes in the order in which they are written, the net's last, and the class of each instance."""

    classes: list[Class]
    class_of: dict[Instance, Class]
    bodies: dict[Instance, Body]
    repeated: frozenset[Instance]
    """Repetitions whose members are alike, however many there are."""
    shapes: Shapes
    vectors: Vectors
    lanes: Mapping[str, Lane]
    """Which nodes run on which stream."""

    @property
    def net(self) -> Class:
        """The class of the net."""
        return self.classes[-1]


def plan(net: Net, reserved: set[str]) -> Plan:
    """Group the instances of a net into classes; names in `reserved` are not given to classes."""
    return _Planner(net.graph, net.schedule.lanes if net.schedule else {}).plan(net.name, reserved)


class _Planner:
    def __init__(self, graph: Graph, lanes: Mapping[str, Lane]) -> None:
        self._net = graph.net
        self._lanes = lanes
        self._vectors = vectors(graph)
        self._bodies = bodies(graph)
        self._known = graph.shapes()
        self._shapes = Shapes(self._bodies, self._known)
        self._classes: dict[object, Class] = {}
        """By what their instances have in common, inner ones first."""
        self._number: dict[Class, int] = {}
        self._class_of: dict[Instance, Class] = {}
        self._inside: dict[Instance, object] = {}
        """What a repetition is made of."""
        self._repeated: set[Instance] = set()

    def plan(self, name: str, reserved: set[str]) -> Plan:
        for instance in reversed(self._bodies):
            self._add(self._bodies[instance])
        for each in self._classes.values():
            each.instances.reverse()
            each.counts = self._counts(each)
            each.widths = _widths(each.body)
        met = {instance: i for i, instance in enumerate(self._bodies)}
        classes = _ordered(sorted(self._classes.values(), key=lambda each: met[each.body.instance]))
        _name(classes, reserved)
        net = Class(name, [self._bodies[self._net]])
        class_of = {**self._class_of, self._net: net}
        shapes = Shapes(self._bodies, self._known, class_of)
        return Plan(
            [*classes, net], class_of, self._bodies, frozenset(self._repeated), shapes, self._vectors, self._lanes
        )

    def _add(self, body: Body) -> None:
        """Add an instance to those that it shares a class with; all inside it have theirs."""
        instance = body.instance
        if instance.kind == "sequence":
            self._inside[instance] = self._repetition(body) or self._key(body)
        elif not body.is_net:
            key = (instance.kind, instance.word, self._key(body))
            found = self._classes.get(key)
            if found is None:
                found = self._classes[key] = Class("", [])
                self._number[found] = len(self._number)
            found.instances.append(body)
            self._class_of[instance] = found

    def _key(self, body: Body) -> object:
        """What two instances must have in common: everything but the values of their arguments."""
        position = {port.value: i for i, port in enumerate(body.inputs)}
        parts: list[object] = [self._border(body)]
        lanes = lanes_of(body.items, self._lanes)
        for item in body.items:
            read = tuple([position[name] for name in item.inputs])
            parts.append((item.label, self._what(item), read, lanes[item]))
            for name in item.outputs:
                position[name] = len(position)
        return (*parts, *((position.get(port.value), port.optional) for port in body.outputs))

    def _border(self, body: Body) -> object:
        """Of each input, its rank, and its channels: the argument that they are, or else their number."""
        shapes = [(self._known[port.value], port.symbol) for port in body.inputs]
        free = body.instance.kind == "sequence"
        return tuple([(isinstance(s, Image), symbol or (None if free else int(s.channels))) for s, symbol in shapes])

    def _what(self, item: Item) -> object:
        if item.node:
            op = item.node.op
            return type(op), _settings(op), op.form(*[self._known[name] for name in item.inputs])
        assert item.instance is not None
        nested = self._class_of.get(item.instance)
        arguments = tuple([(k, described(v)) for k, v in item.instance.arguments.items()])
        return self._inside[item.instance] if nested is None else self._number[nested], arguments

    def _repetition(self, body: Body) -> object:
        """What a repetition is made of, if its length is an expression and its members are all alike."""
        count, owner = body.instance.count, self._bodies[_owner(body.instance)]
        if not isinstance(count, Num) or len(body.items) != count or owner.is_net:
            return None
        shapes = self._shapes.of(owner)
        members = set()
        flowing = body.inputs[0].value
        for item in body.items:
            if item.inputs != (flowing,):
                return None
            members.add((self._what(item), described(shapes[flowing].channels)))
            flowing = item.output
        if len(members) > 1:
            return None
        self._repeated.add(body.instance)
        return "repeated", described(count), *members

    def _counts(self, each: Class) -> frozenset[str]:
        """The arguments of a class behind lengths that differ between its instances."""
        lengths = [each.count(value) for value in self._lengths(each.body)]
        symbols = frozenset[str]().union(*(value.expr.symbols for value in lengths if isinstance(value, Num)))
        return symbols - {port.symbol for port in each.body.inputs}

    def _lengths(self, body: Body) -> Iterator[Any]:
        """The lengths of all repetitions of a body, and those that it hands to the classes it uses."""
        for item in body.items:
            if item.instance is None:
                continue
            if found := self._class_of.get(item.instance):
                yield from (item.instance.arguments[name] for name in found.counts)
            else:
                if item.instance in self._repeated:
                    yield item.instance.count
                yield from self._lengths(self._bodies[item.instance])


def lanes_of(items: Sequence[Item], lanes: Mapping[str, Lane]) -> dict[Item, Lane | None]:
    """Where the calls of a body run, its forks counted from 0; nothing for what runs in a fork of a body around it."""
    found = {item: lanes.get(item.output) for item in items}
    streams: dict[int, set[int]] = {}
    for lane in filter(None, found.values()):
        streams.setdefault(lane.fork, set()).add(lane.stream)
    own = [fork for fork in streams if len(streams[fork]) > 1]
    return {
        item: Lane(own.index(lane.fork), lane.stream) if lane and lane.fork in own else None
        for item, lane in found.items()
    }


def main_op(body: Body) -> Op | None:
    """The op of a unit that takes the arguments of its constructor."""
    if body.instance.kind != "unit":
        return None
    arguments = body.instance.arguments
    ops = [item.node.op for item in body.items if item.node]
    return next((op for op in ops if any(op.keyword(name) in arguments for name in op.settings)), None)


def _widths(body: Body) -> frozenset[str]:
    op = main_op(body)
    return frozenset({"in_channels", *map(op.keyword, op.runtime_args)}) if op else frozenset()


def _value(count: Num, instance: Instance) -> int:
    return count.expr.evaluate({k: int(v) for k, v in instance.arguments.items() if isinstance(v, int)})


def _owner(instance: Instance) -> Instance:
    """The instance whose class a repetition is written in."""
    while instance.kind == "sequence" and instance.parent:
        instance = instance.parent
    return instance


def _settings(op: Op) -> tuple[object, ...]:
    return tuple([described(getattr(op, name)) for name in op.settings])


def _ordered(found: Iterable[Class]) -> list[Class]:
    """Units first, then blocks and nets, as their definitions follow each other in the spec."""

    def place(each: Class) -> tuple[bool, tuple[int, int]]:
        return each.body.instance.kind != "unit", each.body.instance.defined

    return sorted(found, key=place)


def _name(classes: list[Class], reserved: set[str]) -> None:
    taken = set(reserved)
    for each in classes:
        word = each.body.instance.word
        base = class_name(word) if each.body.instance.kind == "unit" else word
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base}_{count}"
        each.name, each.is_first = name, count == 1
        taken.add(name)

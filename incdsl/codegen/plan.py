"""What the generated file is made of: the body of every instance, and the classes that equal instances share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from incdsl.ir.graph import Chain, Graph, Instance, Node, class_name
from incdsl.values import Image, Shape
from incdsl.values.num import described


@dataclass(eq=False, slots=True)
class Item:
    """One call in the body of a class: of an op, or of an instance of another class."""

    node: Node | None
    instance: Instance | None
    inputs: tuple[str, ...]
    """Names of the nodes whose values it reads."""
    output: str
    """Name of the node whose value it gives."""

    @property
    def _written(self) -> Node | Instance:
        written = self.node or self.instance
        assert written is not None
        return written

    @property
    def label(self) -> str:
        """Its attribute; empty for a function call."""
        return self._written.label

    @property
    def step(self) -> int:
        """The written step that it belongs to."""
        return self._written.step

    @property
    def chain(self) -> Chain:
        """The chain that it belongs to."""
        chain = self._written.chain
        assert chain is not None
        return chain

    @property
    def note(self) -> str:
        """A remark for the reader of the generated code."""
        return self._written.note


@dataclass(eq=False, slots=True)
class Body:
    """The inside of one instance."""

    instance: Instance
    items: list[Item] = field(default_factory=list)
    inputs: tuple[str, ...] = ()
    output: str = ""
    ends: frozenset[str] = frozenset()
    """Values that leave it: the output of an instance, outputs and heads of the net."""


@dataclass(eq=False, slots=True)
class Class:
    """A class of the generated file: its name and its instances, of which the first is written down."""

    name: str
    instances: list[Body]
    is_first: bool = True
    """Whether no class before it comes of the same definition."""

    @property
    def body(self) -> Body:
        """The instance that is written down."""
        return self.instances[0]


@dataclass(eq=False)
class Plan:
    """All classes in the order in which they are written, and the class of each instance."""

    classes: list[Class]
    class_of: dict[Instance, Class]
    bodies: dict[Instance, Body]
    net: Body
    shapes: dict[str, Shape]


def plan(graph: Graph, reserved: set[str]) -> Plan:
    """Group the instances of a graph into classes; names in `reserved` are not given to classes."""
    bodies = _bodies(graph)
    shapes = graph.shapes()
    keys: dict[object, Class] = {}
    class_of: dict[Instance, Class] = {}
    numbers: dict[Class, int] = {}
    inner: dict[Instance, object] = {}
    for instance in reversed(bodies):
        body = bodies[instance]
        inner[instance] = key = (instance.kind, instance.word, _key(body, inner, numbers, class_of, shapes))
        if instance.kind in ("block", "unit"):
            found = keys.get(key)
            if found is None:
                found = keys[key] = Class("", [])
                numbers[found] = len(numbers)
            found.instances.append(body)
            class_of[instance] = found
    for each in keys.values():
        each.instances.reverse()
    met = {instance: i for i, instance in enumerate(bodies)}
    classes = _ordered(sorted(keys.values(), key=lambda each: met[each.body.instance]))
    _name(classes, reserved)
    return Plan(classes, class_of, bodies, bodies[graph.net], shapes)


def _bodies(graph: Graph) -> dict[Instance, Body]:
    """The body of every instance, parents before children, items as written."""
    bodies: dict[Instance, Body] = {graph.net: Body(graph.net)}
    lineage: dict[Instance, tuple[Instance, ...]] = {graph.net: (graph.net,)}
    reads: defaultdict[Instance, dict[str, None]] = defaultdict(dict)
    gives: dict[Instance, str] = {}
    calls: dict[Instance, Item] = {}
    last: dict[Instance, str] = {}

    def enter(instance: Instance) -> tuple[Instance, ...]:
        if instance not in lineage:
            assert instance.parent is not None
            lineage[instance] = (*enter(instance.parent), instance)
            bodies[instance] = Body(instance)
            calls[instance] = Item(None, instance, (), "")
            bodies[instance.parent].items.append(calls[instance])
        return lineage[instance]

    for node in graph:
        here = enter(node.instance)
        operands = graph.operands(node.name)
        for operand in operands:
            there = lineage[graph[operand].instance]
            shared = sum(a is b for a, b in zip(here, there, strict=False))
            for instance in here[shared:]:
                reads[instance][operand] = None
            for instance in there[shared:]:
                gives[instance] = operand
        bodies[node.instance].items.append(Item(node, None, operands, node.name))
        last.update(dict.fromkeys(here[1:], node.name))
    for name in [*graph.outputs.values(), *(head.node for head in graph.heads)]:
        for instance in lineage[graph[name].instance][1:]:
            gives[instance] = name
    for instance, item in calls.items():
        item.inputs = bodies[instance].inputs = tuple(reads[instance])
        item.output = bodies[instance].output = gives.get(
            instance, last[instance]
        )  # nobody may read it but for its width
        bodies[instance].ends = frozenset({item.output})
    bodies[graph.net].ends = frozenset([*graph.outputs.values(), *(head.node for head in graph.heads)])
    return bodies


def _key(
    body: Body,
    inner: dict[Instance, object],
    numbers: dict[Class, int],
    class_of: dict[Instance, Class],
    shapes: dict[str, Shape],
) -> object:
    """What two instances must have in common to share a class: everything but the values of their arguments."""
    position = {name: i for i, name in enumerate(body.inputs)}
    ranks = tuple(isinstance(shapes[name], Image) for name in body.inputs)
    parts: list[object] = [ranks]
    for i, item in enumerate(body.items):
        operands = tuple(position[name] for name in item.inputs)
        if item.node:
            op = item.node.op
            what: object = (type(op), _settings(op), op.form(*(shapes[name] for name in item.inputs)))
        else:
            assert item.instance is not None
            nested = class_of.get(item.instance)
            arguments = tuple((k, described(v)) for k, v in item.instance.arguments.items())
            what = (inner[item.instance] if nested is None else numbers[nested], arguments)
        parts.append((item.label, what, operands))
        position[item.output] = len(body.inputs) + i
    return (*parts, position.get(body.output))


def _settings(op: Any) -> tuple[object, ...]:
    return tuple(described(getattr(op, name)) for name in type(op).model_fields)


def _ordered(found: Iterable[Class]) -> list[Class]:
    """Units first, then blocks, as their definitions follow each other in the spec."""

    def place(each: Class) -> tuple[bool, tuple[int, int]]:
        return each.body.instance.kind != "unit", each.body.instance.defined

    return sorted(found, key=place)


def _name(classes: list[Class], reserved: set[str]) -> None:
    taken = set(reserved)
    for each in classes:
        word = each.body.instance.word
        base = word if each.body.instance.kind == "block" else class_name(word)
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base}_{count}"
        each.name, each.is_first = name, count == 1
        taken.add(name)

"""What the generated file is made of: the body of every instance, and the classes that equal instances share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from incdsl.ir.graph import Chain, Graph, Node, Scope, class_name
from incdsl.types import Image, Shape
from incdsl.types.num import described


@dataclass(eq=False, slots=True)
class Item:
    """One call in the body of a class: of an op, or of an instance of another class."""

    node: Node | None
    scope: Scope | None
    inputs: tuple[str, ...]
    """Names of the nodes whose values it reads."""
    output: str
    """Name of the node whose value it gives."""

    @property
    def _written(self) -> Node | Scope:
        written = self.node or self.scope
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

    scope: Scope
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
    class_of: dict[Scope, Class]
    bodies: dict[Scope, Body]
    net: Body
    shapes: dict[str, Shape]


def plan(graph: Graph, reserved: set[str]) -> Plan:
    """Group the instances of a graph into classes; names in `reserved` are not given to classes."""
    bodies = _bodies(graph)
    shapes = graph.shapes()
    keys: dict[object, Class] = {}
    class_of: dict[Scope, Class] = {}
    numbers: dict[Class, int] = {}
    inner: dict[Scope, object] = {}
    for scope in reversed(bodies):
        body = bodies[scope]
        inner[scope] = key = (scope.kind, scope.word, _key(body, inner, numbers, class_of, shapes))
        if scope.kind in ("block", "unit"):
            found = keys.get(key)
            if found is None:
                found = keys[key] = Class("", [])
                numbers[found] = len(numbers)
            found.instances.append(body)
            class_of[scope] = found
    for each in keys.values():
        each.instances.reverse()
    met = {scope: i for i, scope in enumerate(bodies)}
    classes = _ordered(sorted(keys.values(), key=lambda each: met[each.body.scope]))
    _name(classes, reserved)
    return Plan(classes, class_of, bodies, bodies[graph.net], shapes)


def _bodies(graph: Graph) -> dict[Scope, Body]:
    """The body of every scope, parents before children, items as written."""
    bodies: dict[Scope, Body] = {graph.net: Body(graph.net)}
    lineage: dict[Scope, tuple[Scope, ...]] = {graph.net: (graph.net,)}
    reads: defaultdict[Scope, dict[str, None]] = defaultdict(dict)
    gives: dict[Scope, str] = {}
    calls: dict[Scope, Item] = {}
    last: dict[Scope, str] = {}

    def enter(scope: Scope) -> tuple[Scope, ...]:
        if scope not in lineage:
            assert scope.parent is not None
            lineage[scope] = (*enter(scope.parent), scope)
            bodies[scope] = Body(scope)
            calls[scope] = Item(None, scope, (), "")
            bodies[scope.parent].items.append(calls[scope])
        return lineage[scope]

    for node in graph:
        here = enter(node.scope)
        operands = graph.operands(node.name)
        for operand in operands:
            there = lineage[graph[operand].scope]
            shared = sum(a is b for a, b in zip(here, there, strict=False))
            for scope in here[shared:]:
                reads[scope][operand] = None
            for scope in there[shared:]:
                gives[scope] = operand
        bodies[node.scope].items.append(Item(node, None, operands, node.name))
        last.update(dict.fromkeys(here[1:], node.name))
    for name in [*graph.outputs.values(), *(head.node for head in graph.heads)]:
        for scope in lineage[graph[name].scope][1:]:
            gives[scope] = name
    for scope, item in calls.items():
        item.inputs = bodies[scope].inputs = tuple(reads[scope])
        item.output = bodies[scope].output = gives.get(scope, last[scope])  # nobody may read it but for its width
        bodies[scope].ends = frozenset({item.output})
    bodies[graph.net].ends = frozenset([*graph.outputs.values(), *(head.node for head in graph.heads)])
    return bodies


def _key(
    body: Body,
    inner: dict[Scope, object],
    numbers: dict[Class, int],
    class_of: dict[Scope, Class],
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
            assert item.scope is not None
            nested = class_of.get(item.scope)
            arguments = tuple((k, described(v)) for k, v in item.scope.arguments.items())
            what = (inner[item.scope] if nested is None else numbers[nested], arguments)
        parts.append((item.label, what, operands))
        position[item.output] = len(body.inputs) + i
    return (*parts, position.get(body.output))


def _settings(op: Any) -> tuple[object, ...]:
    return tuple(described(getattr(op, name)) for name in type(op).model_fields)


def _ordered(found: Iterable[Class]) -> list[Class]:
    """Units first, then blocks, as their definitions follow each other in the spec."""

    def place(each: Class) -> tuple[bool, tuple[int, int]]:
        return each.body.scope.kind != "unit", each.body.scope.defined

    return sorted(found, key=place)


def _name(classes: list[Class], reserved: set[str]) -> None:
    taken = set(reserved)
    for each in classes:
        word = each.body.scope.word
        base = word if each.body.scope.kind == "block" else class_name(word)
        name, count = base, 1
        while name in taken:
            count += 1
            name = f"{base}_{count}"
        each.name, each.is_first = name, count == 1
        taken.add(name)

"""What a net computes although nothing needs it: what choices and variants leave unused goes, the rest is reported."""

from __future__ import annotations

from collections.abc import Iterator

from incdsl.diagnostics.unused import ForNothing
from incdsl.elaborate.scope import Scope, Value
from incdsl.ir.conditions import Conditions, Place
from incdsl.ir.graph import Graph, Instance
from incdsl.ops.merge import Joining, Mul, is_scale
from incdsl.values import Image


def idle_nodes(scopes: list[Scope], outputs: dict[Scope, set[str]], graph: Graph) -> set[str]:
    """Nodes for values that nothing reads as things are: something that is written does, or they are called `_`."""
    order = [node.name for node in graph]
    idle: set[str] = set()
    for scope in scopes:
        needed = set(outputs[scope])
        for binding in reversed(scope.bindings):
            if not needed.intersection(binding.names):
                idle.update(order[i] for i in binding.nodes)
                continue
            needed |= binding.reads
            ends = zip(binding.names, binding.values, strict=True)
            idle.update(value.node for name, value in ends if name not in needed and isinstance(value, Value))
    return graph.needed_by(idle)


def for_nothing(graph: Graph, idle: set[str], title: str) -> Iterator[ForNothing]:
    """The last steps that no output needs, that stand in no auxiliary head, and that no choice explains."""
    needed = graph.needed_by(list(graph.outputs.values()))
    for_heads = graph.needed_by([head.node for head in graph.heads])
    heads = {head.instance for head in graph.heads}
    unneeded = [
        node
        for node in graph
        if node.name not in needed
        and graph.operands(node.name)
        and not heads.intersection(_around(node.instance))
        and (node.name not in idle or node.name in for_heads)
    ]
    read = {name for node in unneeded for name in graph.operands(node.name)}
    for node in unneeded:
        if node.name not in read:
            name = node.path or node.op.word
            yield ForNothing(span=node.span, path=title, name=name, head=node.name in for_heads)


def _around(instance: Instance | None) -> Iterator[Instance]:
    while instance is not None:
        yield instance
        instance = instance.parent


def conditions_of(graph: Graph, nominal: dict[str, int | None]) -> Conditions:
    """What the size of the input has to meet for these nodes alone."""
    found = Conditions(nominal)
    heads = {head.instance for head in graph.heads}
    shapes = graph.shapes()
    for node in graph:
        place = Place(node.span, node.instance.path)
        found.in_head = bool(heads.intersection(_around(node.instance)))
        operands = [shapes[name] for name in graph.operands(node.name)]
        for demand in node.op.demands(*operands) if operands else ():
            found.keep_demand(demand, place)
        shape = shapes[node.name]
        if isinstance(shape, Image):
            found.keep_positive(shape.height, place)
            found.keep_positive(shape.width, place)
        if isinstance(node.op, Joining):
            images = [o for o in operands if isinstance(o, Image) and not (isinstance(node.op, Mul) and is_scale(o))]
            for other in images[1:]:
                found.keep_equal(images[0].height, other.height, place)
                found.keep_equal(images[0].width, other.width, place)
    found.in_head = False
    return found

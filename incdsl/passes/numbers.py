"""Numbers the members of a repetition anew, once rules have removed some: `nn.Sequential` counts what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from incdsl.ir.graph import Graph, Head, Instance
from incdsl.ir.weight_expr import Kept, WeightExpr


def renumbered(graph: Graph, filters: Mapping[str, WeightExpr]) -> tuple[Graph, dict[str, WeightExpr]]:
    """The graph with the members of all repetitions at 0, 1, …; filters say under which path the weights came."""
    numbers = _numbers(graph)
    if all(label == new for slots in numbers.values() for label, new in slots.items()):
        return graph, dict(filters)
    instances: dict[Instance, Instance] = {graph.net: graph.net}

    def now(instance: Instance) -> Instance:
        if instance not in instances and instance.parent:
            label = numbers.get(instance.parent, {}).get(instance.label, instance.label)
            above = now(instance.parent)
            same = above is instance.parent and label == instance.label
            instances[instance] = instance if same else replace(instance, label=label, parent=above)
        return instances[instance]

    result, found = Graph(graph.net), dict(filters)
    for node in graph:
        label = numbers.get(node.instance, {}).get(node.label, node.label)
        moved = replace(node, instance=now(node.instance), label=label)
        if moved.path != node.path and node.op.owns_parameters():
            found.setdefault(node.name, Kept(node.path))
        result.add(moved, graph.operands(node.name))
    result.inputs, result.outputs = dict(graph.inputs), dict(graph.outputs)
    result.heads = [Head(h.name, h.node, h.weight, now(h.instance)) for h in graph.heads]
    return result, found


def _numbers(graph: Graph) -> dict[Instance, dict[str, str]]:
    """For each repetition, what its members are called from now on."""
    numbers: dict[Instance, dict[str, str]] = {}
    for node in graph:
        label, instance = node.label, node.instance
        while True:
            if instance.kind == "sequence":
                slots = numbers.setdefault(instance, {})
                slots.setdefault(label, str(len(slots)))
            if instance.parent is None:
                break
            label, instance = instance.label, instance.parent
    return numbers

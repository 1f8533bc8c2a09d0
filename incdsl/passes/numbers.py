"""Numbers the members of a repetition anew, once rules have removed some: `nn.Sequential` counts what it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from incdsl.ir.graph import Graph, Head, Scope
from incdsl.passes.filters import Filter, Kept


def renumbered(graph: Graph, filters: Mapping[str, Filter]) -> tuple[Graph, dict[str, Filter]]:
    """The graph with the members of all repetitions at 0, 1, …; filters say under which path the weights came."""
    numbers = _numbers(graph)
    if all(label == new for slots in numbers.values() for label, new in slots.items()):
        return graph, dict(filters)
    scopes: dict[Scope, Scope] = {graph.net: graph.net}

    def now(scope: Scope) -> Scope:
        if scope not in scopes and scope.parent:
            label = numbers.get(scope.parent, {}).get(scope.label, scope.label)
            above = now(scope.parent)
            same = above is scope.parent and label == scope.label
            scopes[scope] = scope if same else replace(scope, label=label, parent=above)
        return scopes[scope]

    result, found = Graph(graph.net), dict(filters)
    for node in graph:
        label = numbers.get(node.scope, {}).get(node.label, node.label)
        moved = replace(node, scope=now(node.scope), label=label)
        if moved.path != node.path and node.op.owns_parameters():
            found.setdefault(node.name, Kept(node.path))
        result.add(moved, graph.operands(node.name))
    result.inputs, result.outputs = dict(graph.inputs), dict(graph.outputs)
    result.heads = [Head(h.name, h.node, h.weight, now(h.scope)) for h in graph.heads]
    return result, found


def _numbers(graph: Graph) -> dict[Scope, dict[str, str]]:
    """For each repetition, what its members are called from now on."""
    numbers: dict[Scope, dict[str, str]] = {}
    for node in graph:
        label, scope = node.label, node.scope
        while True:
            if scope.kind == "sequence":
                slots = numbers.setdefault(scope, {})
                slots.setdefault(label, str(len(slots)))
            if scope.parent is None:
                break
            label, scope = scope.label, scope.parent
    return numbers

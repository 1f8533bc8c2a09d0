"""Global pools that give a vector at once, `x.mean((2, 3))`, because nobody looks at their height and width."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from incdsl.ir.graph import Graph, Node
from incdsl.ops.base import ShapeError
from incdsl.ops.dense import Flatten
from incdsl.ops.window import GlobalAvgPool
from incdsl.values import Shape, Vector


@dataclass(frozen=True, slots=True)
class Vectors:
    """Values that are [C, 1, 1] in the graph and [C] in the code, and the `flatten`s that are not written for it."""

    values: frozenset[str] = frozenset()
    flattens: frozenset[str] = frozenset()


def vectors(graph: Graph) -> Vectors:
    """Those from a global pool to the `flatten` behind it, where all between does to [C] what it does to [C, 1, 1]."""
    readers: defaultdict[str, list[Node]] = defaultdict(list)
    for node in graph:
        for operand in graph.operands(node.name):
            readers[operand].append(node)
    values: set[str] = set()
    flattens: set[str] = set()
    for pool in graph:
        if isinstance(pool.op, GlobalAvgPool) and not pool.label:
            *passed, last = _passed(pool, readers, graph)
            if isinstance(last.op, Flatten):
                values.update(node.name for node in passed)
                flattens.add(last.name)
    return Vectors(frozenset(values), frozenset(flattens))


def _passed(pool: Node, readers: Mapping[str, list[Node]], graph: Graph) -> list[Node]:
    """A pool and what its value passes through, up to a `flatten` or to what looks at more than single numbers."""
    passed, shapes = [pool], graph.shapes()
    ends = set(graph.ends)
    while passed[-1].name not in ends and len(readers[passed[-1].name]) == 1:
        (node,) = readers[passed[-1].name]
        if node.instance is not pool.instance:
            break
        if isinstance(node.op, Flatten) and not node.label:
            return [*passed, node]
        if not _is_blind(node, [shapes[name] for name in graph.operands(node.name)]):
            break
        passed.append(node)
    return passed


def _is_blind(node: Node, inputs: list[Shape]) -> bool:
    """Whether an op does the same to each number, wherever it stands."""
    if node.op.kind not in ("pointwise", "view") or node.op.owns_parameters() or len(inputs) != 1:
        return False
    vector = Vector(inputs[0].channels)
    try:
        node.op.infer(vector)
    except ShapeError:
        return False  # it wants an image
    return node.op.lower(*inputs) == node.op.lower(vector)

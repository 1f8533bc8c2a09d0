"""The graph as networkx knows it, so that people run algorithms of their own on it.

A `MultiDiGraph` keyed by operand position, because `concat(x, x)` has two edges and the order of rails matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import networkx as nx

from incdsl.ir.graph import Graph, Instance, Node
from incdsl.values import Image, Shape
from incdsl.values.num import plain


class Attributes(dict[str, Any]):
    """Attributes that nobody can change; copies of them are ordinary dictionaries."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise nx.NetworkXError("the graph is frozen: change a copy, `networkx.MultiDiGraph(graph)`")

    __setitem__ = __delitem__ = __ior__ = update = pop = popitem = setdefault = clear = _refuse

    def copy(self) -> dict[str, Any]:
        """An ordinary dictionary."""
        return dict(self)

    def __deepcopy__(self, memo: object) -> dict[str, Any]:
        return dict(self)  # the values are plain data

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)


def multidigraph(graph: Graph) -> nx.MultiDiGraph[str]:
    """A frozen copy: nodes in their order, an edge for each operand, keyed by its position."""
    made: Any = nx.MultiDiGraph()
    made.graph = Attributes(
        name=graph.net.word,
        inputs=Attributes(graph.inputs),
        outputs=Attributes(graph.outputs),
        heads=Attributes({head.name: head.node for head in graph.heads}),
    )
    sizes = {axis: size for axis, size in graph.nominal.items() if size is not None}
    deployed = graph.needed_by(graph.outputs.values())
    lineages: dict[Instance, tuple[Instance, ...]] = {}
    for node in graph:
        lineage = lineages.setdefault(node.instance, node.instance.lineage)
        made.add_node(node.name)
        made._node[node.name] = Attributes(
            **_of_the_op(graph, node, sizes), **_of_the_place(node, lineage), training_only=node.name not in deployed
        )
        for position, operand in enumerate(graph.operands(node.name)):
            made.add_edge(operand, node.name, key=position)
            made._succ[operand][node.name][position] = Attributes(position=position)
    frozen: nx.MultiDiGraph[str] = nx.freeze(made)
    return frozen


def _of_the_op(graph: Graph, node: Node, sizes: Mapping[str, int]) -> dict[str, Any]:
    """What a node computes, and what that costs."""
    op, operands, shapes = node.op, graph.operands(node.name), graph.shapes()
    read = [_nominal(shapes[name], sizes) for name in operands]
    shape, known = _nominal(shapes[node.name], sizes), tuple(each for each in read if each is not None)
    macs = None if shape is None or len(known) < len(read) else op.macs(known, shape) if known else 0
    return {
        "op": op.word or "input",
        "settings": {name: _data(getattr(op, name)) for name in op.settings} if operands else {},
        "shape": shape,
        "shape_text": str(shapes[node.name]),
        "parameters": op.parameters(*(shapes[name] for name in operands)) if operands else 0,
        "macs": macs,
    }


def _data(value: Any) -> Any:
    """A setting without the expressions behind its numbers."""
    return tuple(map(_data, value)) if isinstance(value, tuple) else plain(value)


def _nominal(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...] | None:
    """A shape at the nominal size; None where that is free."""
    axes = (shape.height.axis, shape.width.axis) if isinstance(shape, Image) else ()
    return shape.at(sizes) if all(axis is None or axis in sizes for axis in axes) else None


def _of_the_place(node: Node, lineage: tuple[Instance, ...]) -> dict[str, Any]:
    """Where a node stands in the net and in the spec."""
    block = next(each for each in reversed(lineage) if each.kind in ("block", "net"))
    return {
        "path": node.path,
        "instance": node.instance.path,
        "instances": tuple(each.path for each in lineage[1:]),
        "kind": node.instance.kind,
        "block": block.word,
        "span": str(node.span),
    }

"""How deep a net is: its longest chain of layers that have weights."""

from __future__ import annotations

from incdsl.ir.graph import Graph


def depth(graph: Graph) -> int:
    """Convolutions and linear layers on the longest way from an input to an output, auxiliary heads left out.

    This is how papers count layers: GoogLeNet has 22. One convolution that is written as several factors in sequence
    counts as several, factors in parallel as one.
    """
    deepest: dict[str, int] = {}
    for node in graph:
        above = max((deepest[name] for name in graph.operands(node.name)), default=0)
        deepest[node.name] = above + (node.op.kind in ("convolution", "linear"))
    return max(deepest[name] for name in graph.outputs.values())


def convolutions(graph: Graph) -> int:
    """How many convolutions run in evaluation: auxiliary heads left out."""
    deployed = graph.needed_by(list(graph.outputs.values()))
    return sum(node.name in deployed and node.op.kind == "convolution" for node in graph)

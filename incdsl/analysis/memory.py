"""How many numbers a net holds while it runs: which values have memory of their own, and how many live at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod

from incdsl.ir.graph import Graph, Node
from incdsl.ir.net import Net


@dataclass(frozen=True, slots=True)
class Peak:
    """The most numbers that live at once, and the first node at which they do."""

    numbers: int
    node: Node


def volumes(net: Net) -> dict[str, int] | None:
    """How many numbers each value has at the nominal size and batch 1; nothing where the spec leaves a size free."""
    sizes = {axis: size for axis, size in net.conditions.nominal.items() if size is not None}
    if len(sizes) < len(net.conditions.nominal):
        return None
    return {name: prod(shape.at(sizes)) for name, shape in net.graph.shapes().items()}


def owners(graph: Graph) -> dict[str, str]:
    """For every node the one whose memory holds its value: itself, unless it is a view or overwrites what it reads.

    An activation overwrites its operand where the generated module says `inplace=True`: in the class that made the
    operand, and if nothing else reads it.
    """
    readers = Counter(name for node in graph for name in graph.operands(node.name))
    ends = set(graph.ends)
    found: dict[str, str] = {}
    for node in graph:
        operands = graph.operands(node.name)
        alone = bool(operands) and readers[operands[0]] == 1 and operands[0] not in ends
        shares = node.op.kind == "view" or (alone and _overwrites(node, graph[operands[0]]))
        found[node.name] = found[operands[0]] if shares else node.name
    return found


def _overwrites(node: Node, source: Node) -> bool:
    return node.op.in_place and not node.label and source.op.owns_output and source.instance is node.instance


def peak(net: Net) -> Peak | None:
    """The most numbers that live at once in an evaluation of one image; nothing where a size is free.

    Nodes run in the order in which they are written, auxiliary heads left out. An input lives from the start, any
    other value from the moment when its op runs, beside the operands of the op; all of them up to their last reader,
    outputs to the end. Views, and activations that overwrite, add nothing. Parameters and the working memory of
    kernels do not count.
    """
    numbers = volumes(net)
    if numbers is None:
        return None
    graph, owner = net.graph, owners(net.graph)
    deployed = graph.needed_by(list(graph.outputs.values()))
    order = [node for node in graph if node.name in deployed]
    last = {owner[name]: node.name for node in order for name in (node.name, *graph.operands(node.name))}
    kept = {owner[name] for name in graph.outputs.values()}
    live = {node.name for node in order if not graph.operands(node.name)}
    total = sum(numbers[name] for name in live)
    best = Peak(0, order[0])
    for node in order:
        if owner[node.name] == node.name and node.name not in live:
            live.add(node.name)
            total += numbers[node.name]
        if total > best.numbers:
            best = Peak(total, node)
        done = {owner[name] for name in (node.name, *graph.operands(node.name))} - kept
        for name in {name for name in done if last[name] == node.name}:
            live.discard(name)
            total -= numbers[name]
    return best

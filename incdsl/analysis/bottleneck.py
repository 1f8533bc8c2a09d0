"""Where a net is narrowest: the values that every path passes, and the smallest of them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from incdsl.analysis.memory import volumes
from incdsl.ir.graph import Graph, Node
from incdsl.ir.net import Net


@dataclass(frozen=True, slots=True)
class Narrowest:
    """The smallest of the representations that all information passes.

    `widens` is how much larger a later one is, as a factor, or 1 if none is larger: above 1, what was squeezed out
    cannot come back, and the value is a representational bottleneck (principle 1 of arXiv:1512.00567).
    """

    node: Node
    numbers: int
    widens: Fraction


def gates(graph: Graph) -> list[Node]:
    """The nodes on every path from any input to any output, in order; auxiliary heads left out.

    They are the dominators of the outputs. Nodes are kept in a topological order, in which a node lies on all paths
    exactly if no edge leads from before it to after it.
    """
    ends = list(graph.outputs.values())
    needed = graph.needed_by(ends)
    order = [node for node in graph if node.name in needed]
    place = {node.name: i for i, node in enumerate(order)}
    reach = [i for i, node in enumerate(order) if not graph.operands(node.name)]
    furthest = {-1: max(reach)}  # from outside, edges lead to all inputs
    for i, node in enumerate(order):
        for name in graph.operands(node.name):
            furthest[place[name]] = i
    furthest |= {place[name]: len(order) for name in ends}  # and outside lead the outputs
    found, beyond = [], furthest[-1]
    for i, node in enumerate(order):
        if beyond <= i:
            found.append(node)
        beyond = max(beyond, furthest.get(i, i))
    return found


def narrowest(net: Net) -> Narrowest | None:
    """The smallest value on every path behind the inputs, by its number of activations `C·H·W` at batch 1.

    What follows the last value of more than one position, the end of a classifier, is a summary and no longer the
    representation: it does not count, unless the net has no such value. Nothing where a size is free, or where
    no value is on every path.
    """
    numbers = volumes(net)
    if numbers is None:
        return None
    values = [node for node in gates(net.graph) if net.graph.operands(node.name)]
    grids = [i for i, node in enumerate(values) if numbers[node.name] > _channels(net, node)]
    values = values[: grids[-1] + 1] if grids else values
    if not values:
        return None
    least = min(values, key=lambda node: numbers[node.name])
    later = values[values.index(least) :]
    widest = max(numbers[node.name] for node in later)
    return Narrowest(least, numbers[least.name], Fraction(widest, numbers[least.name]))


def _channels(net: Net, node: Node) -> int:
    """As many numbers as the value would have at one position."""
    shape = net.graph.shapes()[node.name]
    return int(shape.channels)

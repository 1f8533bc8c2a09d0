"""Levels: which rules run, and in which order."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from incdsl.elaborate.net import Net
from incdsl.ir.graph import Graph
from incdsl.passes.engine import Event, Optimized, Rule, optimize
from incdsl.passes.rules.commute_avgpool import CommuteAvgPool
from incdsl.passes.rules.fold_batch_norm import FoldBatchNorm
from incdsl.passes.rules.merge_sibling_convs import MergeSiblingConvs

Level = Literal["train", "inference"]

RULES: dict[Level, tuple[type[Rule], ...]] = {
    "train": (),
    "inference": (
        FoldBatchNorm,  # first: what is commuted and merged are convolutions with their biases
        CommuteAvgPool,  # before the merge, which takes the pool rail's 1x1 along
        MergeSiblingConvs,
    ),
}


def rewritten(net: Net, level: Level, without: frozenset[str] = frozenset()) -> tuple[Net, Optimized]:
    """A net at a level, and what was done to it; `without` names rules that stay away."""
    rules = [rule() for rule in RULES[level] if rule.__name__ not in without]
    graph, events = (net.graph, []) if level == "train" else _without_heads(net.graph)
    done = optimize(graph, rules)
    done = replace(done, trace=(*events, *done.trace))
    return replace(net, graph=done.graph), done


def _without_heads(graph: Graph) -> tuple[Graph, list[Event]]:
    """The graph as evaluation runs it: auxiliary heads are dead."""
    if not graph.heads:
        return graph, []
    kept = Graph(graph.net)
    needed = graph.needed_by(list(graph.outputs.values())) | set(graph.inputs.values())
    for node in graph:
        if node.name in needed:
            kept.add(node, graph.operands(node.name))
    kept.inputs, kept.outputs = dict(graph.inputs), dict(graph.outputs)
    return kept, [Event("DropHeads", head.scope.label, True, "only training runs it") for head in graph.heads]

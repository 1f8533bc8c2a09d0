"""Levels: which rules run, and in which order."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Literal

from incdsl.ir.graph import Graph
from incdsl.ir.net import Net
from incdsl.passes.engine import Event, Optimized, Rule, optimize
from incdsl.passes.rules.collapse_factorized_convs import CollapseFactorizedConvs
from incdsl.passes.rules.commute_avgpool import CommuteAvgPool
from incdsl.passes.rules.commute_maxpool import CommuteMaxPool
from incdsl.passes.rules.enlarge_kernels import EnlargeKernels
from incdsl.passes.rules.flatten_concats import FlattenConcats
from incdsl.passes.rules.fold_batch_norm import FoldBatchNorm
from incdsl.passes.rules.fold_global_pool import FoldGlobalPool
from incdsl.passes.rules.fold_normalization import FoldNormalization
from incdsl.passes.rules.fold_scale import FoldScale
from incdsl.passes.rules.join_slices import JoinSlices
from incdsl.passes.rules.merge_sibling_convs import MergeSiblingConvs
from incdsl.passes.rules.move_relu_before_concat import MoveReluBeforeConcat
from incdsl.passes.rules.move_relu_before_pool import MoveReluBeforePool
from incdsl.passes.rules.pack_convs import PackConvs
from incdsl.passes.rules.remove_dropout import RemoveDropout
from incdsl.passes.rules.remove_identities import RemoveIdentities
from incdsl.passes.rules.share_equal_steps import ShareEqualSteps
from incdsl.passes.rules.write_concat_in_place import WriteConcatInPlace

Level = Literal["train", "inference"]

RULES: dict[Level, tuple[type[Rule], ...]] = {
    # Exact to the last bit, and every key of the state_dict stays.
    "train": (RemoveIdentities, FlattenConcats, ShareEqualSteps),
    "inference": (
        RemoveDropout,
        RemoveIdentities,  # what stands between two steps keeps the rules below from seeing them together
        FlattenConcats,  # before ReLUs move: they pass one concat
        FoldScale,  # in front of a batch norm, which takes what it scaled
        FoldBatchNorm,  # from here on convolutions have their biases, and their ReLU right behind them
        FoldScale,  # behind the batch norm, if there is one
        FoldNormalization,  # after it: it gives a bias, which batch norm takes over
        CollapseFactorizedConvs,  # after the folds: nothing but an activation stands between two convolutions
        MoveReluBeforeConcat,  # before what takes a convolution and its ReLU as one step
        MoveReluBeforePool,  # after the concat: a pool behind it may hold the ReLU back no longer
        CommuteMaxPool,
        CommuteAvgPool,  # before the merge, which takes the pool rail's 1x1 along
        ShareEqualSteps,  # after the commutation, which wants pools with one reader; before the merge of readers
        EnlargeKernels,  # gives the merge kernels of one size
        MergeSiblingConvs,
        JoinSlices,  # behind a merge of all that a concat joins
        FoldGlobalPool,
        WriteConcatInPlace,
        PackConvs,  # last: it takes convolutions as they have become
    ),
}


def rewritten(
    net: Net, level: Level, without: AbstractSet[str] = frozenset(), also: AbstractSet[str] = frozenset()
) -> tuple[Net, Optimized]:
    """A net at a level, and what was done to it.

    `without` names rules that stay away, `also` those that run although they do not by default.
    """
    chosen = [rule for rule in RULES[level] if rule.by_default or rule.__name__ in also]
    rules = [rule() for rule in chosen if rule.__name__ not in without]
    graph, events = (net.graph, ()) if level == "train" else without_heads(net.graph)
    done = optimize(graph, rules, keeps_keys=level == "train")
    done = replace(done, trace=(*events, *done.trace))
    return replace(net, graph=done.graph), done


def without_heads(graph: Graph) -> tuple[Graph, tuple[Event, ...]]:
    """The graph as evaluation runs it: auxiliary heads are dead."""
    if not graph.heads:
        return graph, ()
    kept = Graph(graph.net)
    needed = graph.needed_by(list(graph.outputs.values())) | set(graph.inputs.values())
    for node in graph:
        if node.name in needed:
            kept.add(node, graph.operands(node.name))
    kept.inputs, kept.outputs = dict(graph.inputs), dict(graph.outputs)
    return kept, tuple(Event("DropHeads", head.instance.label, True, "only training runs it") for head in graph.heads)

"""Levels: which passes run, and in which order."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from incdsl.ir.net import Level, Net
from incdsl.passes.base import Pass, run
from incdsl.passes.heads import DropHeads
from incdsl.passes.numbers import Renumber
from incdsl.passes.rewrite import Rewrite
from incdsl.passes.rule import Rule
from incdsl.passes.rules.collapse_factorized_convs import CollapseFactorizedConvs
from incdsl.passes.rules.commute_avgpool import CommuteAvgPool
from incdsl.passes.rules.commute_maxpool import CommuteMaxPool
from incdsl.passes.rules.enlarge_kernels import EnlargeKernels
from incdsl.passes.rules.flatten_concats import FlattenConcats
from incdsl.passes.rules.fold_batch_norm import FoldBatchNorm
from incdsl.passes.rules.fold_batch_norm_through_concat import FoldBatchNormThroughConcat
from incdsl.passes.rules.fold_global_pool import FoldGlobalPool
from incdsl.passes.rules.fold_normalization import FoldNormalization
from incdsl.passes.rules.fold_scale import FoldScale
from incdsl.passes.rules.fuse_convs import FuseConvs
from incdsl.passes.rules.join_slices import JoinSlices
from incdsl.passes.rules.merge_sibling_convs import MergeSiblingConvs
from incdsl.passes.rules.move_relu_before_concat import MoveReluBeforeConcat
from incdsl.passes.rules.move_relu_before_pool import MoveReluBeforePool
from incdsl.passes.rules.pack_convs import PackConvs
from incdsl.passes.rules.remove_dropout import RemoveDropout
from incdsl.passes.rules.remove_identities import RemoveIdentities
from incdsl.passes.rules.share_equal_steps import ShareEqualSteps
from incdsl.passes.rules.split_stores import SplitStores
from incdsl.passes.rules.sum_sibling_convs import SumSiblingConvs
from incdsl.passes.rules.use_kernels import UseKernels
from incdsl.passes.rules.use_products import UseProducts
from incdsl.passes.rules.use_winograd import UseWinograd
from incdsl.passes.rules.write_concat_in_place import WriteConcatInPlace
from incdsl.passes.rules.write_ranges import WriteRanges

LEVELS: dict[Level, tuple[Pass, ...]] = {
    # Exact to the last bit, and every key of the state_dict stays.
    "train": (
        Rewrite(RemoveIdentities(), keeps_keys=True),
        Rewrite(FlattenConcats(), keeps_keys=True),
        Rewrite(ShareEqualSteps(), keeps_keys=True),
    ),
    "inference": (
        DropHeads(),
        Rewrite(RemoveDropout()),
        Rewrite(RemoveIdentities()),  # what stands between two steps keeps the rules below from seeing them together
        Rewrite(FlattenConcats()),  # before ReLUs move: they pass one concat
        Rewrite(FoldScale()),  # in front of a batch norm, which takes what it scaled
        Rewrite(FoldBatchNorm()),  # from here on convolutions have their biases, and their ReLU right behind them
        Rewrite(FoldBatchNormThroughConcat()),  # behind what was folded into each of the parts
        Rewrite(FoldScale()),  # behind the batch norm, if there is one
        Rewrite(SumSiblingConvs()),  # after the folds, so that only convolutions, and batch norms alone, are summed
        Rewrite(FoldBatchNorm()),  # behind a sum that is a convolution now
        Rewrite(FoldNormalization()),  # after it: a batch norm goes backwards where it can
        Rewrite(CollapseFactorizedConvs()),  # after the folds: only an activation stands between two convolutions
        Rewrite(MoveReluBeforeConcat()),  # before what takes a convolution and its ReLU as one step
        Rewrite(MoveReluBeforePool()),  # after the concat: a pool behind it may hold the ReLU back no longer
        Rewrite(CommuteMaxPool()),
        Rewrite(CommuteAvgPool()),  # before the merge, which takes the pool rail's 1x1 along
        Rewrite(ShareEqualSteps()),  # after the commutation, which wants pools with one reader; before the merge
        Rewrite(EnlargeKernels()),  # gives the merge kernels of one size
        Rewrite(MergeSiblingConvs()),
        Rewrite(JoinSlices()),  # behind a merge of all that a concat joins
        Rewrite(FoldGlobalPool()),
        Rewrite(WriteConcatInPlace()),
        Rewrite(FuseConvs()),  # takes convolutions as they have become; so does the next
        Rewrite(UseProducts()),
        Rewrite(UseKernels()),
        Rewrite(SplitStores()),  # of which some give their channels in parts
        Rewrite(WriteRanges()),  # into which those kernels write
        Rewrite(UseWinograd()),
        Rewrite(PackConvs()),  # what is left
        Renumber(),  # last: rules have left gaps in repetitions
    ),
}


def rules(level: Level) -> tuple[Rule[Any], ...]:
    """The rules of a level in their order, also those that it does not run unless asked to; some come twice."""
    return tuple(each.rule for each in LEVELS[level] if isinstance(each, Rewrite))


def optimized(
    net: Net, level: Level, without: AbstractSet[str] = frozenset(), also: AbstractSet[str] = frozenset()
) -> Net:
    """A net at a level; its trace tells what was done to it.

    `without` names rules that stay away, `also` those that run although they do not by default.
    """

    def runs(each: Pass) -> bool:
        return not isinstance(each, Rewrite) or (
            (each.rule.by_default or each.name in also) and each.name not in without
        )

    return run(net, filter(runs, LEVELS[level]), level)

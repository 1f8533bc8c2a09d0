"""What an op says of itself is so: its kind, what it calls, how far it sees, and that it says what it computes."""

import re
from contextlib import nullcontext
from typing import get_args

import pytest
import torch

from incdsl.analysis.cost import receptive_fields
from incdsl.analysis.kernels import kernels
from incdsl.analysis.memory import owners
from incdsl.codegen.guard import TRAINING, Allowed, check
from incdsl.diagnostics import CompilerBug
from incdsl.ops import REGISTRY, Kind, Op
from incdsl.ops.code import Call, Channels, Infix, Method
from incdsl.ops.cpu import PackedConv2d
from incdsl.ops.deployed import ActivationFloor, ChannelBias
from incdsl.ops.frame import LowPad, SamePad
from incdsl.ops.gpu import BiasedAvgPool2d, Filled, FlooredConv2d, FusedConv2d, Put, Room
from incdsl.ops.sweep import TransposedWindow
from incdsl.ops.window import UnevenAvgPool2d
from incdsl.values import Extent
from tests.modules import generated, noise
from tests.nets import compiled, spec
from tests.ops.seen import farthest

WORDS = sorted(REGISTRY)
KINDS = [
    *REGISTRY.values(), ChannelBias, ActivationFloor, PackedConv2d, FusedConv2d, FlooredConv2d, BiasedAvgPool2d, Room,
    Put, Filled, LowPad, SamePad, UnevenAvgPool2d,
]  # fmt: skip
PYTORCH = re.compile(r"(?:nn|F|torch)\.\w+")


def shape(word):
    return "[8]" if REGISTRY[word].example_rank == 1 else "[8, 16, 16]"


def example(word):
    return compiled(spec(REGISTRY[word].example, shape=shape(word)))


def node_of(done, word):
    return next(node for node in done.net.graph if node.op.word == word)


def callees(code):
    """The names of PyTorch in what an op lowers to."""
    match code:
        case Call(callee=callee, operands=parts):
            yield from [callee] if callee else []
            for part in parts:
                yield from callees(part)
        case Method(target=target, operands=parts):
            for part in (target, *parts):
                yield from callees(part)
        case Infix(parts=parts):
            for part in parts:
                yield from callees(part)
        case Channels(target=target):
            yield from callees(target)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.word)
def test_every_fact_is_one_of_those_there_are(kind):
    assert kind.kind in get_args(Kind)
    assert kind.is_own()
    assert all(PYTORCH.fullmatch(name) for name in kind.calls)
    assert kind.interpret is not Op.interpret
    assert kind.on_residues is not Op.on_residues


@pytest.mark.parametrize("word", WORDS)
def test_it_names_what_it_calls(word):
    done = example(word)
    node = node_of(done, word)
    shapes = done.net.graph.shapes()
    lowering = node.op.lower(*(shapes[name] for name in done.net.graph.operands(node.name)))
    used = {name for code in (lowering.module, lowering.function, lowering.forward) for name in callees(code)}
    helpers = set(node.op.helpers)
    in_helpers = {name for text in node.op.helpers.values() for name in PYTORCH.findall(text)} - {"nn.Module"}
    twins = {"nn.BatchNorm1d"} if word == "batchnorm" else set()  # of vectors
    assert (used - helpers) | in_helpers | twins == node.op.calls


@pytest.mark.parametrize("word", WORDS)
def test_without_its_names_the_guard_refuses_it(word):
    done = example(word)
    op = REGISTRY[word]
    comments = re.findall("#.*", done.text)
    check(done.text, comments, TRAINING.for_ops([op, *{type(node.op) for node in done.net.graph}]))
    without = Allowed(names=TRAINING.for_ops([]).names - op.calls)
    used = op.calls & set(PYTORCH.findall(done.text))
    with pytest.raises(CompilerBug, match=r"names (nn|F|torch)") if used else nullcontext():
        check(done.text, comments, without)


@pytest.mark.parametrize("word", WORDS)
def test_views_share_memory_and_nothing_else_does(word):
    done = example(word)
    node = node_of(done, word)
    x = noise(2, 8) if REGISTRY[word].example_rank == 1 else noise(2, 8, 16, 16)
    y = generated(done.text)().double().eval()(x)
    shared = y.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
    assert shared == (node.op.kind == "view")
    assert (owners(done.net.graph)[node.name] != node.name) == shared


@pytest.mark.parametrize("word", WORDS)
def test_kernels_are_counted_by_kind(word):
    done = example(word)
    found = kernels(done.net)
    mine = [node.op.kind for node in done.net.graph if done.net.graph.operands(node.name)]
    for kind in get_args(Kind):
        assert kind == "view" or getattr(found, kind) == mine.count(kind)


@pytest.mark.parametrize("word", WORDS)
def test_what_multiplies_is_a_convolution_or_linear(word):
    op = REGISTRY[word]
    assert (op.macs is not Op.macs) == (op.kind in ("convolution", "linear"))


@pytest.mark.parametrize("word", WORDS)
def test_sizes_and_costs_are_whole_numbers(word):
    done = example(word)
    (found,) = (each for each in done.cost.nodes if each.node.op.word == word)
    operands = done.net.graph.operands(found.node.name)
    shapes = [done.net.graph.shapes()[name] for name in operands]
    sizes = [size for tensor in found.node.op.tensors(*shapes) for size in tensor.shape]
    assert all(isinstance(number, int) for number in (*sizes, found.parameters, found.macs))


SEEN = [
    *(f"{op.example}" for word, op in sorted(REGISTRY.items()) if op.example_rank == 3 and word not in ("flatten",)),
    "conv2d 3x5/2 @4 valid (dilation: 2)", "maxpool 3x3/2 half ceil", "upsample 3", "upsample 3 (mode: bilinear)",
    "upsample 1 (mode: bilinear)", "upsample 2 (mode: bilinear, align_corners: true)",
    "upsample 3 (mode: bilinear, align_corners: true)", "upsample 1 (mode: bilinear, align_corners: true)",
    "upsample 3 (mode: bilinear, align_corners: true) -> conv2d 3x3 @4", "pixelshuffle 2 -> conv2d 3x3 @4",
    "pixelunshuffle 2 -> conv2d 3x3 @4", "maxpool 2x2/2 valid -> conv2d 3x3 @4 -> resize (like: x, mode: bilinear)",
    "maxpool 2x2/2 valid -> resize (like: x) -> conv2d 3x3 @4",
    "convtranspose2d 4x4/2 @8 half", "convtranspose2d 2x3/2x3 @8 valid",
    "convtranspose2d 5x5 @8", "convtranspose2d 3x3 @8 (dilation: 2)", "convtranspose2d 6x6/4 @8 pad 1",
    "upsample 2 -> conv2d 3x3 @4", "upsample 4 -> conv2d 4x4 @4 valid",
    "convtranspose2d 3x3/2 @4 half -> conv2d 3x3 @4",
    "maxpool 2x2/2 valid -> upsample 4 -> conv2d 3x3 @4",
    "maxpool 2x2/2 valid -> convtranspose2d 2x2/2 @4 valid -> conv2d 3x3 @4",
    "maxpool 2x2/2 valid -> conv2d 3x3 @4 -> upsample 2 (mode: bilinear) -> conv2d 3x3 @4",
    "convtranspose2d 2x2/2 @4 valid -> convtranspose2d 2x2/2 @4 valid -> conv2d 3x3 @4",
    "maxpool 2x2/2 valid -> upsample 2 -> conv2d 3x3/2 @4 valid -> conv2d 3x3 @4",
    "add { | conv2d 3x3 @8 | convtranspose2d 5x5 @8 }",
]  # fmt: skip


@pytest.mark.parametrize("chain", SEEN)
def test_how_far_it_sees_is_how_far_gradients_reach(chain):
    done = compiled(spec(chain))
    graph = done.net.graph
    fields = receptive_fields(graph)[graph.outputs["y"]]
    net = generated(done.text)().double().eval()
    torch.manual_seed(0)
    seen = farthest(net, 8, 16)
    if "adaptiveavgpool" in chain:  # one of several windows, but which one depends on the size
        assert [field.size for field in fields] == [None, None]
    else:
        assert seen == tuple(16 if field.size is None else field.size for field in fields)


WORKED = re.compile(r"\((\d+) − 1\)·(\d+)(?: − 2·(\d+))? \+ (\d+)(?: \+ (\d+))? = (-?\d+)")


@pytest.mark.parametrize("window", [(3, 2, 1, 1, 1), (4, 3, 0, 2, 0), (2, 2, 0, 1, 0), (1, 1, 4, 1, 0)])
def test_arithmetic_of_transposed_windows_is_true(window):
    for size in range(1, 20):
        text = TransposedWindow(*window).arithmetic(size)
        n, stride, cut, span, more, result = (int(part or 0) for part in WORKED.fullmatch(text).groups())
        assert (n - 1) * stride - 2 * cut + span + more == result
        assert TransposedWindow(*window).over(Extent.fixed(size)).offset == result

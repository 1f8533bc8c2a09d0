"""What a net costs, counted by hand, and how far its values see."""

from fractions import Fraction

import pytest

from incdsl.analysis.cost import FACTS, receptive_fields, state_dict
from tests.nets import compiled, spec

NET = """inc 1
net N(p = 0.5) {{
  input x [4, {size}]
  a = x -> k: conv2d 3x3/2 @6 half -> relu
  aux h (weight: 0.3) = a -> gap -> fc: linear @5
  output y = a -> gap -> dropout (p: p) -> fc: linear @10
}}
"""


def by_word(done):
    return [(n.node.op.word, n.parameters, n.macs, n.activations, n.deployed) for n in done.cost.nodes]


def test_everything_is_counted_once():
    done = compiled(NET.format(size="9, 8"))
    conv, head, last = 4 * 6 * 9 + 6, 6 * 5 + 5, 6 * 10 + 10
    rows = {(word, parameters): rest for word, parameters, *rest in by_word(done)}
    assert rows["conv2d", conv] == [6 * 5 * 4 * 4 * 9, 6 * 5 * 4, True]
    assert rows["relu", 0] == [0, 0, True], "it overwrites what the convolution gives"
    assert rows["linear", head] == [30, 5, False]
    assert rows["linear", last] == [60, 10, True]
    assert rows["dropout", 0] == [0, 0, True], "nothing of its own, as in evaluation"
    assert (done.cost.params, done.cost.deployed_params) == (conv + head + last, conv + last)
    assert (done.cost.macs, done.cost.train_macs) == (4320 + 60, 4320 + 90)
    assert [done.cost.fact(name) for name in FACTS] == [
        done.cost.params, done.cost.deployed_params, done.cost.macs, done.cost.train_macs, done.cost.keys,
    ]  # fmt: skip
    (start,) = (n for n in done.cost.nodes if n.node.name in done.net.graph.inputs.values())
    assert (start.parameters, start.macs, start.activations) == (0, 0, 0)


@pytest.mark.parametrize("size", ["H, W"])
def test_a_free_size_leaves_macs_open(size):
    done = compiled(NET.format(size=size))
    assert (done.cost.macs, done.cost.train_macs) == (None, None)
    assert {(macs, activations) for _, _, macs, activations, _ in by_word(done)} == {(None, None)}
    assert done.cost.params == compiled(NET.format(size="9, 8")).cost.params


@pytest.mark.parametrize(
    ("step", "shape", "params", "macs"),
    [
        ("conv2d 3x5/2x1 @6 pad 1x2", [4, 9, 8], 4 * 6 * 15 + 6, 6 * 5 * 8 * 4 * 15),
        ("conv2d 3x5 @6 (groups: 2, bias: false)", [4, 9, 8], 2 * 6 * 15, 6 * 9 * 8 * 2 * 15),
        ("conv2d 1x1 @4 (groups: 4)", [4, 3, 3], 8, 36),
        ("linear @6", [4], 30, 24),
        ("linear @6 (bias: false)", [4], 24, 24),
        ("gap -> linear @6", [4, 3, 3], 30, 24),
        ("flatten -> linear @6", [4, 3, 5], 366, 360),
        ("batchnorm", [4, 3, 3], 8, 0),
        ("layernorm", [4], 8, 0),
        ("groupnorm 2", [4, 3, 3], 8, 0),
        ("layerscale", [4, 3, 3], 4, 0),
        ("prelu", [4, 3, 3], 1, 0),
        ("prelu (slopes: 4)", [4, 3, 3], 4, 0),
        ("maxpool 3x3 -> lrn 5 -> upsample 2", [4, 3, 3], 0, 0),
    ],
)
def test_cost_of_steps(step, shape, params, macs):
    cost = compiled(spec(step, shape=shape)).cost
    assert (cost.params, cost.macs, cost.train_macs) == (params, macs, macs)
    assert type(cost.macs) is int


KEYS = [
    NET.format(size="9, 8"),
    NET.format(size="9, 9"),
    NET.format(size="9, 8").replace("k:", "l:"),
    NET.format(size="9, 8").replace("output y", "output z"),
    NET.format(size="9, 8").replace("input x", "input w").replace("= x", "= w"),
    NET.format(size="9, 8").replace("aux h", "aux g"),
    NET.format(size="9, 8").replace("(p = 0.5)", "(q = 0.5)").replace("p: p", "p: q"),
    NET.format(size="9, 8").replace("-> relu", "-> r: relu"),
    NET.format(size="9, 8").replace("-> relu", "-> r: tanh"),
    NET.format(size="9, 8").replace("@10", "@11"),
    NET.format(size="H, W"),
]


def test_keys_tell_nets_apart():
    found = [compiled(text).cost.keys for text in KEYS]
    assert len(set(found)) == len(KEYS)
    assert compiled(KEYS[0].replace("-> gap", "  ->   gap")).cost.keys == found[0]
    assert compiled(KEYS[0].replace("weight: 0.3", "weight: 0.4")).cost.keys == found[0]


def test_keys_stay():
    """Facts in specs state them: another hash would break every `expect keys`."""
    assert compiled(KEYS[0]).cost.keys == "e0ed037c28faccd3"


def test_containers_keep_the_place_of_their_first_member():
    text = spec("features.0: conv2d 1x1 @2 -> k: conv2d 1x1 @2 -> features.1: batchnorm -> l.a.b: layernorm")
    graph = compiled(text).net.graph
    assert [(key, tensor.shape) for key, tensor in state_dict(graph, graph.shapes())] == [
        ("features.0.weight", (2, 8, 1, 1)), ("features.0.bias", (2,)),
        ("features.1.weight", (2,)), ("features.1.bias", (2,)), ("features.1.running_mean", (2,)),
        ("features.1.running_var", (2,)), ("features.1.num_batches_tracked", ()),
        ("k.weight", (2, 2, 1, 1)), ("k.bias", (2,)), ("l.a.b.weight", (2,)), ("l.a.b.bias", (2,)),
    ]  # fmt: skip


HALF = Fraction(1, 2)


@pytest.mark.parametrize(
    ("chain", "height", "width"),
    [
        ("relu", (1, 1), (1, 1)),
        ("conv2d 3x5 @8", (3, 1), (5, 1)),
        ("conv2d 3x3/2 @8 half -> conv2d 3x3 @8", (7, 2), (7, 2)),
        ("maxpool 3x3/2x1 pad 1x1 -> conv2d 3x3 @8 (dilation: [2, 1])", (11, 2), (5, 1)),
        ("maxpool 2x2/2 valid -> upsample 4 -> conv2d 3x3 @8", (4, HALF), (4, HALF)),
        ("convtranspose2d 4x2/2 @8 half", (2, HALF), (1, HALF)),
        ("groupnorm 2", (None, 1), (None, 1)),
        ("add { | conv2d 3x3 @8 | identity | conv2d 1x5 @8 }", (3, 1), (5, 1)),
        ("add { | conv2d 5x1 @8 | conv2d 3x3 @8 }", (5, 1), (3, 1)),
        ("maxpool 2x2/2 valid -> gap", (None, 2), (None, 2)),
        ("adaptiveavgpool 4x4 -> conv2d 3x3 @8", (None, 1), (None, 1)),
        ("flatten", (None, 1), (None, 1)),
        ("mul { | conv2d 3x3 @8 | gap }", (None, 1), (None, 1)),
        ("mul { | identity | maxpool 2x2/2 valid -> gap }", (None, 1), (None, 1)),
        ("scale 2 -> conv2d 3x3 @8", (3, 1), (3, 1)),
        ("mul { | gap | conv2d 3x3 @8 } -> conv2d 3x3 @8", (None, 1), (None, 1)),
    ],
)
def test_how_far_values_see(chain, height, width):
    graph = compiled(spec(chain)).net.graph
    (output,) = graph.outputs.values()
    assert [(f.size, f.step) for f in receptive_fields(graph)[output]] == [height, width]


def test_a_merge_of_bound_values_sees_as_far_as_its_widest():
    text = "inc 1\nnet N {\n  input x [8, 9, 9]\n  a = x -> gap\n  b = x -> relu\n  output y = mul { | b | a }\n}\n"
    graph = compiled(text).net.graph
    assert [f.size for f in receptive_fields(graph)[graph.outputs["y"]]] == [None, None]

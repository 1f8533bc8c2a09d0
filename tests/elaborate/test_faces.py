"""Variants that change what flows into a net and what comes out of it."""

import pytest
import torch

import incdsl
from tests.nets import SPECS, codes, compiled, problems

BASE = """inc 1
block Pair(width) {
  input low, high
  output a = add { | one: low -> conv2d 1x1 @width | high }
  output b = high -> relu
}
net Base(width = 8) {
  input x [3, 16, 16]
  stem = x -> conv1: conv2d 3x3/2 @width half     : [width, 8, 8]
  body = stem -> layer1..: conv2d 3x3 @width times 2 -> relu -> pool: maxpool 3x3 : [width, 8, 8]
  a, b = (body, stem) -> pair: Pair(width: width)
  aux early = stem -> gap -> fc: linear @2
  y = a -> concat { | left: identity -> conv2d 1x1 @4 | b } -> repeat: conv2d 3x3 @12 times 2
  output logits = y -> gap -> dropout 0.5 -> head: linear @5 : [5]
}
"""


def variant(changes, net="V", params=""):
    return compiled(f"{BASE}net V{params} = Base with {{ {changes} }}\n", net)


def shapes(done):
    """The shape of each output at the nominal size."""
    graph = done.net.graph
    return {name: done.net.conditions.show(graph.shapes()[node]) for name, node in graph.outputs.items()}


# Inputs


@pytest.mark.parametrize(
    ("stated", "params", "nominal"),
    [
        ("[1, 16, 16]", "", {"H": 16, "W": 16}),
        ("[3, 20, 24]", "", {"H": 20, "W": 24}),
        ("[3, H, W]", "", {"H": None, "W": None}),
        ("[c, 2 * s, 2 * s]", "(c = 5, s = 12)", {"H": 24, "W": 24}),
    ],
)
def test_an_input_is_stated_anew(stated, params, nominal):
    done = variant(f"input x {stated}", params=params)
    assert done.net.conditions.nominal == nominal
    assert shapes(done) == {"logits": "[5]"}
    channels = {"[1": 1, "[3": 3, "[c": 5}[stated[:2]]
    assert incdsl.load(f"{BASE}net V{params} = Base with {{ input x {stated} }}\n", "V").V()(
        torch.zeros(2, channels, 24, 24)
    ).logits.shape == (2, 5)


def test_assertions_about_channels_hold_and_those_about_sizes_give_way():
    text = BASE.replace("[width, 8, 8]\n  body", "[7, 8, 8]\n  body")
    text = text.replace("[width, 8, 8]\n  a,", "[width, 9, 8]\n  a,")
    assert codes(text) == ["E304", "E304"]
    (problem,) = problems(f"{text}net V = Base with {{ input x [3, 32, 32] }}\n", "V")
    assert "[8, 16, 16]" in problem.message()
    (_, _) = problems(f"{text}net V = Base with {{ input x [1, 16, 16] }}\n", "V")


def test_the_last_variant_states_the_input():
    text = f"{BASE}net A = Base with {{ input x [1, 20, 20] }}\nnet B = A with {{ input x [2, 16, 16] }}\n"
    graph = compiled(text, "B").net.graph
    assert str(graph.shapes()["x:"].channels) == "2"
    assert not codes(text)


def test_a_net_as_a_step_reads_what_its_variant_states():
    text = f"{BASE}net A = Base with {{ input x [2, 20, 20] }}\nnet N {{ input z [2, 20, 20] output o = z -> A }}\n"
    assert not codes(text)
    assert codes(text.replace("z [2, ", "z [3, ")) == ["E310"]


# Outputs


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("stem", "[8, 8, 8]"),
        ("conv1", "[8, 8, 8]"),
        ("layer1", "[8, 8, 8]"),
        ("layer2", "[8, 8, 8]"),
        ("pool", "[8, 8, 8]"),
        ("b", "[8, 8, 8]"),
        ("left", "[4, 8, 8]"),
        ("repeat", "[12, 8, 8]"),
        ("dropout", "[12, 1, 1]"),
        ("x", "[3, 16, 16]"),
        ("repeat -> gap -> flatten", "[12]"),
        ("stem -> conv2d 1x1 @(in + 1) : [9, 8, 8]", "[9, 8, 8]"),
        ("left -> add { | identity | conv2d 3x3 @in }", "[4, 8, 8]"),
        ("head : [5]", "[5]"),
    ],
)
def test_values_and_steps_become_outputs(path, shape):
    done = variant(f"output features = {path}")
    assert shapes(done) == {"logits": "[5]", "features": shape}
    net = incdsl.load(f"{BASE}net V = Base with {{ output features = {path} }}\n", "V").V(aux=False).eval()
    assert list(net(torch.zeros(2, 3, 16, 16)).features.shape[1:]) == [int(n) for n in shape.strip("[]").split(", ")]


def test_an_output_is_left_out_with_what_only_it_needs():
    done = variant("without logits output features = repeat")
    assert shapes(done) == {"features": "[12, 8, 8]"}
    assert not any(node.label == "head" for node in done.net.graph)
    assert codes(f"{BASE}net V = Base with {{ without logits }}\n", "V") == ["E214"]


def test_a_tapped_value_is_what_the_net_computes():
    """Nothing behind it may overwrite it."""
    text = f"{BASE}net V = Base with {{ output features = layer2 output early_one = stem }}\n"
    module = incdsl.load(text, "V")
    net = module.V(aux=False).eval()
    x = torch.randn(2, 3, 16, 16)
    found = net(x)
    assert torch.equal(found.early_one, net.conv1(x))
    assert torch.equal(found.features, net.layer2(net.layer1(net.conv1(x))))


def test_numbers_of_what_follows_are_those_of_the_variant():
    done = variant("output features = stem -> extra: conv2d 1x1 @more", params="(more = 6)")
    assert shapes(done)["features"] == "[6, 8, 8]"
    assert "more" in done.text


def test_a_variant_of_a_variant_leaves_an_added_output_out():
    text = f"{BASE}net A = Base with {{ output f = stem output g = body }}\n"
    text += "net B = A with { without f without logits }\n"
    assert shapes(compiled(text, "A")) == {"logits": "[5]", "f": "[8, 8, 8]", "g": "[8, 8, 8]"}
    assert shapes(compiled(text, "B")) == {"g": "[8, 8, 8]"}


def test_added_outputs_are_ports_of_a_net_as_a_step():
    text = f"{BASE}net A = Base with {{ without early output f = stem }}\n"
    text += "net N {\n  input z [3, 16, 16]\n  logits, f = z -> body: A\n"
    text += "  output o = f -> gap -> flatten -> concat { | identity | logits }\n}\n"
    assert shapes(compiled(text, "N")) == {"o": "[13]"}
    net = incdsl.load(text, "N").N().eval()
    assert net(torch.zeros(1, 3, 16, 16)).shape == (1, 13)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ("output f = pair.one", "`pair.one` stands inside of `pair`"),
        ("output f = repeat.0", "`repeat.0` stands inside of `repeat`"),
        ("output f = stam", "`Base` has no value or step `stam`"),
        ("output f = early", "`early` is an auxiliary head"),
        ("output f = conv2d 3x3 @3", "an output that a variant adds starts with the name of a value or step"),
        ("output f = (stem)", "an output that a variant adds starts with the name of a value or step"),
        ("output f, g = stem", "an output that a variant adds starts with the name of a value or step"),
        ("output f = q: stem", "an output that a variant adds starts with the name of a value or step"),
        ("output logits = stem", "`logits` is bound already"),
        ("output relu = stem", "`relu` is the name of a unit, block or op"),
        ("output f = stem -> rulu", "nothing is called `rulu`"),
        ("output f = stem : [9, 8, 8]", "the shape is [8, 8, 8], not [9, 8, 8]"),
        ("input z [3, 8, 8]", "`Base` has no input `z`"),
        ("input x [0, 8, 8]", "`x` of `input` - the number of channels"),
        ("without logit", "`Base` has no aux head or output `logit`"),
    ],
)
def test_what_does_not_fit_is_told(changes, message):
    found = [problem.message() for problem in problems(f"{BASE}net V = Base with {{ {changes} }}\n", "V")]
    assert any(text.startswith(message) for text in found), found


# The network of torchvision


def test_features_of_inception_v3_for_the_frechet_distance():
    text = 'inc 1\nfrom "specs/v3.inc" use InceptionV3\nnet Features = InceptionV3 with {\n'
    text += "  without AuxLogits\n  without logits\n"
    text += "  output pool3 = avgpool -> flatten : [2048]\n  output mixed = Mixed_6e : [768, 17, 17]\n}\n"
    done = compiled(text)
    assert shapes(done) == {"pool3": "[2048]", "mixed": "[768, 17, 17]"}
    whole = compiled((SPECS / "v3.inc").read_text())
    assert done.cost.params == whole.cost.deployed_params - 2048 * 1000 - 1000


def test_grey_images_of_another_size():
    text = 'inc 1\nfrom "specs/v3.inc" use InceptionV3\n'
    text += "net Grey(classes = 192) = InceptionV3(classes: classes) with {\n"
    done = compiled(f"{text}  without AuxLogits\n  input image [1, 200, 200]\n}}\n")
    assert done.net.conditions.nominal == {"H": 200, "W": 200}
    assert done.cost.params == 23_834_568 - 2 * 32 * 9 - 808 * 2049

"""Where steps are placed: labels that clash, rails that agree, shares of channels, sizes that are too large."""

import pytest

import incdsl
from incdsl.analysis.cost import state_dict
from incdsl.compiler import compile_net
from incdsl.diagnostics import CompileError
from incdsl.source import Source
from tests.nets import compiled, predicted, spec


def codes(chain, units="", shape="[4, 8, 8]"):
    return [d.code for d in incdsl.check(spec(chain, units, shape))]


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ("a: conv2d 1x1 @4 -> b: relu", []),
        ("a: conv2d 1x1 @4 -> a: relu", ["E206"]),
        ("a: conv2d 1x1 @4 -> a.b: relu", ["E206"]),
        ("a.b: conv2d 1x1 @4 -> a: relu", ["E206"]),
        ("a.b: conv2d 1x1 @4 -> a.c: relu", []),
        ("a.b.c: conv2d 1x1 @4 -> a.b: relu", ["E206"]),
        ("a.b: conv2d 1x1 @4 -> a.b.c: relu", ["E206"]),
        ("a.b: conv2d 1x1 @4 -> b: relu", []),
        ("K: conv2d 1x1 @4 -> k: relu", ["W401"]),
        ("K.l: conv2d 1x1 @4 -> k.L: relu", ["W401"]),
        ("train: relu", ["E207"]),
        ("a.forward: relu", ["E207"]),
        ("forward.a: relu", ["E207"]),
        ("for: relu", ["E207"]),
        ("0: relu", ["E207"]),
        ("a.0: relu", []),
        (".".join("abcdefghijklmnop") + ": relu", []),
        (".".join("abcdefghijklmnopq") + ": relu", ["E207"]),
    ],
)
def test_labels_clash_or_do_not(chain, expected):
    assert codes(chain) == expected


@pytest.mark.parametrize(
    ("chain", "labels"),
    [
        ("dropout 0.1 -> dropout 0.2 -> dropout 0.3", ["dropout", "dropout_2", "dropout_3"]),
        ("dropout: relu -> dropout 0.1", ["dropout_2"]),
        ("dropout_2: relu -> dropout 0.1 -> dropout 0.2 -> dropout 0.3", ["dropout", "dropout_3", "dropout_4"]),
        ("dropout.x: relu -> dropout 0.1 -> dropout 0.2", ["dropout_2", "dropout_3"]),
    ],
)
def test_modules_that_nobody_named_are_called_by_their_words(chain, labels):
    graph = compiled(spec(chain)).net.graph
    assert [node.label for node in graph if node.op.word == "dropout"] == labels


UNITS = "unit pair = c: conv2d -> b: batchnorm\nunit zero = train: conv2d -> batchnorm\n"


@pytest.mark.parametrize(
    ("chain", "code", "where"),
    [
        ("a, b: relu", "E215", "a"),
        ("a, b: concat { | relu | tanh }", "E215", "a"),
        ("zero 1x1 @4", "E207", "train"),
        ("a, train: conv2d 7x7 @4 as 1x7, 7x1", "E207", "a"),
    ],
)
def test_labels_that_do_not_fit_are_pointed_at(chain, code, where):
    (found,) = incdsl.check(spec(chain, UNITS))
    assert (found.code, found.span.text) == (code, where)
    assert code != "E206" or found.message().startswith("`a` "), "the rail has its first label's name"


def test_as_many_steps_are_placed_as_are_allowed():
    """Steps that a variant replaces are counted while they are placed."""
    text = (
        "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> k: relu -> tanh -> relu\n}\n"
        "net M = N() with {\n  k: tanh -> sigmoid -> relu\n}\n"
    )
    assert len(compile_net(Source("s", text), "M", max_steps=6).net.graph) == 6
    for limit in (3, 4, 5):
        with pytest.raises(CompileError, match="E505"):
            compile_net(Source("s", text), "M", max_steps=limit)


def test_the_first_of_two_names_that_look_alike_is_told():
    (found,) = incdsl.check(spec("K: conv2d 1x1 @4 -> k: relu"))
    assert found.message() == "`k` and `K` differ only in case"


@pytest.mark.parametrize(
    ("use", "names"),
    [
        ("X(act: batchnorm)", "y.act_1 y.act_2 y.conv2d y.act_3"),
        ("X(act: relu)", "y.conv2d"),
        ("Z(act: batchnorm)", "y.batchnorm y.act"),
        ("V(a: batchnorm, b: layernorm)", "y.a y.b"),
    ],
)
def test_ops_as_parameters_have_the_parameters_name(use, names):
    blocks = (
        "block X(act) = act -> act -> conv2d 1x1 @4 -> act\n"
        "block Z(act) = batchnorm -> act\n"
        "block V(a, b) = a -> relu -> b\n"
    )
    graph = compiled(spec(use, blocks)).net.graph
    found = dict.fromkeys(key.rpartition(".")[0] for key, _ in state_dict(graph, graph.shapes()))
    assert " ".join(found) == names


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ("add { | conv2d 1x1 @3 | conv2d 1x1 @4 }", ["E302"]),
        ("add { | conv2d 1x1 @300 | conv2d 1x1 @300 }", []),
        ("mul { | conv2d 1x1 @3 | gap }", ["E302"]),
        ("concat { | conv2d 1x1 @3 | conv2d 1x1 @4 }", []),
        ("mul { | gap | relu }", []),
        ("mul { | gap | gap }", []),
        ("mul { | relu | maxpool 2x2/2 valid | gap }", ["E301"]),
        ("mul { | gap | relu | maxpool 2x2/2 valid }", ["E301"]),
        ("add { | gap | relu }", ["E301"]),
        ("concat { | gap | relu }", ["E301"]),
        ("concat { | gap -> flatten | relu }", ["E309"]),
        ("mul { | gap -> flatten | relu }", ["E309"]),
        ("add { | gap -> flatten | gap -> flatten }", []),
        ("add { | gap -> flatten -> linear @3 | gap -> flatten }", ["E302"]),
        ("concat { | maxpool 2x1/2x1 valid | relu }", ["E301"]),
        ("concat { | maxpool 1x2/1x2 valid | relu }", ["E301"]),
        ("concat { | relu | relu | maxpool 1x2/1x2 valid }", ["E301"]),
        ("concat { | conv2d 1x1/2 @1 valid | maxpool 2x2/2 valid }", []),
    ],
)
def test_rails_agree(chain, expected):
    assert codes(chain) == expected
    large = codes(chain, shape="[4, 800, 800]")
    assert large == expected


@pytest.mark.parametrize(
    ("rails", "expected"),
    [
        ("| maxpool 2x2/2 valid | conv2d 3x3/2 @3 half", []),
        ("| maxpool 2x2/2 valid", []),
        ("| maxpool 4x4/4 valid | conv2d 2x2/2 @2 valid -> maxpool 2x2/2 valid", []),
        ("| relu | relu", ["E314"]),
        ("| maxpool 2x1/2x1 valid | maxpool 2x1/2x1 valid", ["E314"]),
        ("| maxpool 1x2/1x2 valid | maxpool 1x2/1x2 valid", ["E314"]),
        ("| maxpool 3x3/2 valid | maxpool 3x3/3 half", ["E314"]),
        ("| gap | gap", ["E314"]),
        ("| maxpool 4x4/4 valid -> upsample 2 | maxpool 2x2/2 valid", []),
        ("| maxpool 4x4/4 valid -> upsample 4", ["E314"]),
        ("| maxpool 3x3/3 half -> upsample 2", ["E314"]),
        ("| gap -> flatten", ["E314"]),
        ("| maxpool 5x5/5 valid -> upsample 2", []),
    ],
)
def test_rails_reduce_alike(rails, expected):
    assert codes(f"reduce {{ {rails} }}") == expected


def test_strides_may_be_fractions():
    assert codes("reduce { | maxpool 5x5/5 valid -> upsample 2 | maxpool 2x2/2 valid }", shape="[4, H, W]") == ["E314"]


def test_roundings_inside_one_another_have_an_end():
    chain = " -> ".join(["maxpool 2x2/2 valid -> upsample 3"] * 101)
    assert codes(chain, shape="[1, H, W]") == ["E504"]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ("split", []),
        ("split: [2, 2]", []),
        ("split: [1, 3]", []),
        ("split: [1, 2]", ["E310"]),
        ("split: [4, 4]", ["E310"]),
        ("split: [0, 4]", ["E310"]),
        ("split: [5, -1]", ["E310"]),
        ("split: [true, 3]", ["E310"]),
        ("split: [1.0, 3]", ["E310"]),
        ("split: [4]", ["E310"]),
        ("split: [1, 1, 2]", ["E310"]),
        ("split: 2", ["E310"]),
    ],
)
def test_channels_are_shared(sizes, expected):
    assert codes(f"concat ({sizes}) {{ | relu | tanh }}") == expected


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ("[5, -1]", "`split` needs a list of whole numbers"),
        ("[1, 2]", "1 + 2 = 3 in 2 parts, but 4 channels flow in"),
        ("[4, 4]", "4 + 4 = 8 in 2 parts, but 4 channels flow in"),
        ("[4]", "4 = 4 in 2 parts, but 4 channels flow in"),
    ],
)
def test_shares_that_do_not_fit_are_told(sizes, said):
    (found,) = incdsl.check(spec(f"concat (split: {sizes}) {{ | relu | tanh }}", shape="[4, 8, 8]"))
    assert found.message() == said


def test_shares_may_be_many():
    sizes, rails = ", ".join(["1"] * 300), "| relu " * 300
    assert codes(f"concat (split: [{sizes}]) {{ {rails} }}", shape="[300, 2, 2]") == []


def test_shares_are_in_order():
    assert codes("concat (split: [300, 301]) { | relu | tanh }", shape="[601, 8, 8]") == []
    done = compiled(spec("concat (split: [1, 2, 5]) { | relu | tanh | sigmoid }", shape="[8, 3, 3]"))
    slices = [(n.op.start, n.op.stop) for n in done.net.graph if n.op.word == "slice"]
    assert slices == [(0, 1), (1, 3), (3, 8)]
    done = compiled(spec("concat (split) { | relu | tanh | sigmoid }", shape="[9, 3, 3]"))
    assert [(n.op.start, n.op.stop) for n in done.net.graph if n.op.word == "slice"] == [(0, 3), (3, 6), (6, 9)]
    assert codes("concat (split) { | relu | tanh | sigmoid }") == ["E310"]


@pytest.mark.parametrize(
    ("chain", "shape", "expected"),
    [
        ("upsample 2147483647", "[1, 1, 1]", []),
        ("upsample 1073741824", "[1, 2, 1]", ["E504"]),
        ("upsample 1073741824", "[1, 1, 2]", ["E504"]),
        ("upsample 1073741824", "[1, H, W]", []),
        ("concat { | relu | tanh }", "[1073741823, 1, 1]", []),
        ("concat { | relu | tanh }", "[1073741824, 1, 1]", ["E504"]),
        ("concat { | relu | tanh }", "[1073741824]", ["E504"]),
        ("concat { | relu | tanh | sigmoid }", "[1073741824]", ["E504"]),
    ],
)
def test_extents_have_31_bits(chain, shape, expected):
    assert codes(chain, shape=shape) == expected


@pytest.mark.parametrize(
    ("chain", "shape", "expected"),
    [
        ("conv2d 9x1 @2 valid", "[4, 8, 8]", ["E303"]),
        ("conv2d 1x9 @2 valid", "[4, 8, 8]", ["E303"]),
        ("conv2d 8x8 @2 valid", "[4, 8, 8]", []),
        ("conv2d 9x9 @2 valid", "[4, H, W]", []),
        ("maxpool 2x2 pad 1 (dilation: 8)", "[4, 7, 7]", ["E303"]),
        ("maxpool 2x2 pad 1 (dilation: 8)", "[4, 8, 8]", []),
        ("linear @3", "[4, 8, 8]", ["E309"]),
        ("conv2d 1x1 @3 (groups: 3)", "[4, 8, 8]", ["E310"]),
    ],
)
def test_steps_fit_their_input(chain, shape, expected):
    assert codes(chain, shape=shape) == expected


def test_a_nominal_size_is_what_conditions_are_shown_at():
    (found,) = incdsl.check(spec("conv2d 9x1 @2 valid -> relu", shape="[4, 8, 80]"))
    assert found.message() == "`conv2d` does not fit its input [4, 8, 80]"
    (found,) = incdsl.check(spec("concat { | gap -> flatten | relu }", shape="[4, H, W]"))
    assert found.message() == "the rails of `concat` are [4], [4, H, W]"
    assert predicted(compiled(spec("relu", shape="[4, H, W]")), {"H": 3, "W": 5}) == (4, 3, 5)

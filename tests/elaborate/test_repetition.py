"""What repeats inside what repeats: every `times`, `if` and assertion of a repeated chain counts."""

import pytest

from tests.nets import codes, compiled, keys, spec


def ops(chain):
    """The ops of a chain, as they run."""
    return [node.op.word for node in compiled(spec(chain)).net.graph][1:]


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ("((relu times 3) times 2) times 4", ["relu"] * 24),
        ("(tanh -> (relu -> relu) times 3) times 2", (["tanh"] + ["relu"] * 6) * 2),
        ("(tanh -> (relu -> relu) for k in [1, 2]) times 2", (["tanh"] + ["relu"] * 4) * 2),
        ("(tanh -> (relu -> relu) if false) times 2", ["tanh"] * 2),
        ("(tanh -> (relu -> relu) if true) times 2", (["tanh"] + ["relu"] * 2) * 2),
        ("(conv2d 5x5 @8 as 3x3, 3x3 times 2) times 2", ["conv2d"] * 8),
        ("(tanh -> conv2d 5x5 @8 as 3x3, 3x3 if false) times 2", ["tanh"] * 2),
    ],
)
def test_what_repeats_inside_what_repeats(chain, words):
    assert ops(chain) == words


@pytest.mark.parametrize(
    "chain",
    [
        "(tanh -> (relu -> relu) times 2 : [9, 9, 9]) times 2",
        "(tanh -> (relu -> relu) if true : [9, 9, 9]) times 2",
        "(tanh -> (relu -> relu) if false : [9, 9, 9]) times 2",
        "(tanh -> conv2d 5x5 @8 as 3x3, 3x3 : [9, 9, 9]) times 2",
        "((relu -> relu) : [9, 9, 9]) times 2",
    ],
)
def test_assertions_inside_what_repeats_are_checked(chain):
    assert codes(spec(chain)) == ["E304"]


@pytest.mark.parametrize("chain", ["(a: conv2d 3x3 @8) times 2", "(relu -> (relu -> b: relu) times 2) times 2"])
def test_labels_inside_what_repeats_are_refused(chain):
    assert codes(spec(chain)) == ["E215"]


def test_a_block_that_comes_to_nothing_leaves_its_number_to_the_next():
    block = "block B(p) = part: conv2d 1x1 @in if p < 2\n"
    done = compiled(spec("steps: B(p: k) for k in [3, 1, 4, 0]", block))
    assert [key for key in keys(done) if key.endswith("weight")] == ["steps.0.part.weight", "steps.1.part.weight"]


def test_a_block_that_hands_on_what_flows_in_and_computes_something_else_is_told():
    block = "block B {\n  spare = in -> conv2d 3x3 @8\n  output y = in\n}\n"
    assert codes(spec("t: B times 3", block)) == ["E208"]
    assert codes(spec("(B -> relu -> B) times 2", block)) == ["E208"]


def test_a_member_that_only_computes_what_a_choice_does_not_read_is_left_out():
    block = """block B(deep) {
  spare = in -> conv2d 9x9 @8 valid
  output y = in -> add { | identity | spare -> adaptiveavgpool 16x16 } if deep
}
"""
    done = compiled(spec("(B(deep: false) -> prelu) times 2", block))
    assert keys(done) == ["y.0.0.weight", "y.1.0.weight"]
    assert str(done.sizes.evaluation["H"]) == ">= 1"
    assert [node.op.word for node in done.net.graph][1:] == ["prelu", "prelu"]


def test_ports_of_what_is_left_out_are_left_out_too():
    blocks = """block One = conv2d 3x3 @8
block Two {
  input a, b
  output both = a -> p: One
  output twice = b -> q: One
}
block Around {
  both, twice = (in, in) -> inner: Two
  output y = add { | both | twice }
}
block B(deep) {
  spare = in -> Around
  output y = in -> add { | identity | spare } if deep
}
"""
    done = compiled(spec("(B(deep: false) -> prelu) times 2", blocks))
    assert not done.net.graph.ports
    assert keys(done) == ["y.0.0.weight", "y.1.0.weight"]
    assert len(compiled(spec("(B(deep: true) -> prelu) times 2", blocks)).net.graph.ports) == 2

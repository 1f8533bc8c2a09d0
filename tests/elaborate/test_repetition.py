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

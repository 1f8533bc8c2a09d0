"""What a safe fix leaves: the same keys, and the same numbers in float64; and what is said of those that are not."""

import pytest
import torch

from incdsl.compiler import compile_net
from incdsl.linter.finding import RULES
from incdsl.linter.fixes import fixed
from incdsl.linter.lint import Selection
from incdsl.runtime.harness import noise, outputs, randomized
from incdsl.runtime.load import load_text
from incdsl.source import Source

IDLE = [
    "output y = x -> relu -> maxpool 3x3/2 half -> relu -> conv2d 3x3 @8 : [8, 8, 8]",
    "output y = x -> sigmoid -> relu -> avgpool 3x3 -> relu -> conv2d 3x3 @8",
    "output y = x -> relu6 -> relu6 -> relu -> conv2d 3x3 @8",
    "output y = x -> softmax -> relu -> relu -> relu",
    "output y = x -> concat { | conv2d 1x1 @4 -> relu -> relu | hardsigmoid -> relu }",
]


def source(text):
    return Source("spec.inc", text)


def module(text, train=False):
    """The generated module with random weights, in float64."""
    done = compile_net(source(text))
    made = randomized(getattr(load_text(done.text, "lint"), done.net.name)()).double()
    return done, made.train(train)


def ran(done, made):
    inputs = [each.double() for each in noise(done, done.net.conditions.nominal)]
    with torch.no_grad():
        return outputs(made(*inputs))


@pytest.mark.parametrize(
    "text",
    [
        *(RULES[code].wrong for code in ("W435", "W438", "W440")),
        *(f"inc 1\nnet N {{\n  input x [8, 16, 16]\n  {body}\n}}\n" for body in IDLE),
    ],
)
def test_a_safe_fix_changes_no_bit(text):
    mended = fixed(source(text)).text
    assert mended != text
    (before, first), (after, second) = module(text), module(mended)
    second.load_state_dict(first.state_dict(), strict=True)
    for one, other in zip(ran(before, first), ran(after, second), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("body", IDLE)
def test_each_activation_that_changes_nothing_goes(body):
    text = f"inc 1\nnet N {{\n  input x [8, 16, 16]\n  {body}\n}}\n"
    done = fixed(source(text), selection=Selection(("W435",)))
    assert done.left == ()
    assert done.mended


def test_the_bias_that_goes_changed_nothing_but_the_keys():
    """In training the mean of the batch takes it away."""
    text = RULES["W431"].wrong
    mended = fixed(source(text), unsafe=True).text
    (before, first), (after, second) = module(text, True), module(mended, True)
    weights = first.state_dict()
    gone = weights.keys() - second.state_dict().keys()
    assert {key.rpartition(".")[2] for key in gone} == {"bias"}
    second.load_state_dict({key: value for key, value in weights.items() if key not in gone}, strict=True)
    for one, other in zip(ran(before, first), ran(after, second), strict=True):
        assert torch.allclose(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize("code", ["W410", "W411", "W413", "W414", "W415", "W417", "W420"])
def test_what_is_not_safe_gives_another_net_of_the_same_shapes(code):
    text = RULES[code].wrong
    mended = fixed(source(text), unsafe=True).text
    assert fixed(source(text)).text == text
    (before, first), (after, second) = module(text), module(mended)
    shapes = [[each.shape for each in ran(*one)] for one in ((before, first), (after, second))]
    assert shapes[0] == shapes[1]
    assert before.text.partition("body")[2] != after.text.partition("body")[2]

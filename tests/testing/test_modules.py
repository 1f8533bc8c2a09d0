"""The comparisons of the tests reject what they are there to reject."""

import pytest
import torch

from tests.modules import assert_near, assert_same, assert_same_tensors, built, distance, generated, noise
from tests.nets import spec

RAILS = "concat { | a: conv2d 3x3 @4 -> relu | b: conv2d 1x1 @4 }"
CHAIN = f"{RAILS} -> c: conv2d 3x3/2 @6 half -> batchnorm -> gap -> linear @5"
COARSEST = 1e-4
"""Far above every tolerance of float64."""


@pytest.fixture(scope="module")
def original():
    return built(spec(CHAIN))


def mutant(original, rewrite=lambda text: text):
    """Another net from the rewritten text, with the same numbers inside."""
    net = generated(rewrite(original.done.text))().double().eval()
    net.load_state_dict(original.net.state_dict())
    return net


def scaled_weight(net):
    net.c.weight.data *= 1.01


def dropped_bias(net):
    net.a.bias.data.zero_()


def swapped_concat(text):
    assert text.count("torch.cat([a, b], dim=1)") == 1
    return text.replace("torch.cat([a, b], dim=1)", "torch.cat([b, a], dim=1)")


def rejects(expected, actual):
    assert distance(actual, expected) > COARSEST
    with pytest.raises(AssertionError):
        assert_near(actual, expected, COARSEST)
    with pytest.raises(AssertionError):
        assert_same(actual, expected)


@pytest.mark.parametrize("change", [scaled_weight, dropped_bias])
def test_rejects_changed_numbers(original, change):
    net, x = mutant(original), noise(2, 8, 9, 9)
    assert_same(net(x), original.net(x))
    change(net)
    rejects(original.net(x), net(x))
    with pytest.raises(AssertionError):
        assert_same_tensors(net.state_dict(), original.net.state_dict())


def test_rejects_swapped_concat(original):
    x = noise(2, 8, 9, 9)
    rejects(original.net(x), mutant(original, swapped_concat)(x))


def test_rejects_other_shapes_types_and_orders():
    x = noise(2, 3)
    assert distance(x[:1], x) == float("inf")
    assert distance(x, x * 0) > COARSEST
    for other in (x[:1], x * torch.nan, x + torch.inf):
        with pytest.raises(AssertionError):
            assert_near(other, x, COARSEST)
    for other in (x[:1], x.float(), x * torch.nan):
        with pytest.raises(AssertionError):
            assert_same(other, x)
    with pytest.raises(AssertionError):
        assert_same_tensors({"b": x, "a": x}, {"a": x, "b": x})
    assert_same_tensors({"a": x, "b": x}, {"a": x.clone(), "b": x})
    assert_near(x + 1e-12, x, 1e-10)

"""An output stays what it is, whatever reads it on."""

import torch

from tests.modules import built, noise


def test_what_follows_an_output_does_not_overwrite_it():
    net = built(
        "inc 1\nnet N {\n  input x [4, 8, 8]\n  output raw = x -> a: conv2d 3x3 @4\n  output y = raw -> relu\n}\n"
    ).net
    raw, y = net(noise(2, 4, 8, 8))
    assert torch.equal(raw, net.a(noise(2, 4, 8, 8)))
    assert torch.equal(y, raw.clamp(min=0))


def test_an_output_that_is_flattened_keeps_its_grid():
    net = built(
        "inc 1\nnet N {\n  input x [4, 8, 8]\n  output means = x -> gap\n"
        "  output y = means -> flatten -> linear @3\n}\n"
    ).net
    means, y = net(noise(2, 4, 8, 8))
    assert means.shape == (2, 4, 1, 1)
    assert y.shape == (2, 3)

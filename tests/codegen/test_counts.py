"""Blocks that differ only in how often something repeats share a class, which takes the count."""

import pytest
import torch

import incdsl
from incdsl.compiler import compile_net, for_inference
from incdsl.source import Source
from tests.modules import built, generated, noise

STAGE = """unit conv = conv2d (bias: false) -> batchnorm -> relu
block Residual(width) = add { | identity | conv 3x3 @width half }
block Stage(width, depth) {
  x = in -> down: conv 3x3/2 @width half
  output y = x -> blocks: Residual(width: width) times depth
}
"""


def spec(chain, blocks=STAGE):
    return f"inc 1\n{blocks}net N {{\n  input image [3, 32, 32]\n  output y = image -> {chain}\n}}\n"


def classes(text, word):
    return text.count(f"class {word}(") + text.count(f"class {word}_")


def test_a_count_that_differs_is_an_argument():
    done, net = built(spec("Stage(width: 8, depth: 2) -> Stage(width: 12, depth: 3) -> Stage(width: 16, depth: 1)"))
    assert classes(done.text, "Stage") == 1
    assert "def __init__(self, in_channels: int, width: int, depth: int) -> None:" in done.text
    assert "self.blocks = nn.Sequential(*(Residual(width, width) for _ in range(depth)))" in done.text
    assert "self.y_2 = Stage(8, width=12, depth=3)" in done.text
    assert [len(stage.blocks) for stage in net.children()] == [2, 3, 1]
    assert net(noise(2, 3, 32, 32)).shape == (2, 16, 4, 4)


@pytest.mark.parametrize(
    "chain", ["Stage(width: 8, depth: 3)", "Stage(width: 8, depth: 3) -> Stage(width: 4, depth: 3)"]
)
def test_a_count_that_no_use_varies_is_none(chain):
    text = incdsl.compile(spec(chain))
    assert "range(3)" in text
    assert "depth" not in text.split('"""N, generated')[1]


def test_what_is_made_of_a_count_is_written_as_it_is_made():
    blocks = STAGE.replace("times depth", "times (2 * depth - 1)")
    text = incdsl.compile(spec("Stage(width: 8, depth: 2) -> Stage(width: 8, depth: 3)", blocks))
    assert "for _ in range(2 * depth - 1)" in text


def test_a_count_is_handed_through_the_blocks_between():
    blocks = STAGE + "block Pair(width, depth) = Stage(width: width, depth: depth) -> Stage(width: width, depth: 1)\n"
    text = incdsl.compile(spec("Pair(width: 8, depth: 2) -> Pair(width: 8, depth: 3)", blocks))
    assert "self.Stage_1 = Stage(in_channels, width, depth)" in text
    assert "self.Stage_2 = Stage(width, width, depth=1)" in text
    assert classes(text, "Pair") == classes(text, "Stage") == 1
    once = incdsl.compile(spec("Pair(width: 8, depth: 2)", blocks))
    assert "self.Stage_1 = Stage(in_channels, width, depth=2)" in once
    assert "Pair(3, width=8)" in once


def test_members_that_are_not_alike_do_not_share():
    """The first reads other channels than those that follow."""
    blocks = "block Stage(width, depth) = conv2d 3x3 @width half times depth\n"
    text = incdsl.compile(spec("Stage(width: 8, depth: 2) -> Stage(width: 12, depth: 3)", blocks))
    assert classes(text, "Stage") == 2
    assert "nn.Sequential(nn.Conv2d(in_channels, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1))" in text


def test_ops_that_are_alike_do():
    blocks = "block Stage(depth) = conv2d 3x3 @in half times depth\n"
    done, net = built(spec("Stage(depth: 2) -> Stage(depth: 3)", blocks))
    assert "nn.Sequential(*(nn.Conv2d(in_channels, in_channels, 3, padding=1) for _ in range(depth)))" in done.text
    assert len(net.state_dict()) == 10


def test_a_grid_that_follows_from_the_count_is_not_stated():
    blocks = "block Stage(depth) = maxpool 2x2/2 valid times depth\n"
    text = incdsl.compile(spec("Stage(depth: 1) -> conv2d 1x1 @4 -> Stage(depth: 2)", blocks))
    assert "[N, in_channels, H, W] -> [N, in_channels, H', W']" in text
    assert "y: " not in text


def test_what_repeats_by_a_number_of_channels_keeps_its_symbol():
    blocks = "block Stage = relu -> (conv2d 3x3 @in half) times (in // 4)\n"
    done, net = built(spec("conv2d 1x1 @8 -> Stage -> conv2d 1x1 @12 -> Stage", blocks))
    assert "for _ in range(in_channels // 4)" in done.text
    assert "Stage(8)" in done.text
    assert len(net.state_dict()) == 4 + 2 * (2 + 3)


def test_repetitions_inside_repetitions_share_too():
    blocks = "block Stage(depth) = (relu -> (conv2d 3x3 @in half) times depth) times 2\n"
    done, net = built(spec("Stage(depth: 2) -> Stage(depth: 3)", blocks))
    assert classes(done.text, "Stage") == 1
    assert len(net.state_dict()) == 2 * (2 * 2 + 2 * 3)


def test_a_net_decides_its_counts_at_compile_time():
    source = Source(
        "n.inc", spec("Stage(width: 8, depth: n) -> Stage(width: 8, depth: 2)").replace("net N", "net N(n = 3)")
    )
    assert "depth=3" in compile_net(source).text
    assert "def __init__(self) -> None:" in compile_net(source).text
    assert "depth=4" in compile_net(source, settings={"n": 4}).text


def test_deployed_modules_share_what_is_still_alike():
    done, net = built(spec("Stage(width: 8, depth: 2) -> Stage(width: 12, depth: 3)"))
    deployed = for_inference(done)
    assert classes(deployed.text, "Stage") == 1
    assert "for _ in range(depth)" in deployed.text
    x = noise(2, 3, 32, 32)
    made = generated(deployed.text).from_training(net.state_dict()).double()
    assert torch.allclose(made(x), net(x), rtol=1e-4, atol=1e-5)


def test_members_that_a_rewrite_changed_share_no_longer():
    """Dropout disappears from every member, and what is left of the members disagrees with the count."""
    blocks = "block Stage(depth) = (dropout 0.5 -> conv2d 1x1 @in) times depth\n"
    done, net = built(spec("Stage(depth: 2) -> Stage(depth: 3)", blocks))
    deployed = for_inference(done)
    x = noise(2, 3, 32, 32)
    made = generated(deployed.text).from_training(net.state_dict()).double()
    assert torch.allclose(made(x), net(x), rtol=1e-4, atol=1e-5)

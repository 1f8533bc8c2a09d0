"""Where training takes two images: the sizes that are told are those at which PyTorch refuses a batch of one."""

from contextlib import nullcontext

import pytest
import torch

import incdsl
from incdsl.analysis.batch import two_images
from incdsl.runtime.load import load_text
from tests.nets import EXAMPLES, SPECS, compiled, net_of, spec

NORM = "the norm y_2"


def told(chain, shape="[3, 16, 16]"):
    return two_images(compiled(spec(chain, shape=shape)).lone_norms)


@pytest.mark.parametrize(
    ("chain", "shape", "words"),
    [
        ("conv2d 3x3/2 @4 half -> batchnorm", "[3, 16, 16]", f"N >= 2 while training at H, W <= 2 ({NORM})"),
        ("conv2d 3x3/2 @4 half -> batchnorm", "[3, H, W]", f"N >= 2 while training at H, W <= 2 ({NORM})"),
        ("conv2d 3x1/2x1 @4 half -> batchnorm", "[3, 16, 16]", f"N >= 2 while training at H <= 2, W <= 1 ({NORM})"),
        ("conv2d 3x3/2 @4 valid -> batchnorm", "[3, 16, 16]", f"N >= 2 while training at H, W <= 4 ({NORM})"),
        ("conv2d 16x16 @4 valid -> batchnorm", "[3, 16, 16]", f"N >= 2 while training at H, W <= 16 ({NORM})"),
        ("conv2d 2x2/2 @4 valid -> batchnorm -> conv2d 3x3 @4 valid", "[3, 16, 16]", ""),
        ("gap -> conv2d 1x1 @4 -> batchnorm", "[3, 16, 16]", f"N >= 2 while training ({NORM})"),
        ("linear @4 -> batchnorm", "[3]", f"N >= 2 while training ({NORM})"),
        ("gap -> linear @4 -> layernorm", "[3, 16, 16]", ""),
        ("conv2d 3x3/2 @4 half -> groupnorm 4", "[3, 16, 16]", f"N >= 2 at H, W <= 2 ({NORM})"),
        ("conv2d 3x3/2 @4 half -> groupnorm 2", "[3, 16, 16]", ""),
        ("linear @4 -> groupnorm 4", "[3]", f"N >= 2 ({NORM})"),
        (
            "conv2d 3x3/2 @4 half -> g: groupnorm 4 -> conv2d 3x3/2 @4 half -> b: batchnorm",
            "[3, 16, 16]",
            "N >= 2 at H, W <= 2 (the norm g); N >= 2 while training at H, W <= 4 (the norm b)",
        ),
        ("relu -> tanh", "[3, 16, 16]", ""),
    ],
)
def test_it_is_said_where_a_norm_sees_one_value(chain, shape, words):
    assert told(chain, shape) == words


def test_the_norm_that_is_alone_at_most_sizes_speaks_for_the_others():
    deeper = "conv2d 3x3/2 @4 half -> a: batchnorm -> conv2d 3x3/2 @4 half -> b: batchnorm"
    assert told(deeper) == "N >= 2 while training at H, W <= 4 (the norm b)"
    tall = "identity -> conv2d 2x1/4x1 @4 valid -> a: batchnorm -> adaptiveavgpool 1x1"
    wide = "identity -> conv2d 1x2/1x4 @4 valid -> b: batchnorm -> adaptiveavgpool 1x1"
    assert told(f"add {{ | {tall} | {wide} }}", "[3, 2, 2]") == ""
    tall, wide = tall.replace("2x1/4x1", "1x1/4x1"), wide.replace("1x2/1x4", "1x1/1x4")
    assert told(f"add {{ | {tall} | {wide} }}").partition(" (")[0].endswith("at H <= 4, W <= 1 or H <= 1, W <= 4")


def test_norms_of_heads_count_where_heads_train():
    (lone,) = net_of(SPECS / "v3.inc").lone_norms
    assert lone.path.startswith("AuxLogits")
    assert lone.most == {"H": 346, "W": 346}


@pytest.mark.parametrize(
    "path",
    [EXAMPLES / "se.inc", EXAMPLES / "aspp.inc", EXAMPLES / "digits" / "digits.inc", EXAMPLES / "preact_resnet.inc"],
    ids=lambda path: path.stem,
)
def test_pytorch_refuses_one_image_at_just_these_sizes(path):
    (lone,) = net_of(path).lone_norms
    net = net_of(path).net
    model = getattr(incdsl.load(path), net.name)().train()
    channels = next(iter(net.graph.shapes().values())).channels
    most = lone.most["H"]
    assert lone.most == {"H": most, "W": most}
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        model(torch.zeros(1, int(channels), most, most))
    model(torch.zeros(1, int(channels), most + 1, most))
    model(torch.zeros(1, int(channels), most, most + 1))
    model(torch.zeros(2, int(channels), most, most))


@pytest.mark.parametrize(("groups", "channels", "size"), [(4, 4, 1), (4, 4, 2), (2, 4, 1), (1, 1, 1)])
def test_pytorch_refuses_one_image_in_groups_of_one_channel_in_evaluation(groups, channels, size):
    done = compiled(spec(f"conv2d 1x1 @{channels} -> groupnorm {groups}", shape="[3, H, W]"))
    module = getattr(load_text(done.text, done.net.name), done.net.name)().eval()
    alone = any(lone.always and lone.at({"H": size, "W": size}) for lone in done.lone_norms)
    assert alone == (groups == channels and size == 1)
    with pytest.raises(ValueError, match="more than 1 value") if alone else nullcontext():
        module(torch.randn(1, 3, size, size))
    module(torch.randn(2, 3, size, size))

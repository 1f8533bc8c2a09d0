"""YOLOv3-tiny and the neck of YOLOv4 are what Darknet's layers say, walked one by one."""

import pytest
import torch
from torch.nn import functional as F

from incdsl.compiler import compile_net
from incdsl.source import Source
from tests.modules import assert_near, noise
from tests.nets import EXAMPLES, net_of
from tests.references import detfill
from tests.specs.replay import Replay
from tests.specs.test_examples import filled

# A convolution has filters and kernel; a pool has kernel and stride; a route names the layers that it joins.
LAYERS = [
    ("conv", 16, 3), ("pool", 2, 2), ("conv", 32, 3), ("pool", 2, 2), ("conv", 64, 3), ("pool", 2, 2),
    ("conv", 128, 3), ("pool", 2, 2), ("conv", 256, 3), ("pool", 2, 2), ("conv", 512, 3), ("pool", 2, 1),
    ("conv", 1024, 3), ("conv", 256, 1), ("conv", 512, 3), ("map", 255), ("yolo",),
    ("route", 13), ("conv", 128, 1), ("double",), ("route", 19, 8), ("conv", 256, 3), ("map", 255), ("yolo",),
]  # fmt: skip
WEIGHTS = 8_858_734
"""Numbers in the authors' file of weights; two for each norm, its mean and variance, are not learned."""

NECK = """inc 1
from "yolov4.inc" use Neck, conv
net YOLOv4 {
  input c3 [256, 16, 24]
  input c4 [512, 8, 12]
  input c5 [1024, 4, 6]
  n3, n4, n5 = (c3, c4, c5) -> neck: Neck(width: 128)
  output small = n3 -> head3.0: conv 3x3 @256 -> head3.1: conv2d 1x1 @255
  output medium = n4 -> head4.0: conv 3x3 @512 -> head4.1: conv2d 1x1 @255
  output large = n5 -> head5.0: conv 3x3 @1024 -> head5.1: conv2d 1x1 @255
}
"""
"""The neck at the width of the paper, and its heads."""
WEIGHTS_4 = 64_363_101 - 26_617_184
"""The parameters of YOLOv4 without those of its backbone, CSPDarknet53."""


class Darknet(Replay):
    """The layers as Darknet runs them, on the numbers of a state_dict."""

    def run(self, layer, earlier):
        """The output of one layer after those before it."""
        match layer:
            case ("conv", _, kernel):
                return self.leaky(earlier[-1], kernel)
            case ("map", _):
                return self.map(earlier[-1])
            case ("pool", kernel, stride):
                return pooled(earlier[-1], kernel, stride)
            case ("route", *layers):
                return torch.cat([earlier[i] for i in layers], 1)
            case ("double",):
                return doubled(earlier[-1])
            case ("yolo",):
                return earlier[-1]

    def leaky(self, x, kernel=1, stride=1):
        x = self.normed(x, stride, kernel // 2)
        return torch.where(x > 0, x, 0.1 * x)

    def map(self, x):
        weight, bias = self.take(), self.take()
        return F.conv2d(x, weight) + bias[:, None, None]

    def several(self, x, count):
        """Kernels of 1, 3, 1, ... in turn."""
        for i in range(count):
            x = self.leaky(x, 1 + 2 * (i % 2))
        return x


def doubled(x):
    return x.repeat_interleave(2, 2).repeat_interleave(2, 3)


def pooled(x, kernel, stride):
    """Windows that begin at each multiple of the stride, cut where the image ends."""
    rows, columns = (range(0, size, stride) for size in x.shape[2:])
    return torch.stack(
        [torch.stack([x[..., i : i + kernel, j : j + kernel].amax((2, 3)) for j in columns], -1) for i in rows], -2
    )


@pytest.fixture(scope="module")
def done():
    return net_of(EXAMPLES / "yolov3_tiny.inc")


def test_parameters(done):
    """Filters, and a scale and shift for each norm or a bias for each map."""
    channels, params, norms = [3], 0, 0
    for kind, *numbers in LAYERS:
        match kind:
            case "conv":
                params += numbers[0] * (channels[-1] * numbers[1] ** 2 + 2)
                norms += numbers[0]
            case "map":
                params += numbers[0] * (channels[-1] + 1)
            case "route":
                numbers = [sum(channels[i + 1] for i in numbers)]
        channels.append(numbers[0] if kind in ("conv", "map", "route") else channels[-1])
    assert done.cost.params == params == WEIGHTS - 2 * norms


@pytest.mark.parametrize("size", [(64, 96), (32, 32)])
def test_maps(done, size):
    net, image = filled(done), detfill.image((1, 3, *size))
    darknet, layers = Darknet(net.state_dict()), []
    with torch.no_grad():
        for layer in LAYERS:
            layers.append(darknet.run(layer, layers or [image]))
        large, small = net(image)
    assert darknet.done
    assert_near(large, layers[16], 1e-12)
    assert_near(small, layers[23], 1e-12)
    assert large.std() > 1e-3


def neck(net, c3, c4, c5):
    """The neck of YOLOv4 and its heads, in the order of our state_dict."""
    p5 = net.several(c5, 3)
    p5 = net.several(torch.cat([*(F.max_pool2d(p5, k, 1, k // 2) for k in (13, 9, 5)), p5], 1), 3)
    p4 = net.several(torch.cat([net.leaky(c4), doubled(net.leaky(p5))], 1), 5)
    n3 = net.several(torch.cat([net.leaky(c3), doubled(net.leaky(p4))], 1), 5)
    n4 = net.several(torch.cat([net.leaky(n3, 3, 2), p4], 1), 5)
    n5 = net.several(torch.cat([net.leaky(n4, 3, 2), p5], 1), 5)
    return [net.map(net.leaky(x, 3)) for x in (n3, n4, n5)]


def test_the_neck_of_yolov4():
    done = compile_net(Source("spec", NECK), root=EXAMPLES)
    assert done.cost.params == WEIGHTS_4
    net = filled(done)
    darknet = Darknet(net.state_dict())
    inputs = [noise(1, 256, 16, 24), noise(1, 512, 8, 12), noise(1, 1024, 4, 6)]
    with torch.no_grad():
        expected = neck(darknet, *inputs)
        found = net(*inputs)
    assert darknet.done
    for mine, its in zip(found, expected, strict=True):
        assert_near(mine, its, 1e-12)
        assert its.std() > 1e-3

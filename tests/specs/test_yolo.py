"""YOLOv3-tiny is what Darknet's layers say, walked one by one."""

import pytest
import torch
from torch.nn import functional as F

from tests.modules import assert_near
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


class Darknet(Replay):
    """The layers as Darknet runs them, on the numbers of a state_dict."""

    def run(self, layer, earlier):
        """The output of one layer after those before it."""
        match layer:
            case ("conv", _, kernel):
                x = self.normed(earlier[-1], padding=kernel // 2)
                return torch.where(x > 0, x, 0.1 * x)
            case ("map", _):
                weight, bias = self.take(), self.take()
                return F.conv2d(earlier[-1], weight) + bias[:, None, None]
            case ("pool", kernel, stride):
                return pooled(earlier[-1], kernel, stride)
            case ("route", *layers):
                return torch.cat([earlier[i] for i in layers], 1)
            case ("double",):
                return earlier[-1].repeat_interleave(2, 2).repeat_interleave(2, 3)
            case ("yolo",):
                return earlier[-1]


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

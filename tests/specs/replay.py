"""Networks written by hand, operation by operation, that take their numbers from a state_dict in its order.

They share nothing with the compiler: grouped convolutions are paths, split channels are chunks, gates are matrices.
"""

import torch
from torch.nn import functional as F


class Replay:
    """Plain operations in evaluation; each takes the next tensors of a state_dict."""

    def __init__(self, state):
        self._left = [tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")]

    def take(self):
        return self._left.pop(0)

    @property
    def done(self):
        """Whether every tensor was used."""
        return not self._left

    def conv(self, x, stride=1, padding=0):
        return F.conv2d(x, self.take(), stride=stride, padding=padding)

    def paths(self, x, count, stride):
        """A 3x3 convolution in paths that do not see each other."""
        pairs = zip(x.chunk(count, 1), self.take().chunk(count, 0), strict=True)
        return torch.cat([F.conv2d(part, weight, stride=stride, padding=1) for part, weight in pairs], 1)

    def depthwise(self, x, stride):
        return self.norm(self.paths(x, x.shape[1], stride))

    def norm(self, x):
        weight, bias, mean, variance = (self.take()[:, None, None] for _ in range(4))
        return (x - mean) / torch.sqrt(variance + 1e-5) * weight + bias

    def normed(self, x, stride=1, padding=0):
        return self.norm(self.conv(x, stride, padding))

    def active(self, x, stride=1, padding=0):
        return self.normed(x, stride, padding).clamp(min=0)

    def matrix(self, x):
        """A linear layer, or a 1x1 convolution of one position."""
        weight, bias = self.take(), self.take()
        return x @ weight.flatten(1).T + bias


def mean(x):
    return x.mean((2, 3))


def pooled(x):
    return F.max_pool2d(x, 3, 2, 1)


def se(net, x):
    x = net.active(x, padding=1)
    for stride in (1, 1, 2, 1):
        y = net.active(x, stride, padding=1)
        y = net.normed(y, padding=1)
        factors = net.matrix(mean(y)).clamp(min=0)
        y = y * torch.sigmoid(net.matrix(factors))[:, :, None, None]
        skip = x if x.shape == y.shape else net.normed(x, stride)
        x = (y + skip).clamp(min=0)
    return net.matrix(mean(x))


def resnext(net, x):
    x = pooled(net.active(x, 2, 3))
    for stride in (1, 1, 2, 1):
        y = net.active(x)
        y = net.norm(net.paths(y, 32, stride)).clamp(min=0)
        y = net.normed(y)
        skip = x if x.shape == y.shape else net.normed(x, stride)
        x = (y + skip).clamp(min=0)
    return net.matrix(mean(x))


def shufflenet(net, x):
    x = pooled(net.active(x, 2, 1))
    for repeats in (3, 7, 3):
        left = net.active(net.depthwise(x, 2))
        right = net.active(net.depthwise(net.active(x), 2))
        x = dealt(left, right)
        for _ in range(repeats):
            left, right = x.chunk(2, 1)
            x = dealt(left, net.active(net.depthwise(net.active(right), 1)))
    return net.matrix(mean(net.active(x)))


def dealt(left, right):
    """Channels of two images in turn."""
    return torch.stack([left, right], 2).flatten(1, 2)


def densenet(net, x):
    x = pooled(net.active(x, 2, 3))
    for layers in (6, 12, 24, 16):
        found = [x]
        for _ in range(layers):
            y = net.norm(torch.cat(found, 1)).clamp(min=0)
            y = net.norm(net.conv(y)).clamp(min=0)
            found.append(net.conv(y, padding=1))
        x = torch.cat(found, 1)
        if layers != 16:
            x = F.avg_pool2d(net.conv(net.norm(x).clamp(min=0)), 2)
    return net.matrix(mean(net.norm(x).clamp(min=0)))


REPLAYS = {"se": se, "resnext": resnext, "shufflenet_v2": shufflenet, "densenet": densenet}

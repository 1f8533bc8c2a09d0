"""Random layers: a convolution with everything that the kernel has to cope with, compared with exact numbers."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from incdsl.runtime.kernels.blocking import Blocking
from incdsl.runtime.kernels.bounds import error_bound
from incdsl.runtime.kernels.convolve import convolve
from incdsl.runtime.kernels.weights import PackedFilters, pack
from incdsl.winograd import Scheme, schemes

CANARY = 12345.0
"""What stands beside an output, and must still be there."""
LAYOUTS = ("channels_last", "channel range", "crop", "contiguous")


@dataclass(frozen=True)
class RandomLayer:
    """What is drawn of a layer."""

    scheme: Scheme
    dtype: torch.dtype
    batch: int
    channels: int
    filters: int
    size: tuple[int, int]
    padding: tuple[int, int]
    layout: str
    into_range: bool
    bias: bool
    active: int
    blocking: Blocking | None
    seed: int


def draw(choices: random.Random, *, higher_order: bool = True) -> RandomLayer:
    """Sizes from 1 to 70 and channels from 1 to 200, small ones more often; each has an output."""
    scheme = choices.choice(schemes(higher_order=higher_order))
    padding = tuple(choices.randint(0, taps) if taps > 1 else 0 for taps in scheme.taps)
    least = [max(1, taps - 2 * around) for taps, around in zip(scheme.taps, padding, strict=True)]
    filters = _small(choices, 1, 200)
    cut = Blocking(choices.randint(1, 40), choices.randint(1, 8), choices.randint(0, 1))
    return RandomLayer(
        scheme=scheme,
        dtype=choices.choice((torch.float32, torch.float64)),
        batch=choices.choice((0, 1, 1, 2, 3)),
        channels=_small(choices, 1, 200),
        filters=filters,
        size=(_small(choices, least[0], 70), _small(choices, least[1], 70)),
        padding=padding,
        layout=choices.choice(LAYOUTS),
        into_range=choices.random() < 0.5,
        bias=choices.random() < 0.7,
        active=choices.choice((0, filters, choices.randint(0, filters))),
        blocking=choices.choice((None, cut)),
        seed=choices.getrandbits(32),
    )


def check(layer: RandomLayer) -> float:
    """Run it; the largest error over its bound.

    Raises:
        AssertionError: if an output is farther from the exact one than its bound, or if something else was written.
    """
    generator = torch.Generator().manual_seed(layer.seed)
    exact_image = _short(generator, layer.batch, layer.channels, *layer.size)
    exact_weight = _short(generator, layer.filters, layer.channels, *layer.scheme.taps)
    exact_bias = _short(generator, layer.filters) if layer.bias else None
    weight, bias = exact_weight.to(layer.dtype), None if exact_bias is None else exact_bias.to(layer.dtype)
    image = laid_out(exact_image.to(layer.dtype), layer.layout)
    with torch.no_grad():
        expected = F.conv2d(exact_image, exact_weight, exact_bias, padding=layer.padding)
        expected[:, : layer.active].relu_()
        found = run(layer, image, pack(weight, bias, layer.scheme, layer.active), expected.shape)
    assert found.shape == expected.shape
    if not expected.numel():
        return 0.0
    bound = error_bound(weight, bias, layer.scheme, float(image.abs().max()))
    worst = float(((found.double() - expected).abs().amax((0, 2, 3)) / bound).nan_to_num(0, torch.inf).max())
    assert worst <= 1, f"{worst} of its bound: {layer}"
    return worst


def run(layer: RandomLayer, image: Tensor, packed: PackedFilters, shape: torch.Size) -> Tensor:
    """Its output, which may be a range of a wider one; then the rest of that must be as it was."""
    if not layer.into_range:
        return convolve(image, packed, layer.padding, blocking=layer.blocking)
    batch, filters, height, width = shape
    around = torch.full((batch, filters + 8, height, width), CANARY, dtype=layer.dtype)
    around = around.contiguous(memory_format=torch.channels_last)
    convolve(image, packed, layer.padding, out=around[:, 3 : 3 + filters], blocking=layer.blocking)
    assert (around[:, :3] == CANARY).all(), layer
    assert (around[:, 3 + filters :] == CANARY).all(), layer
    return around[:, 3 : 3 + filters]


def laid_out(image: Tensor, layout: str) -> Tensor:
    """The same image in other memory; what lies beside it is not a number."""
    if layout == "contiguous":
        return image
    if layout == "channels_last":
        return image.contiguous(memory_format=torch.channels_last)
    batch, channels, height, width = image.shape
    wide, tall = (7, 0) if layout == "channel range" else (0, 2)
    around = torch.full((batch, channels + wide, height + tall, width + tall), torch.nan, dtype=image.dtype)
    around = around.contiguous(memory_format=torch.channels_last)
    part = around[:, wide // 2 : wide // 2 + channels, tall // 2 : tall // 2 + height, tall // 2 : tall // 2 + width]
    return part.copy_(image)


def _small(choices: random.Random, least: int, most: int) -> int:
    """Every number, small ones more often."""
    return round(least * (most / least) ** choices.random())


def _short(generator: torch.Generator, *shape: int) -> Tensor:
    """Normal numbers of few bits: float64 holds the sums of their products exactly."""
    return torch.round(torch.randn(*shape, generator=generator, dtype=torch.float64) * 128) / 128

"""Images to measure with, and how far one result is from another."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def images(shape: tuple[int, int, int], count: int, seed: int) -> Tensor:
    """Random images [count, C, H, W] in float32: smooth patterns under noise, each of its own contrast and colour.

    Noise alone gives all images nearly the same logits, and a result of another image would pass for the right one.
    """
    channels, height, width = shape
    generator = torch.Generator().manual_seed(seed)

    def noise(*sizes: int) -> Tensor:
        return torch.randn(count, *sizes, generator=generator)

    patterns = F.interpolate(noise(channels, 5, 5), (height, width), mode="bilinear")
    return noise(1, 1, 1).exp() * patterns + noise(channels, 1, 1) + 0.3 * noise(channels, height, width)


def distance(actual: Tensor, expected: Tensor) -> float:
    """The distance of two results in float64, relative to the norm of the expected one; infinite if shapes differ."""
    if actual.shape != expected.shape:
        return float("inf")
    expected = expected.double()
    return float((actual.double() - expected).norm() / expected.norm())

"""How much faster a scheme may be than the convolution, roughly: enough to choose one without measuring."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from incdsl.winograd.scheme import Scheme

WORTH = 1.2
"""How many times faster than the convolution a scheme must promise to be."""
_TRANSFORM = 10
"""Multiplications that could be made while a number of a tile is transformed: read, added up a few times, written."""
_FILTER = 12
"""Multiplications that could be made while a number of a filter comes from memory."""


def gain(scheme: Scheme, channels: int, filters: int, grid: Sequence[int] | None, batch: int = 1) -> float:
    """How many times faster than the convolution the scheme may be.

    Both are taken to be limited by multiplications, by the numbers of filters that have to be read, whatever the size
    of the image, and for the scheme by the transforms, which few channels do not outweigh. The two constants are from
    measurements of the layers of Inception-v3 on one processor (docs/accuracy.md).

    Args:
        scheme: what computes it.
        channels: input channels.
        filters: output channels.
        grid: height and width of the output; None where nobody knows, and it is taken to be large.
        batch: images at a time.
    """
    products, transformed = channels * filters, _TRANSFORM * (channels + filters)
    if grid is None:
        pixels, tiles, read = float(prod(scheme.outputs)), 1.0, 0.0
    else:
        steps = zip(grid, scheme.outputs, strict=True)
        pixels, tiles, read = batch * prod(grid), batch * prod(-(-size // step) for size, step in steps), _FILTER
    plain = prod(scheme.taps) * products * (pixels + read)
    return plain / (scheme.size * (tiles * (products + transformed) + read * products))

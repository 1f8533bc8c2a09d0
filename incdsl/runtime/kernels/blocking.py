"""How the work of one layer is cut up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from incdsl.winograd import Scheme


class Blocking(NamedTuple):
    """Sizes of what is in the cache at a time; results do not depend on them, to the last bit."""

    tiles: int
    """Tiles that are transformed before they are multiplied."""
    panels: int
    """Panels of filters that are multiplied before their tiles are finished."""
    share_filters: int
    """1 if threads share the filters, not the tiles: each reads the whole image and its part of the filters."""


def blocking_for(scheme: Scheme, out_shape: Sequence[int], panel: int) -> Blocking:
    """What is good for most layers; `out_shape` is `[N, K, H′, W′]`.

    Filters are shared if there are more of them than tiles: then it takes longer to read them than to transform the
    tiles once for each thread.
    """
    batch, out_channels, height, width = out_shape
    tiles = batch * -(-height // scheme.outputs[0]) * -(-width // scheme.outputs[1])
    return Blocking(tiles=28, panels=max(1, 192 // panel), share_filters=int(tiles < out_channels))

"""How the work of one layer is cut up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from incdsl.winograd.scheme import Scheme

_FEW_TILES = 6


class Blocking(NamedTuple):
    """Sizes of what is in the cache at a time; results do not depend on them, to the last bit."""

    tiles: int
    """Tiles that are transformed before they are multiplied."""
    panels: int
    """Panels of filters that are multiplied before their tiles are finished."""
    share_filters: int
    """1 if threads share the filters, not the tiles: each reads the whole image and its part of the filters."""


def blocking_for(scheme: Scheme, out_shape: Sequence[int], panel: int, threads: int) -> Blocking:
    """What is good for most layers; `out_shape` is `[N, K, H′, W′]`.

    A thread that has few tiles reads all filters for little work, so where there are too few for all of them, threads
    share the filters.
    """
    batch, _, height, width = out_shape
    tiles = batch * -(-height // scheme.outputs[0]) * -(-width // scheme.outputs[1])
    return Blocking(tiles=28, panels=max(1, 192 // panel), share_filters=int(tiles < _FEW_TILES * threads))

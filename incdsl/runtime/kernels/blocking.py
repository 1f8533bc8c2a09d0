"""How the work of one layer is cut up."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from incdsl.winograd.scheme import Scheme

_FEW_TILES = 6
_TILES = (14, 28)
_FILTERS = (96, 192, 384)


class Blocking(NamedTuple):
    """Sizes of what is in the cache at a time; results do not depend on them, to the last bit."""

    tiles: int
    """Tiles that are transformed before they are multiplied."""
    panels: int
    """Panels of filters that are multiplied before their tiles are finished."""
    share_filters: int
    """1 if threads share the filters, not the tiles: each reads the whole image and its part of the filters."""


def blockings(panel: int) -> tuple[Blocking, ...]:
    """What may be faster for a layer than the rule below, for panels of so many filters."""
    panels = dict.fromkeys(max(1, filters // panel) for filters in _FILTERS)
    return tuple(Blocking(*each) for each in product(_TILES, panels, (0, 1)))


def blocking_for(scheme: Scheme, out_shape: Sequence[int], panel: int, threads: int) -> Blocking:
    """What is good for most layers; `out_shape` is `[N, K, H′, W′]`.

    A thread that has few tiles reads all filters for little work, so where there are too few for all of them, threads
    share the filters.
    """
    batch, _, height, width = out_shape
    tiles = batch * -(-height // scheme.outputs[0]) * -(-width // scheme.outputs[1])
    return Blocking(tiles=14, panels=max(1, 192 // panel), share_filters=int(tiles < _FEW_TILES * threads))

"""Sizes of a net as a page can compute them: extents as functions, and which sizes are legal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from incdsl.analysis.sizes import SizeSet
from incdsl.frontend import NetAnalysis
from incdsl.values import Extent, Image
from incdsl.values.extent import Minimum

_USUAL = 224
"""The size at which a net is shown that states none."""
_FACTOR = 5 / 3
"""How far the ruler reaches beyond the nominal size."""


def function(extent: Extent) -> Any:
    """An extent for a script: a number, or `[base, scale, offset, divisor]`.

    A base is the name of an axis, such a function, or `{"min": [one, other]}`.
    """
    if extent.base is None:
        return extent.offset
    base: Any = extent.base
    if isinstance(base, Minimum):
        base = {"min": [function(base.left), function(base.right)]}
    elif isinstance(base, Extent):
        base = function(base)
    return [base, extent.scale, extent.offset, extent.divisor]


def ruler(found: NetAnalysis) -> dict[str, Any] | None:
    """The sizes of the input that a page offers, all axes alike: the nominal one, how far the ruler goes, which sizes
    run and which train; nothing for a net that takes no image, or is not complete."""
    nominal, sizes = found.net.conditions.nominal, found.sizes
    if not nominal or sizes is None:
        return None
    runs, trains = list(sizes.evaluation.values()), list(sizes.training.values())
    known = [size for size in nominal.values() if size is not None]
    size = max(known) if known else _nearest(runs)
    if size is None:
        return None
    most = max(int(size * _FACTOR), size + 8)
    return {
        "axes": dict.fromkeys(nominal, size) | {axis: given for axis, given in nominal.items() if given is not None},
        "most": most,
        "runs": list(_spans(runs, most)),
        "trains": list(_spans(trains, most)),
        "says": {axis: str(legal) for axis, legal in sizes.evaluation.items()},
        "last": _last_grid(found),
    }


def _nearest(sets: list[SizeSet]) -> int | None:
    """The legal size next to the usual one."""
    for distance in range(4 * _USUAL):
        for size in (_USUAL + distance, _USUAL - distance):
            if size > 0 and all(size in each for each in sets):
                return size
    return None


def _spans(sets: list[SizeSet], most: int) -> Iterator[list[int]]:
    """Runs of sizes that are legal on every axis."""
    start = None
    for size in range(1, most + 2):
        is_legal = size <= most and all(size in each for each in sets)
        if is_legal and start is None:
            start = size
        elif not is_legal and start is not None:
            yield [start, size - 1]
            start = None


def _last_grid(found: NetAnalysis) -> str:
    """The last node of the deployed net whose height follows the size of the input; empty if there is none."""
    graph = found.net.graph
    needed = graph.needed_by(list(graph.outputs.values()))
    shapes = graph.shapes()
    last = ""
    for node in graph:
        shape = shapes[node.name]
        if node.name in needed and isinstance(shape, Image) and not shape.height.is_fixed:
            last = node.name
    return last

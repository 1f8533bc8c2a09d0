"""What is compared between nets, in numbers: cost, memory, depth, reach, and the narrowest point."""

from __future__ import annotations

from dataclasses import dataclass

from incdsl.analysis.bottleneck import Narrowest, narrowest
from incdsl.analysis.cost import Cost, receptive_fields
from incdsl.analysis.depth import convolutions, depth
from incdsl.analysis.memory import Peak, peak
from incdsl.analysis.table import shape_text
from incdsl.ir.net import Net


@dataclass(frozen=True, slots=True)
class Profile:
    """One net at its nominal size and batch 1, in evaluation; what depends on a size that is free is nothing.

    `outputs` are shapes, `activations` counts the numbers of all values, `peak` those that live at once, and `field`
    is the receptive field, height and width, in pixels of the input: that of the outputs, or of the last values
    before the whole input is seen.
    """

    outputs: tuple[str, ...]
    params: int
    train_params: int
    macs: int | None
    activations: int | None
    peak: Peak | None
    field: tuple[int, int]
    depth: int
    convolutions: int
    narrowest: Narrowest | None


def profile(net: Net, cost: Cost) -> Profile:
    """Measure a net."""
    graph = net.graph
    shapes = graph.shapes()
    each = [row.activations for row in cost.nodes if row.deployed]
    return Profile(
        outputs=tuple(shape_text(net, shapes[name]) for name in graph.outputs.values()),
        params=cost.deployed_params,
        train_params=cost.params,
        macs=cost.macs,
        activations=None if cost.macs is None else sum(number or 0 for number in each),
        peak=peak(net),
        field=_field(net),
        depth=depth(graph),
        convolutions=convolutions(graph),
        narrowest=narrowest(net),
    )


def _field(net: Net) -> tuple[int, int]:
    """The largest receptive field of a deployed value that does not see the whole input by its nature."""
    graph = net.graph
    fields = receptive_fields(graph)
    deployed = graph.needed_by(list(graph.outputs.values()))
    height, width = ([fields[name][axis].size for name in deployed] for axis in (0, 1))
    return max(n for n in height if n is not None), max(n for n in width if n is not None)

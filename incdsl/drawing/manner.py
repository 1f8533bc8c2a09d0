"""How a figure is drawn, and how much room a thing of it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from incdsl.drawing import measures as m
from incdsl.drawing.heat import Heat


class Extent(NamedTuple):
    """How far a thing reaches left and right of its line, and its height; `start` and `end` are its boxes alone."""

    left: float
    right: float
    height: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Manner:
    """How a figure is drawn: a net has more air than a block, and its shapes are whole."""

    is_net: bool
    depth: int = 0
    """So many levels of blocks are opened."""
    heat: Heat | None = None
    names: bool = False
    """Whether rails are named."""

    def inside(self) -> Manner:
        """The manner of what stands inside a panel."""
        return Manner(False, self.depth - 1, self.heat)

    def of_rails(self) -> Manner:
        """The manner of what stands on rails."""
        return Manner(False, self.depth, self.heat)

    @property
    def gap(self) -> float:
        """Between the steps of a chain."""
        return m.GAP_OF_NETS if self.is_net else m.GAP_OF_STEPS

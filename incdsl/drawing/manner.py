"""How a figure is drawn, and how much room a thing of it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from incdsl.drawing import measures as m
from incdsl.drawing.heat import Heat
from incdsl.drawing.picture import Block


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
    opened: frozenset[str] = frozenset()
    """The paths of blocks that are opened besides."""
    dense: bool = False
    """Whether the steps of a net stand as close as those of a block."""

    def opens(self, block: Block) -> bool:
        """Whether a block is drawn with its inside; an auxiliary head only if it is asked for by name."""
        deep = self.depth > 0 and not block.head
        return (deep or block.path in self.opened) and block.inside is not None

    def inside(self) -> Manner:
        """The manner of what stands inside a panel."""
        return Manner(False, self.depth - 1, self.heat, opened=self.opened)

    def of_head(self) -> Manner:
        """The manner of an auxiliary head."""
        return Manner(True, opened=self.opened)

    def of_rails(self) -> Manner:
        """The manner of what stands on rails."""
        return Manner(False, self.depth, self.heat, opened=self.opened)

    @property
    def gap(self) -> float:
        """Between the steps of a chain."""
        return m.GAP_OF_NETS if self.is_net and not self.dense else m.GAP_OF_STEPS

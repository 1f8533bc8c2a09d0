"""What the size of the input has to meet, gathered while the net is built."""

from __future__ import annotations

from dataclasses import dataclass, field

from incdsl.ops import Demand
from incdsl.source import Span
from incdsl.values import Extent, Image, Shape


@dataclass(frozen=True, slots=True)
class Place:
    """Where a condition comes from."""

    span: Span
    path: str


@dataclass(frozen=True, slots=True)
class Equal:
    """Two rails end alike along one axis."""

    left: Extent
    right: Extent


@dataclass(eq=False)
class Conditions:
    """All conditions of one net; `nominal` gives each input axis its size, or nothing where the spec leaves it free.

    Conditions that hold for every size are not kept. `training` marks those of auxiliary heads.
    """

    nominal: dict[str, int | None] = field(default_factory=dict)
    positive: dict[Extent, Place] = field(default_factory=dict)
    training_positive: dict[Extent, Place] = field(default_factory=dict)
    demands: list[tuple[Demand, Place, bool]] = field(default_factory=list)
    equal: dict[Equal, tuple[Place, bool]] = field(default_factory=dict)
    in_head: bool = False

    def size(self, extent: Extent) -> int | None:
        """The extent at the nominal size, if it has one."""
        if extent.axis is None:
            return extent.offset
        size = self.nominal[extent.axis]
        return None if size is None else extent.at(size)

    def show(self, shape: Shape) -> str:
        """The shape in numbers, with expressions where a size is free."""
        if not isinstance(shape, Image):
            return f"[{int(shape.channels)}]"
        height, width = (self.size(e) for e in (shape.height, shape.width))
        left = shape.height if height is None else height
        right = shape.width if width is None else width
        return f"[{int(shape.channels)}, {left}, {right}]"

    def keep_positive(self, extent: Extent, place: Place) -> bool:
        """Require an extent to be at least 1; whether it is, as far as the nominal size tells."""
        size = self.size(extent)
        if not extent.is_fixed and extent not in self.positive:
            (self.training_positive if self.in_head else self.positive).setdefault(extent, place)
        return size is None or size >= 1

    def keep_equal(self, left: Extent, right: Extent, place: Place) -> None:
        """Require two extents to be the same."""
        if left != right:
            self.equal.setdefault(Equal(left, right), (place, self.in_head))

    def keep_demand(self, demand: Demand, place: Place) -> bool:
        """Require what a shape rule asks for; whether it is met, as far as the nominal size tells."""
        size = self.size(demand.extent)
        self.demands.append((demand, place, self.in_head))
        if demand.multiple > 1:
            whole = demand.extent.floor_affine(1, 0, demand.multiple).floor_affine(demand.multiple, 0, 1)
            self.keep_equal(demand.extent, whole, place)
        return size is None or demand.holds(size)

"""Shapes of values, without the batch: an image `[C, H, W]` or a vector `[C]`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from incdsl.values.extent import Extent
from incdsl.values.num import expression


@dataclass(frozen=True, slots=True)
class Image:
    """`[channels, height, width]`."""

    channels: int
    height: Extent
    width: Extent

    def with_channels(self, channels: int) -> Image:
        """The same extents with another number of channels."""
        return Image(channels, self.height, self.width)

    def at(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """Plain numbers for given sizes of the input's axes."""
        return int(self.channels), self.height.within(sizes), self.width.within(sizes)

    def __str__(self) -> str:
        return f"[{expression(self.channels)}, {self.height}, {self.width}]"


@dataclass(frozen=True, slots=True)
class Vector:
    """`[channels]`."""

    channels: int

    def with_channels(self, channels: int) -> Vector:
        """A vector of another length."""
        return Vector(channels)

    def at(self, sizes: Mapping[str, int]) -> tuple[int, ...]:
        """Plain numbers."""
        return (int(self.channels),)

    def __str__(self) -> str:
        return f"[{expression(self.channels)}]"


Shape: TypeAlias = Image | Vector

"""The schemes that there is a kernel for: F(m, r) of both axes, or of one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property

from incdsl.winograd.axis import Axis, paired


@dataclass(frozen=True)
class Scheme:
    """A tile of outputs of a convolution with stride 1: F(m, r) along the height, then along the width.

    The two-dimensional identity is the one-dimensional one, applied to the columns of a tile and then to its rows.
    """

    vertical: Axis
    horizontal: Axis

    def __str__(self) -> str:
        return self.name

    @cached_property
    def name(self) -> str:
        """`F(4x4,3x3)`: outputs and taps, height before width."""
        return f"F({self.outputs[0]}x{self.outputs[1]},{self.taps[0]}x{self.taps[1]})"

    @property
    def outputs(self) -> tuple[int, int]:
        """Height and width of what a tile gives."""
        return self.vertical.outputs, self.horizontal.outputs

    @property
    def taps(self) -> tuple[int, int]:
        """Height and width of the filters."""
        return self.vertical.taps, self.horizontal.taps

    @property
    def size(self) -> int:
        """Multiplications of a tile, for each input and output channel; also the numbers of a transformed filter."""
        return self.vertical.size * self.horizontal.size

    @property
    def saving(self) -> Fraction:
        """How many times fewer multiplications it takes than the filter written out."""
        (height, width), (rows, columns) = self.outputs, self.taps
        return Fraction(height * width * rows * columns, self.size)


_ALONE = Axis(1, 1, ())
_F23 = paired(2, 3, "1")
_F43 = paired(4, 3, "3/4", "3/2")  # half the error of ±1, ±2
_F45 = paired(4, 5, "1/2", "1", "2")
_F47 = paired(4, 7, "1/2", "3/4", "5/4", "3")
_F63 = paired(6, 3, "1/2", "1", "2")
_F67 = paired(6, 7, "1/2", "3/4", "1", "3/2", "2")

_STANDARD = (
    Scheme(_F23, _F23),
    Scheme(_F43, _F43),
    Scheme(_F45, _F45),
    Scheme(_ALONE, _F47),
    Scheme(_F47, _ALONE),
    Scheme(_ALONE, _F43),
    Scheme(_F43, _ALONE),
)
_HIGHER_ORDER = (Scheme(_F63, _F63), Scheme(_ALONE, _F67), Scheme(_F67, _ALONE))


def schemes(*, higher_order: bool = False) -> tuple[Scheme, ...]:
    """All schemes; those with larger tiles, which lose more digits, only if they are asked for."""
    return (*_STANDARD, *_HIGHER_ORDER) if higher_order else _STANDARD


@cache
def scheme_named(name: str) -> Scheme:
    """The scheme that is written like this, `F(4x4,3x3)`.

    Raises:
        ValueError: if there is none.
    """
    for scheme in schemes(higher_order=True):
        if scheme.name == name:
            return scheme
    raise ValueError(f"there is no scheme {name}")

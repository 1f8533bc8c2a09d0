"""Extents: the height or width of a value, as an exact function of the size of the input.

Almost every extent of a convolutional network is `(scale·H + offset) // stride`, and windows keep that form
(`((H + a) // s + b) // t = (H + a + b·s) // (s·t)`), so equal functions are equal objects. A pool whose last window
would start outside its input takes the smaller of two such functions, and enlarging a strided map multiplies one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import gcd, lcm

from incdsl.values.num import TooComplicated

MAX_DEPTH = 100


@dataclass(frozen=True)
class Extent:
    """`(scale · base + offset) // divisor`; without a base, the constant `offset`.

    The base is the name of an input axis, or a `Minimum` of two extents, or another extent that had to be multiplied.
    """

    base: str | Minimum | Extent | None
    scale: int
    offset: int
    divisor: int
    axis: str | None = field(init=False, compare=False, repr=False)
    """The input axis that it depends on, if any."""
    depth: int = field(init=False, compare=False, repr=False)
    """How many roundings stand inside one another that could not be joined into one."""
    _known: dict[int, int] = field(init=False, compare=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        base = self.base
        plain = base is None or isinstance(base, str)
        object.__setattr__(self, "axis", base if plain else base.axis)  # type: ignore[union-attr]
        object.__setattr__(self, "depth", 0 if plain else base.depth + 1)  # type: ignore[union-attr]

    @staticmethod
    def of(name: str) -> Extent:
        """The extent of an input axis."""
        return Extent(name, 1, 0, 1)

    @staticmethod
    def fixed(size: int) -> Extent:
        """An extent that does not depend on the input."""
        return Extent(None, 0, int(size), 1)

    @property
    def is_fixed(self) -> bool:
        """Whether it does not depend on the input."""
        return self.base is None

    @property
    def is_axis(self) -> bool:
        """Whether it is the size of an input as it stands."""
        return self.divisor == 1 and self.scale == 1 and self.offset == 0 and isinstance(self.base, str)

    def floor_affine(self, scale: int, offset: int, divisor: int) -> Extent:
        """`(scale · self + offset) // divisor`."""
        if scale == divisor == 1 and not offset:
            return self
        if self.base is None:
            return Extent.fixed((scale * self.offset + offset) // divisor)
        if scale != 1 and self.divisor != 1:
            return _reduced(self, scale, offset, divisor)
        return _reduced(
            self.base, scale * self.scale, scale * self.offset + offset * self.divisor, divisor * self.divisor
        )

    def after(self, inner: Extent) -> Extent:
        """The same function, applied to an extent in place of the input's."""
        if self.base is None:
            return self
        base = inner if isinstance(self.base, str) else self.base.after(inner)
        return base.floor_affine(self.scale, self.offset, self.divisor)

    def window(self, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1, ceil: bool = False) -> Extent:
        """The number of positions of a sliding window, by PyTorch's rules.

        Convolutions and floor pools: `(n + 2p − d(k−1) − 1) // s + 1`. With `ceil` the division rounds up, except that
        the last window must start inside the input or its left padding (pytorch `aten/src/ATen/native/Pool.h`).
        A result below 1 means that the window does not fit.
        """
        span = int(dilation) * (int(kernel) - 1) + 1
        kernel, stride, padding = int(kernel), int(stride), int(padding)
        if not ceil:
            return self.floor_affine(1, 2 * padding - span + stride, stride)
        rounded_up = self.floor_affine(1, 2 * padding - span + 2 * stride - 1, stride)
        starts_inside = self.floor_affine(1, padding - 1 + stride, stride)
        if padding - span + stride <= 0:
            return rounded_up
        return smaller(rounded_up, starts_inside)

    def within(self, sizes: Mapping[str, int]) -> int:
        """The extent for given sizes of all input axes."""
        return self.offset if self.axis is None else self.at(sizes[self.axis])

    def at(self, size: int) -> int:
        """The extent for one size of its input axis."""
        if self.base is None:
            return self.offset
        if isinstance(self.base, str):
            return (self.scale * size + self.offset) // self.divisor
        known = self._known.get(size)
        if known is None:
            known = (self.scale * self.base.at(size) + self.offset) // self.divisor
            self._known[size] = known
        return known

    @cached_property
    def slope(self) -> Fraction:
        """Growth per unit of the input's size, in the long run."""
        if self.base is None:
            return Fraction(0)
        inner = Fraction(1) if isinstance(self.base, str) else self.base.slope
        return inner * self.scale / self.divisor

    @cached_property
    def period(self) -> int:
        """`at(n + period) == at(n) + period · slope` for every n."""
        if self.base is None:
            return 1
        inner = 1 if isinstance(self.base, str) else self.base.period
        growth = 1 if isinstance(self.base, str) else int(self.base.slope * inner)
        return inner * (self.divisor // gcd(self.divisor, self.scale * growth))

    def show(self) -> str:
        """Python source over the names of the input axes."""
        if self.base is None:
            return str(self.offset)
        if isinstance(self.base, str):
            text, simple = self.base, True
        else:
            text, simple = self.base.show(), isinstance(self.base, Minimum)
        if self.scale != 1:
            text, simple = f"{self.scale} * {text if simple else f'({text})'}", False
        if self.offset:
            text, simple = f"{text} {'+' if self.offset > 0 else '-'} {abs(self.offset)}", False
        if self.divisor != 1:
            text = f"{text if simple else f'({text})'} // {self.divisor}"
        return text

    def __str__(self) -> str:
        return self.show()


def _reduced(base: str | Minimum | Extent, scale: int, offset: int, divisor: int) -> Extent:
    common = gcd(scale, divisor)
    scale, offset, divisor = scale // common, offset // common, divisor // common
    if scale == divisor == 1 and isinstance(base, Extent):
        return base.floor_affine(1, offset, 1)
    result = Extent(base, scale, offset, divisor)
    if result.depth > MAX_DEPTH:
        raise TooComplicated("too many enlargements and reductions follow one another")
    return result


@dataclass(frozen=True)
class Minimum:
    """The smaller of two extents."""

    left: Extent
    right: Extent

    def after(self, inner: Extent) -> Extent:
        """The same function, applied to an extent in place of the input's."""
        return smaller(self.left.after(inner), self.right.after(inner))

    def at(self, size: int) -> int:
        """The smaller value for one size of the input."""
        return min(self.left.at(size), self.right.at(size))

    @property
    def slope(self) -> Fraction:
        """Both sides come from one window, and grow alike."""
        return self.left.slope

    @property
    def period(self) -> int:
        """A period of both sides."""
        return lcm(self.left.period, self.right.period)

    @property
    def depth(self) -> int:
        """One more than the deeper side."""
        return max(self.left.depth, self.right.depth) + 1

    @property
    def axis(self) -> str | None:
        """The input axis that both sides depend on."""
        return self.left.axis

    def show(self) -> str:
        """Python source."""
        return f"min({self.left.show()}, {self.right.show()})"


def smaller(left: Extent, right: Extent) -> Extent:
    """The smaller of two extents that come from one window: both are fixed, or neither is."""
    if left.is_fixed:
        return left if left.offset <= right.offset else right
    return left if left == right else Extent(Minimum(left, right), 1, 0, 1)

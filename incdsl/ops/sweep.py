"""How an op sweeps an axis: windows, and how much of its input one value sees."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple, Protocol

from incdsl.values import Extent


class Reach(NamedTuple):
    """How one axis of an output looks at the input.

    One value sees `size` cells, None for all of them; neighbours look `step` cells apart. On a grid that is finer than
    the input's both are fractions, and the whole cells of the sum over a chain of ops are what is seen.
    """

    size: Fraction | None = Fraction(1)
    step: Fraction = Fraction(1)


SAME = (Reach(), Reach())
"""Of ops that look at each position by itself."""
EVERYTHING = (Reach(None), Reach(None))
"""Of ops whose values depend on the whole image."""


class Sweep(Protocol):
    """How one axis is swept, as receptive fields, shape rules and people who read a diagnostic want to know it."""

    @property
    def span(self) -> int:
        """Cells from the first to the last one of a window."""

    @property
    def reach(self) -> Reach:
        """How the output looks at the input."""

    def over(self, extent: Extent) -> Extent:
        """The extent of the output; below 1 where the window does not fit."""

    def arithmetic(self, size: int) -> str:
        """The size of the output, worked out for people; the result stands behind the last `= `."""


class Window(NamedTuple):
    """A window that reads the input, as those of convolutions and pools do."""

    kernel: int
    stride: int
    padding: int = 0
    dilation: int = 1
    ceil: bool = False

    @property
    def span(self) -> int:
        """Cells from the first to the last one that a position reads."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def reach(self) -> Reach:
        """A position sees the window's span; neighbours are a stride apart."""
        return Reach(Fraction(self.span), Fraction(self.stride))

    def over(self, extent: Extent) -> Extent:
        """The number of positions."""
        return extent.window(*self)

    def arithmetic(self, size: int) -> str:
        """The size of the output, worked out for people: `(35 + 2·1 − 3)//2 + 1 = 18`.

        Where rounding up makes a last window that would start outside the input, it is not counted: `+ 0`.
        """
        result = self.over(Extent.fixed(size)).offset
        room = size + 2 * self.padding - self.span
        padded = f" + 2·{self.padding}" if self.padding else ""
        inside = f"({size}{padded} − {self.span})"
        division = f"⌈{inside}/{self.stride}⌉" if self.ceil else f"{inside}//{self.stride}"
        quotient = -(-room // self.stride) if self.ceil else room // self.stride
        return f"{division} + {result - quotient} = {result}"


class TransposedWindow(NamedTuple):
    """A window that writes the output: each cell of the input is spread over `span` cells, `stride` apart.

    `padding` cells are cut off on both sides, and `output_padding` more are kept at the end.
    """

    kernel: int
    stride: int
    padding: int = 0
    dilation: int = 1
    output_padding: int = 0

    @property
    def span(self) -> int:
        """Cells from the first to the last one that a cell of the input is added to."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def reach(self) -> Reach:
        """A position sees the cells whose spans meet there: a window on a grid that is `stride` times as fine."""
        return Reach(1 + Fraction(self.span - 1, self.stride), Fraction(1, self.stride))

    def over(self, extent: Extent) -> Extent:
        """`(n − 1)·stride − 2·padding + span + output_padding`."""
        return extent.floor_affine(self.stride, self.span - self.stride - 2 * self.padding + self.output_padding, 1)

    def arithmetic(self, size: int) -> str:
        """The size of the output, worked out for people: `(5 − 1)·2 − 2·1 + 3 + 1 = 10`."""
        cut = f" − 2·{self.padding}" if self.padding else ""
        more = f" + {self.output_padding}" if self.output_padding else ""
        return f"({size} − 1)·{self.stride}{cut} + {self.span}{more} = {self.over(Extent.fixed(size)).offset}"

"""Sources of choices: a seeded one for speed, one of hypothesis for small counterexamples."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Choices(Protocol):
    """Where generators get their choices from; those that come first are the simplest."""

    def number(self, least: int, most: int) -> int:
        """A whole number, both bounds included."""
        ...

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        ...

    def chance(self, percent: int) -> bool:
        """Something that is true in so many of a hundred cases."""
        ...


class Seeded:
    """Choices that follow from a seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def number(self, least: int, most: int) -> int:
        """A whole number, both bounds included."""
        return least + int(self._random.random() * (most - least + 1))

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[int(self._random.random() * len(items))]

    def chance(self, percent: int) -> bool:
        """Something that is true in so many of a hundred cases."""
        return self._random.random() * 100 < percent


class Drawn:
    """Choices that hypothesis makes, and makes simpler when something fails."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw

    def number(self, least: int, most: int) -> int:
        """A whole number, both bounds included."""
        return self._draw(st.integers(least, most))

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self._draw(st.integers(0, len(items) - 1))]

    def chance(self, percent: int) -> bool:
        """Something that is true in so many of a hundred cases."""
        return self._draw(st.integers(0, 99)) >= 100 - percent

"""The functions that an expression may call. What they are given is decided at compile time."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor
from typing import Any

MAX_ARGUMENTS = 100


def make_divisible(value: float, by: int = 8) -> int:
    """The multiple of a number that is nearest to a value, but not more than a tenth below it, and at least the number.

    As in MobileNet's code, from which torchvision and timm have it. Raises `ValueError`.
    """
    if not isinstance(by, int) or by < 1:
        raise ValueError("the divisor is a whole number above 0")
    nearest = max(by, int(value + by / 2) // by * by)
    return nearest + by if nearest < 0.9 * value else nearest


FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "min": (min, 2, MAX_ARGUMENTS), "max": (max, 2, MAX_ARGUMENTS), "floor": (floor, 1, 1), "ceil": (ceil, 1, 1),
    "round": (round, 1, 1), "make_divisible": (make_divisible, 1, 2),
}  # fmt: skip
"""Each with how many numbers it takes, at least and at most."""

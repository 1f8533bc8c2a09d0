"""Numbers and shapes as findings say them."""

from __future__ import annotations

from collections.abc import Sequence


def share(part: float, whole: float) -> str:
    """A part in percent: `28%`; never 0% or 100% of what is neither."""
    percent = 100 * part / whole
    return f"{min(max(round(percent), 1), 99)}%" if 0 < part < whole else f"{round(percent)}%"


def saved(before: int, after: int) -> str:
    """By how much a cost falls."""
    return share(before - after, before)


def grid(sizes: Sequence[int]) -> str:
    """`17x17`."""
    return "x".join(map(str, sizes))


def shape(sizes: Sequence[int]) -> str:
    """`[320, 17, 17]`."""
    return f"[{', '.join(map(str, sizes))}]"

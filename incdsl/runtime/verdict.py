"""What comes of a comparison: it holds, it does not, or there was nothing to compare, which is neither."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal, TypeAlias

Verdict: TypeAlias = Literal["ok", "FAIL", "not checked"]


class NotChecked(Exception):
    """A comparison that could not be made: why."""


def counted(verdicts: Iterable[Verdict]) -> str:
    """`12 checks: 11 ok, 1 not checked`."""
    counts = Counter(verdicts)
    total = counts.total()
    order: tuple[Verdict, ...] = ("ok", "not checked", "FAIL")
    told = [f"{counts[each]} {'failed' if each == 'FAIL' else each}" for each in order if counts[each]]
    return f"{total} {'check' if total == 1 else 'checks'}: {', '.join(told) or 'none'}"

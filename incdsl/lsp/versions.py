"""Two versions of a text, one of which became the other by one change: what stayed the same, and where it stands."""

from __future__ import annotations


class Versions:
    """Places of the text before and after. Between what begins and what ends alike lies what changed."""

    def __init__(self, before: str, after: str) -> None:
        self._start = _alike(before, after, min(len(before), len(after)))
        most = min(len(before), len(after)) - self._start
        self._end = len(before) - _alike(before[::-1], after[::-1], most)
        self._shift = len(after) - len(before)

    def now(self, start: int, end: int) -> tuple[int, int] | None:
        """Where characters of the text before stand afterwards; None if something in them changed."""
        if end <= self._start:
            return start, end
        if start >= self._end:
            return start + self._shift, end + self._shift
        return None


def _alike(one: str, other: str, most: int) -> int:
    """How many characters two texts start with alike, at most so many."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least

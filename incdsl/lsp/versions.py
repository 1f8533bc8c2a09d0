"""Two versions of a text, one of which became the other by one change: what stayed the same, and where it stands."""

from __future__ import annotations

from os.path import commonprefix


class Versions:
    """Places of the text before and after. Between what begins and what ends alike lies what changed."""

    def __init__(self, before: str, after: str) -> None:
        self._start = len(commonprefix([before, after]))
        most = min(len(before), len(after)) - self._start
        tail = len(commonprefix([before[self._start :][::-1][:most], after[self._start :][::-1][:most]]))
        self._end = len(before) - tail
        self._shift = len(after) - len(before)

    def now(self, start: int, end: int) -> tuple[int, int] | None:
        """Where characters of the text before stand afterwards; None if something in them changed."""
        if end <= self._start:
            return start, end
        if start >= self._end:
            return start + self._shift, end + self._shift
        return None

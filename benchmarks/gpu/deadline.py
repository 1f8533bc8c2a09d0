"""What time is left, and what still fits into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Clock = Callable[[], float]
"""Seconds from any fixed moment on."""


class Deadline:
    """Counts down from `seconds`. A task is expected to take as long as it took before, at first as long as guessed."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._clock = clock
        self._end = clock() + seconds
        self._taken: dict[str, float] = {}

    def left(self) -> float:
        """Seconds, negative when the time is over."""
        return self._end - self._clock()

    def refuses(self, task: str, guess: float) -> str:
        """Why a task is not begun; empty if there is time for it."""
        need, left = self._taken.get(task, guess), self.left()
        return f"takes about {need:.0f} s, and {max(left, 0):.0f} s are left" if need > left else ""

    @contextmanager
    def task(self, name: str) -> Iterator[None]:
        """Remember how long a task takes, failed or not: the longest of its runs."""
        began = self._clock()
        try:
            yield
        finally:
            self._taken[name] = max(self._taken.get(name, 0), self._clock() - began)

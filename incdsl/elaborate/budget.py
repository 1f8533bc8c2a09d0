"""How much a spec may cost to elaborate: counted here, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from incdsl.diagnostics import Diagnostic, Sink
from incdsl.diagnostics.limits import TooDeep, TooManySteps, TooMuchWork
from incdsl.elaborate.scope import Problem
from incdsl.source import Span

MAX_STEPS = 5_000
WORK_FOR_A_STEP = 100
"""Units of work for each step that is allowed: a term, an item of a list, a look at a written step."""
CHAIN = 25
"""Units that a chain takes, whether or not it places anything: a mistake in a block used 2^60 times places no node."""
NET_STEPS = 10
"""Steps that a net costs besides its own, where several are checked."""
MAX_NESTING = 100
"""Chains inside rails inside blocks inside repetitions: what Python's stack holds with room to spare."""


class Spanned(Protocol):
    """Anything that was written somewhere."""

    @property
    def span(self) -> Span:
        """Where."""


class Exhausted(Exception):
    """Ends the elaboration of a net: it is too large, or nobody would read what else is wrong with it."""

    def __init__(self, diagnostic: Diagnostic | None = None) -> None:
        super().__init__(diagnostic.code if diagnostic else "")
        self.diagnostic = diagnostic


class Abandoned(Exception):
    """Nobody waits for what is elaborated any more."""


class Budget:
    """What all nets of a file may cost together. `work` counts units, `steps` the nodes that were placed.

    `abandoned` is asked now and then whether to go on; if it says so, `Abandoned` ends the elaboration.
    """

    def __init__(self, max_steps: int = MAX_STEPS, abandoned: Callable[[], bool] | None = None) -> None:
        self.max_steps = max_steps
        self.abandoned = abandoned
        self.steps = 0
        self.work = 0

    @property
    def room(self) -> int:
        """How many more steps there may be."""
        return self.max_steps - self.steps

    def spend(self, units: int, at: Spanned) -> None:
        """Take units of work. Raises `Exhausted` or `Abandoned`."""
        if self.abandoned and self.abandoned():
            raise Abandoned
        self.work += units
        most = WORK_FOR_A_STEP * self.max_steps
        if self.work > most:
            raise Exhausted(TooMuchWork(span=at.span, limit=most))

    def place(self, at: Spanned) -> None:
        """Take the step of a node. Raises `Exhausted`."""
        if self.room <= 0:
            raise self.too_many(at)
        self.steps += 1

    def repeat(self, count: int, at: Spanned) -> None:
        """Take the work of a repetition, whose members must find room. Raises `Exhausted`."""
        if count > self.room:
            raise self.too_many(at, count if count > self.max_steps else None)
        self.spend(5 * count, at)

    def too_many(self, at: Spanned, steps: int | None = None) -> Exhausted:
        """What ends a net of too many steps."""
        return Exhausted(TooManySteps(span=at.span, steps=steps, limit=self.max_steps))


class Nesting:
    """How deep the walk is: `with nesting(at): …` is one level more."""

    def __init__(self) -> None:
        self._depth = 0

    def __call__(self, at: Spanned) -> Nesting:
        """Hold the next level to the limit. Raises `Problem`."""
        if self._depth >= MAX_NESTING:
            raise Problem(TooDeep(span=at.span, what="chains", limit=MAX_NESTING))
        return self

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1


def hold_open(sink: Sink) -> None:
    """Stop where nobody would see what comes of it. Raises `Exhausted`."""
    if sink.full:
        raise Exhausted

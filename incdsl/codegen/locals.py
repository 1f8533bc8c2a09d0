"""Names of local variables: by liveness, so that a value in use is never overwritten."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable, Mapping

_RESERVED = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | {"torch", "nn", "F", "Tensor", "self"}


def legal(name: str) -> str:
    """A name that hides nothing that generated code may need."""
    if name[:1].isdigit():
        return f"rail_{name}"
    return f"{name}_" if name in _RESERVED else name


class Locals:
    """Gives each value a variable; one whose value is dead is free again."""

    def __init__(self, last_use: Mapping[str, int], due: Mapping[str, int]) -> None:
        """`due` are variables that wait for an output each, and the statements that make these."""
        self._last_use = last_use
        self._holds: dict[str, str] = {}
        self._variable: dict[str, str] = {}
        self._due = due
        self._count: dict[str, int] = {}

    def bind(self, value: str, variable: str) -> str:
        """A value that has its variable already, such as an argument of `forward`."""
        self._holds[variable] = value
        self._variable[value] = variable
        return variable

    def __getitem__(self, value: str) -> str:
        return self._variable[value]

    def name(self, value: str, wishes: Iterable[str], own: str, now: int) -> str:
        """A variable for a value that statement `now` makes: the first wish that nobody needs any more.

        `own` is the name of the value's chain, which may be that of an output: the output comes last in its chain.
        """
        candidates = [self._legal(wish, own, value) for wish in wishes if wish]
        for candidate in candidates:
            if self._free(candidate, now):
                return self.bind(value, candidate)
        stem = candidates[-1]
        count = self._count.get(stem, 2)
        while not self._free(f"{stem}_{count}", now):
            count += 1
        self._count[stem] = count
        return self.bind(value, f"{stem}_{count}")

    def _legal(self, wish: str, own: str, value: str) -> str:
        """The wish, unless the variable waits for an output: of another chain, or one that is made before this dies."""
        if wish in self._due and (wish != own or self._last_use.get(value, -1) > self._due[wish]):
            return f"{wish}_"
        return legal(wish)

    def _free(self, variable: str, now: int) -> bool:
        value = self._holds.get(variable)
        return value is None or self._last_use.get(value, -1) <= now

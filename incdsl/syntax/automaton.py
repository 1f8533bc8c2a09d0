"""What the LALR automaton would accept, simulated on its states alone, without building anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Automaton:
    """A parse table; a stack of its states is where a parse stands."""

    def __init__(self, states: Mapping[Any, Mapping[str, tuple[Any, Any]]], end: Any) -> None:
        self._states = states
        self._end = end

    def feed(self, stack: Sequence[Any], terminals: Sequence[str]) -> list[Any] | None:
        """The stack after these terminals; nothing if one of them cannot stand there."""
        states = list(stack)
        for terminal in terminals:
            while True:
                step = self._states[states[-1]].get(terminal)
                if step is None:
                    return None
                _, argument = step
                if not hasattr(argument, "expansion"):
                    states.append(argument)
                    break
                size = len(argument.expansion)
                if size:
                    del states[-size:]
                states.append(self._states[states[-1]][argument.origin.name][1])
                if terminal == "$END" and states[-1] == self._end:
                    return states
        return states

    def accepts(self, stack: Sequence[Any]) -> set[str]:
        """All terminals that can stand next."""
        candidates = (t for t in self._states[stack[-1]] if t.isupper() or t == "$END")
        return {t for t in candidates if self.feed(stack, (t,)) is not None}

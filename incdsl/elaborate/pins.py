"""Which parameters of the net its structure depends on: those are decided at compile time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from incdsl.elaborate.frame import Frame
from incdsl.ir.graph import Scope
from incdsl.types import Num, Real, SymbolPair

_PLAIN = frozenset({int, float, bool, str, type(None)})


class Pins:
    """Follows numbers back through the arguments of blocks and units to the parameters of the net."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def pin(self, frame: Frame, value: Any) -> None:
        """Note that the structure of the net depends on a number, and so on the net's parameters behind it."""
        if type(value) in _PLAIN:
            return
        if isinstance(value, Num):
            names = value.expr.symbols
        elif isinstance(value, Real | SymbolPair):
            names = frozenset({value.name})
        elif isinstance(value, tuple):
            for part in value:
                self.pin(frame, part)
            return
        else:
            return
        for name in names:
            self._pin_symbol(frame, frame.scope, name, value)

    def _pin_symbol(self, frame: Frame, scope: Scope, name: str, value: Any) -> None:
        while scope.kind == "sequence" and scope.parent:
            scope = scope.parent
        if scope.parent is None:
            self.names.add(name)
        elif name in scope.arguments:
            self.pin(replace(frame, scope=scope.parent), scope.arguments[name])

"""Which parameters of the net its structure depends on: those are decided at compile time."""

from __future__ import annotations

from typing import Any

from incdsl.ir.graph import Instance
from incdsl.values.num import PLAIN, plain, symbols


class StaticParams:
    """Follows numbers back through the arguments of blocks and units to the parameters of the net."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def decided(self, instance: Instance, value: Any) -> Any:
        """A number of a class without the expression behind it: it is decided now."""
        self.pin(instance, value)
        return plain(value)

    def pin(self, instance: Instance, value: Any) -> None:
        """Note that the structure of the net depends on a number, and so on the net's parameters behind it."""
        if type(value) in PLAIN:
            return
        while instance.kind == "sequence" and instance.parent:
            instance = instance.parent
        for name in symbols(value):
            if instance.parent is None:
                self.names.add(name)
            elif name in instance.arguments:
                self.pin(instance.parent, instance.arguments[name])

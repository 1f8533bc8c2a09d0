"""E208, E223 and W402: what is declared or computed, and not used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics.base import Diagnostic, example


@dataclass(frozen=True, kw_only=True)
class Unused(Diagnostic):
    """What is declared but never used is usually a slip. Of several values, call those that you do not need `_`."""

    code: ClassVar[str] = "E208"
    title: ClassVar[str] = "something is not used"
    wrong: ClassVar[str] = example("a = x -> relu\n  output y = x -> conv2d 3x3 @4")
    right: ClassVar[str] = example("a = x -> relu\n  output y = a -> conv2d 3x3 @4")

    what: str
    name: str
    hint: str = ""

    def message(self) -> str:
        return f"{self.what} `{self.name}` is never used"

    def help(self) -> str:
        return self.hint


@dataclass(frozen=True, kw_only=True)
class UnusedDefinition(Diagnostic):
    """No net of the file uses this unit or block. It is still checked, as far as that is possible without an input."""

    code: ClassVar[str] = "W402"
    title: ClassVar[str] = "a definition is not used"
    wrong: ClassVar[str] = example("output y = x -> relu", "block Spare = conv2d 3x3 @8\n")
    right: ClassVar[str] = example("output y = x -> Spare", "block Spare = conv2d 3x3 @8\n")

    what: str
    name: str

    def message(self) -> str:
        return f"the {self.what} `{self.name}` is never used"


@dataclass(frozen=True, kw_only=True)
class ForNothing(Diagnostic):
    """No output needs this value. What only an auxiliary head needs belongs inside the head, which is left out with it.

    To use only the number of channels of a value is not to use the value. In a variant, a chain that starts with a
    value does not use what flowed into the step that it replaces.
    """

    code: ClassVar[str] = "E223"
    title: ClassVar[str] = "a value is computed for nothing"
    wrong: ClassVar[str] = example(
        "h = x -> conv2d 3x3 @4\n  aux side = h -> gap -> linear @2\n  output y = x -> conv2d 3x3 @4"
    )
    right: ClassVar[str] = example("aux side = x -> conv2d 3x3 @4 -> gap -> linear @2\n  output y = x -> conv2d 3x3 @4")

    name: str
    head: bool

    def message(self) -> str:
        return f"only auxiliary heads need `{self.name}`" if self.head else f"nothing uses `{self.name}`"

    def help(self) -> str:
        if self.head:
            return "write it inside the head, which is left out as a whole"
        return "a number of channels is not a use; a chain that starts with another value drops what flowed in"

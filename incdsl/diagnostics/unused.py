"""E208, E223 and W402: what nobody reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics.base import Diagnostic, example


@dataclass(frozen=True, kw_only=True)
class Unused(Diagnostic):
    """Every value, parameter and input is used: what is not is usually a slip of the pen."""

    code: ClassVar[str] = "E208"
    title: ClassVar[str] = "something is not used"
    wrong: ClassVar[str] = example("a = x -> relu\n  output y = x -> conv2d 3x3 @4")
    right: ClassVar[str] = example("a = x -> relu\n  output y = a -> conv2d 3x3 @4")

    what: str
    name: str

    def message(self) -> str:
        return f"{self.what} `{self.name}` is never used"


@dataclass(frozen=True, kw_only=True)
class UnusedDefinition(Diagnostic):
    """A unit or block that no net of the file uses; it is checked all the same, as far as can be without an input."""

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
    """What a net computes, an output needs; what only an auxiliary head needs stands in the head, and goes with it.

    A value whose number of channels alone is read is computed for nothing, too. In a variant a chain that starts with a
    value drops what flowed into the place.
    """

    code: ClassVar[str] = "E223"
    title: ClassVar[str] = "something is computed for nothing"
    wrong: ClassVar[str] = example(
        "h = x -> conv2d 3x3 @4\n  aux side = h -> gap -> linear @2\n  output y = x -> conv2d 3x3 @4"
    )
    right: ClassVar[str] = example("aux side = x -> conv2d 3x3 @4 -> gap -> linear @2\n  output y = x -> conv2d 3x3 @4")

    name: str
    head: bool

    def message(self) -> str:
        return f"`{self.name}` is computed for auxiliary heads alone" if self.head else f"nothing reads `{self.name}`"

    def help(self) -> str:
        if self.head:
            return "write it inside of the head: what a head needs goes with it"
        return "a number of channels is no use of a value, and a chain that starts with a value drops what flowed in"

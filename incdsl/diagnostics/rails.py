"""E224 and W403: rails that say something else than they seem to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics.base import Diagnostic, example


@dataclass(frozen=True, kw_only=True)
class NothingButChoice(Diagnostic):
    """A step that a trailing `if` leaves out hands on what flows in, and a rail of nothing else would be the identity.

    A test in front, `| if test: …`, leaves out the rail. A rail that starts with `identity` says that it hands on what
    flows in.
    """

    code: ClassVar[str] = "E224"
    title: ClassVar[str] = "a rail is nothing but a choice"
    wrong: ClassVar[str] = example(
        "output y = x -> add { | conv2d 3x3 @8 | identity if skip }", params="(skip = false)"
    )
    right: ClassVar[str] = example(
        "output y = x -> add { | conv2d 3x3 @8 | if skip: identity }", params="(skip = false)"
    )

    ways: tuple[str, ...]

    def message(self) -> str:
        return "the rail is nothing but a choice; without it, it would hand on what flows in"

    def help(self) -> str:
        return "; ".join(self.ways)


@dataclass(frozen=True, kw_only=True)
class NumberedLabel(Diagnostic):
    """The label at the start of a rail names the rail, and its unlabelled steps are numbered after it.

    Beside labels of single steps it can be read as one, too. `| identity -> a: …` labels the first step alone, and
    `| a: identity -> …` names the rail alone.
    """

    code: ClassVar[str] = "W403"
    title: ClassVar[str] = "a label of a rail can be read as that of its first step"
    wrong: ClassVar[str] = example(
        "output y = x -> concat { | a: conv2d 1x1 @4 -> b: batchnorm -> conv2d 3x3 @4 | relu }"
    )
    right: ClassVar[str] = example(
        "output y = x -> concat { | a: identity -> conv2d 1x1 @4 -> b: batchnorm -> conv2d 3x3 @4 | relu }"
    )

    rail: str
    name: str

    def message(self) -> str:
        return f"`{self.rail}` names the rail here, and the step behind it is called `{self.name}`"

    def help(self) -> str:
        step, whole = f"| identity -> {self.rail}: …", f"| {self.rail}: identity -> …"
        return f"write `{step}` to label the step, or `{whole}` to name the rail"

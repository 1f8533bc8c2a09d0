"""E1xx: text that is not a spec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics.base import Diagnostic


@dataclass(frozen=True, kw_only=True)
class UnexpectedText(Diagnostic):
    """This token cannot stand here. The message lists the tokens that can, if they are few.

    A chain is `step -> step`, a rail starts with `|`, and a step is
    `name kernel/stride @width padding ceil number (setting: value)`, in this order.
    """

    code: ClassVar[str] = "E101"
    title: ClassVar[str] = "unexpected text"
    wrong: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @4 conv2d 3x3 @4\n}\n"
    right: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @4 -> conv2d 3x3 @4\n}\n"

    found: str
    expected: tuple[str, ...]
    hint: str = ""

    def message(self) -> str:
        return f"unexpected {self.found}"

    def help(self) -> str:
        return self.hint

    def label(self) -> str:
        if not self.expected:
            return ""
        if len(self.expected) == 1:
            return f"expected {self.expected[0]}"
        return f"expected {', '.join(self.expected[:-1])} or {self.expected[-1]}"


@dataclass(frozen=True, kw_only=True)
class MissingCloser(Diagnostic):
    """A bracket was opened and not closed. With the bracket, the text makes sense again."""

    code: ClassVar[str] = "E102"
    title: ClassVar[str] = "missing closing bracket"
    wrong: ClassVar[str] = (
        "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @4 (bias: false -> relu\n}\n"
    )
    right: ClassVar[str] = (
        "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @4 (bias: false) -> relu\n}\n"
    )

    closers: str

    def message(self) -> str:
        return f"missing `{self.closers}`"

    def label(self) -> str:
        return f"`{self.closers}` belongs here"


@dataclass(frozen=True, kw_only=True)
class UnknownEdition(Diagnostic):
    """A spec starts with the edition of the language that it is written in: `inc 1`."""

    code: ClassVar[str] = "E103"
    title: ClassVar[str] = "unknown edition"
    wrong: ClassVar[str] = "inc 7\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @4\n}\n"
    right: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @4\n}\n"

    found: str | None

    def message(self) -> str:
        if self.found is None:
            return "the file does not start with its edition"
        return f"there is no edition {self.found}"

    def help(self) -> str:
        return "start the file with the line `inc 1`"


@dataclass(frozen=True, kw_only=True)
class IllegalCharacter(Diagnostic):
    """Outside comments a spec is ASCII. Comments may contain any printable character, but no control characters."""

    code: ClassVar[str] = "E104"
    title: ClassVar[str] = "illegal character"
    wrong: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x → conv2d 3x3 @4\n}\n"
    right: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @4\n}\n"

    character: str
    name: str
    suggestion: str = ""
    word: str = ""
    """The name in which it stands."""

    def message(self) -> str:
        shown = f"`{self.character}` " if self.character.isprintable() else ""
        where = f" in the name `{self.word}`" if len(self.word) > 1 else ""
        return f"illegal character {shown}(U+{ord(self.character):04X}{', ' if self.name else ''}{self.name}){where}"

    def help(self) -> str:
        if self.word:
            return "names are written with the letters a to z, digits and `_`"
        if self.character == ";":
            return "leave it out; lines need no end"
        return f"write `{self.suggestion}`" if self.suggestion else ""


@dataclass(frozen=True, kw_only=True)
class Unreadable(Diagnostic):
    """The spec does not exist, is not a regular file, or is not UTF-8 text."""

    code: ClassVar[str] = "E105"
    title: ClassVar[str] = "cannot read the spec"

    name: str
    reason: str
    near: str = ""
    """The shipped spec that was probably meant."""

    def message(self) -> str:
        return f"cannot read {self.name}: {self.reason}"

    def help(self) -> str:
        return f"did you mean {self.near}?" if self.near else ""

"""E6xx: what a command is about, and why it wrote no file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics.base import Diagnostic


@dataclass(frozen=True, kw_only=True)
class EditedByHand(Diagnostic):
    """The file was changed after it was generated, or was not generated at all. Overwriting it would lose work."""

    code: ClassVar[str] = "E601"
    title: ClassVar[str] = "the output was edited by hand"

    file: str
    generated: bool

    def message(self) -> str:
        return f"{self.file} was {'edited by hand' if self.generated else 'not written by incdsl'}"

    def help(self) -> str:
        return "`--force` overwrites it"


@dataclass(frozen=True, kw_only=True)
class BadFileName(Diagnostic):
    """A file called `torch.py` or `typing.py` would be imported instead of the real module."""

    code: ClassVar[str] = "E602"
    title: ClassVar[str] = "the output cannot have this name"

    file: str
    reason: str

    def message(self) -> str:
        return f"{self.file} {self.reason}"


@dataclass(frozen=True, kw_only=True)
class CannotWrite(Diagnostic):
    """The file could not be written. Whatever was there before is unchanged."""

    code: ClassVar[str] = "E603"
    title: ClassVar[str] = "cannot write the output"

    file: str
    reason: str

    def message(self) -> str:
        return f"cannot write {self.file}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class OutOfDate(Diagnostic):
    """`compile --check` found that the file on disk is not what the spec gives now."""

    code: ClassVar[str] = "E604"
    title: ClassVar[str] = "the output is out of date"

    file: str
    exists: bool
    command: str

    def message(self) -> str:
        return f"{self.file} {'is out of date' if self.exists else 'does not exist'}"

    def help(self) -> str:
        return f"run `{self.command}`"


@dataclass(frozen=True, kw_only=True)
class NoSubject(Diagnostic):
    """Commands and calls are about a net of a spec, `SPEC::NET`, or about steps on an input.

    A net may be given values and another size: `specs/v3.inc::InceptionV3(classes: 10)@[3, 151, 151]`. Steps are a
    chain as a net of the spec would write it: `specs/v3.inc::InceptionA(pool: 32)@[192, 35, 35]`.
    """

    code: ClassVar[str] = "E605"
    title: ClassVar[str] = "nothing is called so"

    reason: str

    def message(self) -> str:
        return self.reason

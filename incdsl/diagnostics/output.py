"""E6xx: what keeps a generated file from being written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics.base import Diagnostic


@dataclass(frozen=True, kw_only=True)
class EditedByHand(Diagnostic):
    """The file's body no longer matches the hash in its header, or it was not generated: writing would lose work."""

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
    """A module named `torch.py` or `typing.py` would be imported in place of the real one by everything beside it."""

    code: ClassVar[str] = "E602"
    title: ClassVar[str] = "the output's name is taken"

    file: str
    reason: str

    def message(self) -> str:
        return f"{self.file} {self.reason}"


@dataclass(frozen=True, kw_only=True)
class CannotWrite(Diagnostic):
    """The file system refuses; what was there before is still there, whole."""

    code: ClassVar[str] = "E603"
    title: ClassVar[str] = "cannot write the output"

    file: str
    reason: str

    def message(self) -> str:
        return f"cannot write {self.file}: {self.reason}"


@dataclass(frozen=True, kw_only=True)
class OutOfDate(Diagnostic):
    """`compile --check` compares the file on disk with what the spec gives now."""

    code: ClassVar[str] = "E604"
    title: ClassVar[str] = "the output is not current"

    file: str
    exists: bool
    command: str

    def message(self) -> str:
        return f"{self.file} {'is out of date' if self.exists else 'does not exist'}"

    def help(self) -> str:
        return f"run `{self.command}`"

"""E5xx: what is too large to be compiled without asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics.base import Diagnostic


@dataclass(frozen=True, kw_only=True)
class FileTooLarge(Diagnostic):
    """A spec has at most 1 MiB: Inception-v3 has 3 kB."""

    code: ClassVar[str] = "E501"
    title: ClassVar[str] = "the file is too large"

    size: int
    limit: int

    def message(self) -> str:
        return f"the file has {self.size:,} bytes, more than {self.limit:,}"


@dataclass(frozen=True, kw_only=True)
class TooManyTokens(Diagnostic):
    """A spec has at most 50,000 words and signs."""

    code: ClassVar[str] = "E502"
    title: ClassVar[str] = "the file has too many tokens"

    limit: int

    def message(self) -> str:
        return f"more than {self.limit:,} tokens"

    def help(self) -> str:
        return "say what repeats with a block and `times`"


@dataclass(frozen=True, kw_only=True)
class TooDeep(Diagnostic):
    """Brackets nest at most 64 deep, and so do blocks that use blocks."""

    code: ClassVar[str] = "E503"
    title: ClassVar[str] = "nested too deeply"

    what: str
    limit: int

    def message(self) -> str:
        return f"{self.what} nest more than {self.limit} deep"


@dataclass(frozen=True, kw_only=True)
class NumberTooLarge(Diagnostic):
    """Whole numbers have at most 18 digits, floating-point numbers must be finite."""

    code: ClassVar[str] = "E504"
    title: ClassVar[str] = "the number is too large"
    wrong: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @4000000000000000000\n}\n"
    right: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @4000\n}\n"

    reason: str

    def message(self) -> str:
        return self.reason


@dataclass(frozen=True, kw_only=True)
class TooManySteps(Diagnostic):
    """A net expands to at most 10,000 steps; `--max-steps` raises the limit."""

    code: ClassVar[str] = "E505"
    title: ClassVar[str] = "the net has too many steps"
    wrong: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @3 times 1_000_000\n}\n"
    right: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @3 times 10\n}\n"

    steps: int | None
    limit: int

    def message(self) -> str:
        count = f"{self.steps:,}" if self.steps else "more"
        return f"the net expands to {count} steps; the limit is {self.limit:,}"

    def help(self) -> str:
        return "`--max-steps N` raises the limit"


@dataclass(frozen=True, kw_only=True)
class TooManyFiles(Diagnostic):
    """A spec imports at most 64 files, directly and through others; together they keep to the limits of one file."""

    code: ClassVar[str] = "E506"
    title: ClassVar[str] = "too many files are imported"

    limit: int

    def message(self) -> str:
        return f"more than {self.limit} files are imported"

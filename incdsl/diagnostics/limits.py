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
    """Brackets nest at most 64 deep, and so do blocks and units that use others, and variants of variants.

    Chains inside rails, blocks and repetitions nest at most 100 deep, imports 16.
    """

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
    """A net expands to at most 5,000 steps, and to at most 10,000 chains and rails; `--max-steps` raises the limit.

    Steps are counted before any is built: repetitions multiply, and each use of a block counts all that it holds.
    All nets of a file that are checked together keep to the limit, each counting 10 steps more than it has.
    """

    code: ClassVar[str] = "E505"
    title: ClassVar[str] = "the net has too many steps"
    wrong: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @3 times 1_000_000\n}\n"
    right: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @3 times 10\n}\n"

    steps: int | None
    """At least so many; nothing if they were not counted."""
    limit: int
    what: str = "the net expands"

    def message(self) -> str:
        count = "more"
        if self.steps:
            count = f"at least {self.steps:,}" if self.steps < 10**18 else "more than 10^18"
        return f"{self.what} to {count} steps; the limit is {self.limit:,}"

    def help(self) -> str:
        return "`--max-steps N` raises the limit"


@dataclass(frozen=True, kw_only=True)
class TooManyParameters(Diagnostic):
    """A net has at most 10,000,000,000 parameters, 40 GB of them; `--max-params` raises the limit."""

    code: ClassVar[str] = "E507"
    title: ClassVar[str] = "the net has too many parameters"
    wrong: ClassVar[str] = (
        "inc 1\nnet N {\n  input x [3000]\n  output y = x -> linear @1_000_000 -> linear @20_000\n}\n"
    )
    right: ClassVar[str] = "inc 1\nnet N {\n  input x [3000]\n  output y = x -> linear @1000 -> linear @20_000\n}\n"

    params: int
    limit: int

    def message(self) -> str:
        return f"the net has {self.params:,} parameters; the limit is {self.limit:,}"

    def help(self) -> str:
        return "`--max-params N` raises the limit"


@dataclass(frozen=True, kw_only=True)
class TooMuchWork(Diagnostic):
    """What a net evaluates adds up: terms of expressions, items of lists, choices, each as often as it is repeated.

    100 evaluations for each step that is allowed are enough for any net that people write; `--max-steps` raises both.
    """

    code: ClassVar[str] = "E508"
    title: ClassVar[str] = "the net takes too many evaluations"
    wrong: ClassVar[str] = (
        "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @(" + "1 + " * 200 + "1) times 4000\n}\n"
    )
    right: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> relu times 4000\n}\n"

    limit: int

    def message(self) -> str:
        return f"what the net repeats takes more than {self.limit:,} evaluations"

    def help(self) -> str:
        return "`--max-steps N` raises the limit, by 100 for each step"


@dataclass(frozen=True, kw_only=True)
class TooManyFiles(Diagnostic):
    """A spec imports at most 64 files, directly and through others; together they keep to the limits of one file."""

    code: ClassVar[str] = "E506"
    title: ClassVar[str] = "too many files are imported"

    limit: int

    def message(self) -> str:
        return f"more than {self.limit} files are imported"

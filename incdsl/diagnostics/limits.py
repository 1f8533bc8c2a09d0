"""E5xx: limits on the size of a spec and of its nets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics.base import Diagnostic


@dataclass(frozen=True, kw_only=True)
class FileTooLarge(Diagnostic):
    """A spec may have 1 MiB, together with all that it imports. Inception-v3 has 3 kB."""

    code: ClassVar[str] = "E501"
    title: ClassVar[str] = "the file is too large"

    size: int
    limit: int

    def message(self) -> str:
        return f"the file has {self.size:,} bytes, more than {self.limit:,}"


@dataclass(frozen=True, kw_only=True)
class TooManyTokens(Diagnostic):
    """A spec may have 50,000 tokens, together with all that it imports; comments count."""

    code: ClassVar[str] = "E502"
    title: ClassVar[str] = "the file has too many tokens"

    limit: int

    def message(self) -> str:
        return f"more than {self.limit:,} tokens"

    def help(self) -> str:
        return "write a block once and repeat it with `times`"


@dataclass(frozen=True, kw_only=True)
class TooDeep(Diagnostic):
    """Brackets may nest 64 deep; so may blocks and units that use one another, and variants of variants.

    Chains in rails, blocks and repetitions may nest 100 deep, imports 16.
    """

    code: ClassVar[str] = "E503"
    title: ClassVar[str] = "nested too deeply"

    what: str
    limit: int

    def message(self) -> str:
        return f"{self.what} nest more than {self.limit} deep"


@dataclass(frozen=True, kw_only=True)
class NumberTooLarge(Diagnostic):
    """An integer has at most 18 digits, and a floating-point number must be finite."""

    code: ClassVar[str] = "E504"
    title: ClassVar[str] = "the number is too large"
    wrong: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @4000000000000000000\n}\n"
    right: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @4000\n}\n"

    reason: str

    def message(self) -> str:
        return self.reason


@dataclass(frozen=True, kw_only=True)
class TooManySteps(Diagnostic):
    """A net may expand to 5,000 steps. `--max-steps` raises the limit.

    Repetitions multiply, and every use of a block counts all the steps inside it. Nets that are checked together share
    the limit, and each counts 10 steps more than it has.
    """

    code: ClassVar[str] = "E505"
    title: ClassVar[str] = "the net has too many steps"
    wrong: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @3 times 1_000_000\n}\n"
    right: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @3 times 10\n}\n"

    steps: int | None
    """How many there are at least; None if they were not counted."""
    limit: int
    what: str = "the net expands"

    def message(self) -> str:
        if not self.steps:
            return f"{self.what} to more than {self.limit:,} steps"
        count = f"at least {self.steps:,}" if self.steps < 10**18 else "more than 10^18"
        return f"{self.what} to {count} steps; the limit is {self.limit:,}"

    def help(self) -> str:
        return "`--max-steps N` raises the limit"


@dataclass(frozen=True, kw_only=True)
class TooManyParameters(Diagnostic):
    """A net may have 10,000,000,000 parameters, which take 40 GB. `--max-params` raises the limit."""

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
    """Elaborating a net takes work: each term, list item and look at a written step counts, every time it is reached.

    A net may take 100 units of work for each step that the limit allows, far more than nets that people write need.
    `--max-steps` raises both limits.
    """

    code: ClassVar[str] = "E508"
    title: ClassVar[str] = "the net takes too much work to evaluate"
    wrong: ClassVar[str] = (
        "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @(" + "1 + " * 200 + "1) times 4000\n}\n"
    )
    right: ClassVar[str] = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> relu times 4000\n}\n"

    limit: int

    def message(self) -> str:
        return f"the net takes more than {self.limit:,} units of work to evaluate"

    def help(self) -> str:
        return "`--max-steps N` raises the limit, by 100 units for each step"


@dataclass(frozen=True, kw_only=True)
class TooManyFiles(Diagnostic):
    """A spec may import 64 files, directly or through others; all of them together share the limits of one file."""

    code: ClassVar[str] = "E506"
    title: ClassVar[str] = "too many files are imported"

    limit: int

    def message(self) -> str:
        return f"more than {self.limit} files are imported"

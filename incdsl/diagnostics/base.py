"""Diagnostics: frozen records of facts, each with a stable code, collected in a sink."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from incdsl.edits import Edit
from incdsl.source import Span

Severity = Literal["error", "warning"]

REGISTRY: dict[str, type[Diagnostic]] = {}


@dataclass(frozen=True, slots=True)
class Row:
    """One source line of a diagnostic's table: a rail, its shape, and why it differs from the others if it does."""

    span: Span
    shape: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """A way to mend it, as edits of the text that the diagnostic is about."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool
    """Whether the net computes what it did, under the same names, so that its checkpoints still fit."""


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One problem about a spec.

    Concrete classes hold the facts in fields and the words in methods. `incdsl explain` prints their docstring with
    the examples `wrong` and `right`, both of which the tests compile.
    """

    code: ClassVar[str] = ""
    title: ClassVar[str] = ""
    wrong: ClassVar[str] = ""
    right: ClassVar[str] = ""

    span: Span | None
    path: str = ""
    """Where it is in the expanded net: `InceptionV3 > Mixed_6a > branch3x3dbl`."""
    note: str = ""
    """A second place that matters, such as the line where a variant redefines the unit."""
    fix: Fix | None = None
    """Edits that mend it, if they are known."""

    def __init_subclass__(cls) -> None:
        if cls.code:
            REGISTRY[cls.code] = cls

    @property
    def severity(self) -> Severity:
        """Errors stop a compilation, warnings do not."""
        return "warning" if self.code.startswith("W") else "error"

    def message(self) -> str:
        """The headline, one line."""
        return self.title

    def label(self) -> str:
        """The text beside the caret; may be empty."""
        return ""

    def rows(self) -> tuple[Row, ...]:
        """Source lines to show instead of the caret, each with its shape."""
        return ()

    def why(self) -> str:
        """Why it matters, with the source of the advice; empty if the page of the code says it all."""
        return ""

    def help(self) -> str:
        """How to mend it; empty if that is not known."""
        return ""


class Sink:
    """Collects diagnostics. A mistake inside a block is kept once, however often the block is used.

    It keeps a limited number of errors, and as many warnings.
    """

    def __init__(self, limit: int = 50) -> None:
        self._limit = limit
        self._kept: dict[object, Diagnostic] = {}
        self._count = Counter[str]()

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic, unless the same problem was already reported for the same place."""
        span, severity = diagnostic.span, diagnostic.severity
        where = (diagnostic.code, span.source.name, span.start, span.end) if span else (diagnostic.code, diagnostic)
        if self._count[severity] < self._limit and where not in self._kept:
            self._kept[where] = diagnostic
            self._count[severity] += 1

    def __iter__(self) -> Iterator[Diagnostic]:
        def place(d: Diagnostic) -> tuple[str, int, str]:
            return (d.span.source.name, d.span.start, d.code) if d.span else ("", -1, d.code)

        return iter(sorted(self._kept.values(), key=place))

    @property
    def full(self) -> bool:
        """Whether it holds as many errors as it will keep."""
        return self._count["error"] >= self._limit

    @property
    def errors(self) -> bool:
        """Whether it holds an error."""
        return self._count["error"] > 0

    def stop_on_errors(self) -> None:
        """Raise what was collected, if that includes an error."""
        if self.errors:
            raise CompileError(tuple(self))


class CompileError(Exception):
    """The spec is wrong: `diagnostics` says where and why."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        super().__init__(diagnostics)

    def __str__(self) -> str:
        """What the command line prints."""
        from incdsl.diagnostics.render import render

        return render(self.diagnostics, "human")


class CompilerBug(Exception):
    """The compiler is wrong: one of its own invariants does not hold."""


def example(body: str, before: str = "", *, params: str = "", shape: str = "[8, 16, 16]") -> str:
    """A spec for an example: a net with an input of this shape and these lines."""
    return f"inc 1\n{before}net N{params} {{\n  input x {shape}\n  {body}\n}}\n"

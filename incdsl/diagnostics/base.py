"""What a problem is: a frozen record of facts with a stable code, collected in a sink."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from incdsl.source import Span

Severity = Literal["error", "warning"]

REGISTRY: dict[str, type[Diagnostic]] = {}


@dataclass(frozen=True, slots=True)
class Row:
    """One source line of a diagnostic's table: a rail with its shape, and the arithmetic of an odd one out."""

    span: Span
    shape: str
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class Diagnostic:
    """One problem about a spec.

    Concrete classes hold facts as fields and words in methods; their docstring is what `incdsl explain` prints,
    and `wrong` / `right` are its examples (both are compiled by the tests).
    """

    code: ClassVar[str] = ""
    title: ClassVar[str] = ""
    wrong: ClassVar[str] = ""
    right: ClassVar[str] = ""

    span: Span | None
    path: str = ""
    """Call path of the problem inside the expanded net: `InceptionV3 > Mixed_6a > branch3x3dbl`."""
    note: str = ""
    """Another place that has to do with it: where a variant redefines the unit that does not fit."""

    def __init_subclass__(cls) -> None:
        if cls.code:
            REGISTRY[cls.code] = cls

    @property
    def severity(self) -> Severity:
        """Warnings do not stop a compilation."""
        return "warning" if self.code.startswith("W") else "error"

    def message(self) -> str:
        """The headline, one line."""
        return self.title

    def label(self) -> str:
        """What stands beside the caret; empty for none."""
        return ""

    def rows(self) -> tuple[Row, ...]:
        """Source lines to show in place of the caret, all with their shapes."""
        return ()

    def help(self) -> str:
        """The way out; empty when none is known."""
        return ""


class Sink:
    """Collects diagnostics; one mistake at one place is kept once, however often its block is instantiated."""

    def __init__(self, limit: int = 50) -> None:
        self._limit = limit
        self._kept: dict[object, Diagnostic] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep a diagnostic, unless the same problem about the same place is there already."""
        span = diagnostic.span
        where = (diagnostic.code, span.source.name, span.start, span.end) if span else (diagnostic.code, diagnostic)
        if len(self._kept) < self._limit:
            self._kept.setdefault(where, diagnostic)

    def __iter__(self) -> Iterator[Diagnostic]:
        def place(d: Diagnostic) -> tuple[str, int, str]:
            return (d.span.source.name, d.span.start, d.code) if d.span else ("", -1, d.code)

        return iter(sorted(self._kept.values(), key=place))

    @property
    def full(self) -> bool:
        """Whether nobody will read any more of them."""
        return len(self._kept) >= self._limit

    @property
    def errors(self) -> bool:
        """Whether anything worse than a warning was collected."""
        return any(d.severity == "error" for d in self._kept.values())

    def stop_on_errors(self) -> None:
        """End a phase: raise what was collected if it holds an error."""
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
    """The compiler is wrong: an invariant of its own does not hold."""


def example(body: str, before: str = "", *, params: str = "", shape: str = "[8, 16, 16]") -> str:
    """A spec for a page: a net with an input of this shape and these lines."""
    return f"inc 1\n{before}net N{params} {{\n  input x {shape}\n  {body}\n}}\n"

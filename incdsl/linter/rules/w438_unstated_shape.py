"""W438: the end of a stage whose shape is not stated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.annotate import unstated
from incdsl.diagnostics import Diagnostic, Fix
from incdsl.diagnostics.base import example
from incdsl.edits import Edit
from incdsl.linter.finding import Finding
from incdsl.linter.view import View


@dataclass(frozen=True, kw_only=True)
class UnstatedShape(Finding):
    """A value of a net ends on another grid than it started on, and does not say which shape it has.

    An assertion there tells readers where they are, and stops the next change that moves a border by one cell. `incdsl
    annotate` writes all of them.
    """

    code: ClassVar[str] = "W438"
    title: ClassVar[str] = "the end of a stage does not state its shape"
    because: ClassVar[str] = "a stage is known by its grid, and a slip in it shows up far behind"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3/2 @16 half -> relu")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3/2 @16 half -> relu : [16, 8, 8]")

    shape: str

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net, step, stated in unstated(view.analysis):
            end = step.span.end
            fix = Fix(f"state {stated}", (Edit(end, end, f" : {stated}"),), safe=True)
            yield cls(span=step.span, path=net, shape=stated, fix=fix)

    def message(self) -> str:
        return f"this stage ends at {self.shape}, and does not say so"

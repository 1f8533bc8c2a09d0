"""Class models as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from incdsl.codegen.comments import Comments
from incdsl.codegen.layout import INDENT, WIDTH, Bracketed, lines, targets
from incdsl.codegen.model import (
    Assign,
    Attribute,
    Blank,
    ClassModel,
    Field,
    Header,
    Line,
    OutputsModel,
    Parameter,
    Return,
    Shown,
)

_FAR = 56
"""Lines longer than this do not push the column of shapes to the right."""


class Writer:
    """Writes classes; all comments go through one place."""

    def __init__(self, comment: Comments) -> None:
        self._comment = comment

    def outputs(self, model: OutputsModel) -> list[str]:
        """The lines of a `NamedTuple`."""
        fields = [line for field in model.fields for line in self._field(field)]
        return [f"class {model.name}(NamedTuple):", *fields]

    def _field(self, field: Field) -> list[str]:
        code, remark = f"{INDENT}{field.name}: {field.type}", self._comment(field.remark)
        if len(f"{code}  {remark}") <= WIDTH:
            return [f"{code}  {remark}"]
        return [f"{INDENT}{remark}", code]

    def write(self, model: ClassModel) -> list[str]:
        """The lines of a class."""
        return [
            *map(self._comment, model.comments),
            f"class {model.name}(nn.Module):",
            *self._docstring(model.docstring),
            "",
            *(line for each in model.constants for line in (*lines(f"{each.name} = ", each.value, "", 1), "")),
            *self._constructor(model),
            *model.methods,
            *_definition("forward", model.inputs, model.returns),
            *self._body(model.body),
        ]

    def _docstring(self, text: Sequence[str]) -> list[str]:
        if len(text) == 1:
            return [f'{INDENT}"""{text[0]}"""']
        first, *rest = text
        return [f'{INDENT}"""{first}', *(f"{INDENT}{line}" if line else "" for line in rest), f'{INDENT}"""']

    def _constructor(self, model: ClassModel) -> list[str]:
        if not model.members and not model.stored:
            return []
        assigned = [line for each in (*model.stored, *model.members) for line in self._attribute(each)]
        return [
            *_definition("__init__", model.parameters, "None"), f"{INDENT * 2}super().__init__()", *assigned, "",
        ]  # fmt: skip

    def _attribute(self, attribute: Attribute) -> list[str]:
        made = lines(f"self.{attribute.name} = ", attribute.value, "", 2)
        note = attribute.note
        if note and len(made) == 1 and len(made[0]) + len(note) + 4 <= WIDTH:
            return [f"{made[0]}  {self._comment(note)}"]
        return [f"{INDENT * 2}{self._comment(note)}", *made] if note else made

    def _body(self, body: Iterable[Line]) -> list[str]:
        """Lines of code, shapes in a column behind them."""
        code = [(line, _code(line)) for line in body]
        rows = [_Row(line, text, _shown(line, made)) for line, made in code for text in made]
        column = _Column(rows)
        return [self._line(row, column) for row in rows]

    def _line(self, row: _Row, column: _Column) -> str:
        if isinstance(row.line, Header):
            return f"{INDENT * 2}{self._comment(column.header(row.line))}"
        shown = column.behind(row)
        return f"{row.text}  {self._comment(shown)}" if shown else row.text


@dataclass(frozen=True, slots=True)
class _Row:
    line: Line
    text: str
    shown: Shown | None


class _Column:
    """The column of shapes behind the lines of a `forward`."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        shown = [row.shown for row in rows if row.shown]
        grids = [each.grid for each in shown if each.grid]
        lengths = [len(row.text) for row in rows if row.shown]
        self._channels = max((len(each.channels) for each in shown), default=0)
        self._grid = [max((len(grid[i]) for grid in grids), default=0) for i in (0, 1)]
        self._at = max((length for length in lengths if length <= _FAR), default=0) + 3

    def header(self, line: Header) -> str:
        """`stem    image    3 x 299 x 299`: the section, and for the first one what flows in."""
        if line.shown is None:
            return line.text
        shown = self._shape(line.shown)
        gap = self._at - len(INDENT * 2) - len(line.text) - len(line.label) - 1
        return f"{line.text}{' ' * max(gap, 2)}{line.label}{'' if shown.startswith(' ') else ' '}{shown}"

    def behind(self, row: _Row) -> str:
        """The comment behind a line of code; none where it has no room."""
        if row.shown is None:
            return ""
        shown, length = self._shape(row.shown), len(row.text)
        shown = shown.strip() if length > _FAR else f"{' ' * (self._at - length - 3)}{shown}"
        return shown if length + len(shown) + 4 <= WIDTH else ""

    def _shape(self, shown: Shown) -> str:
        grid = " x ".join(size.rjust(width) for size, width in zip(shown.grid or (), self._grid, strict=False))
        return shown.channels.rjust(self._channels) + (f" x {grid}" if grid else "")


def _code(line: Line) -> list[str]:
    match line:
        case Assign(target=target, value=value):
            return targets(target, value, 2)
        case Return(value=value):
            return lines("return ", value, "", 2)
        case Header() | Blank():
            return [""]


def _shown(line: Line, made: Sequence[str]) -> Shown | None:
    """The shape to show behind a line, if its code takes no more than one."""
    return line.shown if isinstance(line, Assign | Header) and len(made) == 1 else None


def _definition(name: str, parameters: Sequence[Parameter], returns: str) -> list[str]:
    positional = [str(each) for each in parameters if not each.keyword_only]
    named = [str(each) for each in parameters if each.keyword_only]
    items = ("self", *positional, *(("*", *named) if named else ()))
    return lines("def ", Bracketed(name, items), f" -> {returns}:", 1)

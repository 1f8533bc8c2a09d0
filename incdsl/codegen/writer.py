"""Class models as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from incdsl.codegen.comments import Comments
from incdsl.codegen.layout import INDENT, WIDTH, Bracketed, flat, lines, targets
from incdsl.codegen.model import (
    Assign,
    Attribute,
    Blank,
    ClassModel,
    Do,
    Field,
    Header,
    Line,
    OutputsModel,
    Parameter,
    Return,
    ReturnIf,
    Shown,
    With,
)


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
            f"class {model.name}({'nn.Sequential' if model.chained else model.base}):",
            *self._docstring(model.docstring),
            "",
            *(_chain(model) if model.chained else self._members(model)),
        ]

    def _members(self, model: ClassModel) -> list[str]:
        """What stands in a class below its docstring."""
        return [
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
            *_definition("__init__", model.parameters, "None"), f"{INDENT * 2}super().__init__()", *_lets(model),
            *assigned, "",
        ]  # fmt: skip

    def _attribute(self, attribute: Attribute) -> list[str]:
        name, value = attribute.name, attribute.value
        if name.isdigit():
            register = "register_parameter" if flat(value).startswith("nn.Parameter(") else "add_module"
            made = lines("", Bracketed(f"self.{register}", (f'"{name}"', value)), "", 2)
        else:
            made = lines(f"self.{name} = ", value, "", 2)
        note = attribute.note
        if note and len(made) == 1 and len(made[0]) + len(note) + 4 <= WIDTH:
            return [f"{made[0]}  {self._comment(note)}"]
        return [f"{INDENT * 2}{self._comment(note)}", *made] if note else made

    def _body(self, body: Iterable[Line]) -> list[str]:
        """Lines of code, shapes in a column behind them."""
        rows = [_Row(line, _code(line, depth), depth) for line, depth in _flat(body, 2)]
        column = _Column(rows)
        return [line for row in rows for line in self._lines(row, column)]

    def _lines(self, row: _Row, column: _Column) -> list[str]:
        if isinstance(row.line, Header):
            return [f"{INDENT * row.depth}{self._comment(column.header(row.line))}"]
        *above, last = row.code
        shown = column.behind(row)
        return [*above, f"{last}  {self._comment(shown)}" if shown else last]


@dataclass(frozen=True, slots=True)
class _Row:
    line: Line
    code: list[str]
    depth: int
    """Of its indentation."""

    @property
    def shown(self) -> Shown:
        """The shapes to show behind the last line of its code."""
        return self.line.shown if isinstance(self.line, Assign | Return | Header) else ()

    @property
    def length(self) -> int:
        """How long that line is."""
        return len(self.code[-1])


class _Column:
    """The column of shapes behind the lines of a `forward`: as far to the left as the code allows, for all of them."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        sizes = [size for row in rows for size in row.shown[:1]]
        grids = [size.grid for size in sizes if size.grid]
        self._channels = max((len(size.channels) for size in sizes), default=0)
        self._grid = [max((len(grid[i]) for grid in grids), default=0) for i in (0, 1)]
        widest = self._channels + sum(len(" x ") + width for width in self._grid if width)
        lengths = [row.length for row in rows if row.shown]
        self._at = max((length for length in lengths if length + len("  # ") + widest <= WIDTH), default=0) + 3

    def header(self, line: Header) -> str:
        """`stem    image    3 x 299 x 299`: the section, and for the first one what flows in."""
        if not line.shown:
            return line.text
        shown = self._text(line.shown)
        gap = self._at - len(INDENT * 2) - len(line.text) - len(line.label) - 1
        return f"{line.text}{' ' * max(gap, 2)}{line.label}{'' if shown.startswith(' ') else ' '}{shown}"

    def behind(self, row: _Row) -> str:
        """The comment behind a line of code; none where it has no room."""
        if not row.shown:
            return ""
        shown = self._text(row.shown)
        for comment in (f"{' ' * (self._at - row.length - 3)}{shown}", shown.strip()):
            if row.length + len("  # ") + len(comment) <= WIDTH:
                return comment
        return ""

    def _text(self, shown: Shown) -> str:
        """The first size in its column, others behind it."""
        first, *others = shown
        grid = " x ".join(size.rjust(width) for size, width in zip(first.grid or (), self._grid, strict=False))
        aligned = first.channels.rjust(self._channels) + (f" x {grid}" if grid else "")
        return ", ".join([aligned, *(" x ".join((size.channels, *(size.grid or ()))) for size in others)])


def _flat(body: Iterable[Line], depth: int) -> Iterator[tuple[Line, int]]:
    """All lines, each with the depth of its indentation."""
    for line in body:
        yield line, depth
        if isinstance(line, With):
            yield from _flat(line.lines, depth + 1)


def _code(line: Line, depth: int) -> list[str]:
    match line:
        case Assign(target=target, value=value):
            return targets(target, value, depth)
        case Return(value=value):
            return lines("return ", value, "", depth)
        case ReturnIf(test=test, value=value):
            return [*lines("if ", test, ":", depth), f"{INDENT * (depth + 1)}return {value}"]
        case Do(call=call):
            return lines("", call, "", depth)
        case With(context=context):
            return lines("with ", context, ":", depth)
        case Header() | Blank():
            return [""]


def _chain(model: ClassModel) -> list[str]:
    """The constructor of an `nn.Sequential`."""
    made = lines("", Bracketed("super().__init__", model.chained), "", 2)
    return [*_definition("__init__", model.parameters, "None"), *_lets(model), *made]


def _lets(model: ClassModel) -> list[str]:
    return [line for each in model.lets for line in lines(f"{each.name} = ", each.value, "", 2)]


def _definition(name: str, parameters: Sequence[Parameter], returns: str) -> list[str]:
    positional = [str(each) for each in parameters if not each.keyword_only]
    named = [str(each) for each in parameters if each.keyword_only]
    items = ("self", *positional, *(("*", *named) if named else ()))
    return lines("def ", Bracketed(name, items), f" -> {returns}:", 1)

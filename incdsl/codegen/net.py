"""The class of the net: its stages with their shapes, its auxiliary heads, what it returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from incdsl.codegen.classes import Classes, access, shown
from incdsl.codegen.expr_writer import ExprWriter
from incdsl.codegen.forward import Forward, Statement
from incdsl.codegen.layout import INDENT, WIDTH, Bracketed, flat, lines
from incdsl.codegen.runs import runs
from incdsl.ir.graph import Chain, Head
from incdsl.ir.net import Net
from incdsl.values import Image, Real, Shape, expression
from incdsl.values.num import Linear

_FAR = 56
"""Lines longer than this do not push the column of shapes to the right."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of code, or a section's header, with a shape to show behind it."""

    code: str
    shape: Shape | None = None
    header: str = ""
    label: str = ""


class NetWriter:
    """Writes the net's class, and the tuple that it returns if it has more than one output; `extra` are methods."""

    def __init__(self, net: Net, classes: Classes, extra: Sequence[str] = ()) -> None:
        self._net = net
        self._extra = extra
        self._classes = classes
        self._comment = classes.comment
        self._graph = net.graph
        self._body = classes.plan.net
        self._fixed = {name: value for name, value in net.params.items() if name in net.fixed}
        fixed = {k: v for k, v in self._fixed.items() if isinstance(v, int) and not isinstance(v, bool)}
        self._numbers = {name: Linear(int(value)) for name, value in fixed.items()}
        self._labels = {item.label for item in self._body.items}
        self._values: dict[str, str] = {}

    @property
    def outputs_name(self) -> str:
        """The class of the returned tuple."""
        return f"{self._net.name}Outputs"

    @property
    def fields(self) -> list[str]:
        """Names of the returned values: outputs, then heads."""
        return [*self._graph.outputs, *(head.name for head in self._graph.heads)]

    def tuple_text(self) -> list[str]:
        """The `NamedTuple` of several outputs; nothing for a net with one."""
        if len(self.fields) == 1:
            return []
        shapes = self._classes.shapes(self._body)
        ends = {**self._graph.outputs, **{head.name: head.node for head in self._graph.heads}}
        absent = {head.name for head in self._graph.heads} if len(self._graph.outputs) > 1 else set()
        lines_ = [f"class {self.outputs_name}(NamedTuple):"]
        for name, node in ends.items():
            kind = "Tensor | None" if name in absent else "Tensor"
            lines_.append(f"{INDENT}{name}: {kind}  {self._comment(shown(shapes[node], self._numbers))}")
        return lines_

    def text(self) -> list[str]:
        """The net's class."""
        graph, body = self._graph, self._body
        numbers = {k: int(v) for k, v in self._fixed.items() if isinstance(v, int) and not isinstance(v, bool)}
        reals = {k: float(v) for k, v in self._fixed.items() if isinstance(v, Real)}
        writer = ExprWriter({**numbers, **reals}, self._labels)
        shapes = self._classes.shapes(body)
        found = runs(body, shapes)
        forward = Forward(body, shapes, writer, access(body, found), found)
        arguments = {node: name for name, node in graph.inputs.items()}
        ends = [*((head.name, head.node) for head in graph.heads), *graph.outputs.items()]
        self._values = {name: forward.value(node) for name, node in ends}
        keep = {value: name for name, value in self._values.items() if value not in arguments}
        statements = forward.statements(arguments, keep)
        code = self._layout(statements, arguments, shapes)
        members = self._classes.members(body, shapes, writer, found)
        stored = [f"{INDENT * 2}self.{writer.attribute(name)} = {name}" for name in writer.stored]
        return [
            *map(self._comment, body.instance.comments),
            f"class {self._net.name}(nn.Module):",
            f'{INDENT}"""{self._docstring(shapes)}"""',
            "",
            *self._weights(),
            *self._constructor(members, stored),
            *self._extra,
            *self._signature(),
            *code,
            *self._return(statements, arguments),
        ]

    def _docstring(self, shapes: dict[str, Shape]) -> str:
        graph = self._graph
        ins = ", ".join(self._free(self._classes.plan.shapes[node]) for node in graph.inputs.values())
        outs = ", ".join(shown(shapes[node], self._numbers) for node in graph.outputs.values())
        if len(graph.outputs) > 1:
            return f"{ins} -> {self.outputs_name}"
        if not graph.heads:
            return f"{ins} -> {outs}"
        heads = graph.heads
        what = "the aux head's output" if len(heads) == 1 else "the aux heads' outputs"
        return f"{ins} -> {outs}; while training also {what}."

    def _free(self, shape: Shape) -> str:
        return f"[N, {int(shape.channels)}, H, W]" if isinstance(shape, Image) else f"[N, {int(shape.channels)}]"

    def _weights(self) -> list[str]:
        if not self._graph.heads:
            return []
        entries = tuple(f'"{head.name}": {head.weight!r}' for head in self._graph.heads)
        return [*lines("aux_weights: ClassVar = ", Bracketed("", entries, "{}"), "", 1), ""]

    def _constructor(self, members: list[str], stored: list[str]) -> list[str]:
        params = [f"{name}={value!r}" for name, value in self._arguments().items()]
        if self._graph.heads:
            params += ["*", "aux=True"]
        if not members and not stored:
            return []
        opening = lines("def ", Bracketed("__init__", ("self", *params)), ":", 1)
        return [*opening, f"{INDENT * 2}super().__init__()", *stored, *members, ""]

    def _arguments(self) -> dict[str, int | float]:
        return {
            name: int(value) if isinstance(value, int) else float(value)
            for name, value in self._net.params.items()
            if name not in self._net.fixed
        }

    def _signature(self) -> list[str]:
        outputs, heads = len(self._graph.outputs), len(self._graph.heads)
        if outputs + heads == 1:
            returns = "Tensor"
        else:
            returns = self.outputs_name if outputs > 1 else f"Tensor | {self.outputs_name}"
        params = tuple(f"{name}: Tensor" for name in self._graph.inputs)
        return lines("def ", Bracketed("forward", ("self", *params)), f" -> {returns}:", 1)

    # forward

    def _layout(self, statements: list[Statement], arguments: dict[str, str], shapes: dict[str, Shape]) -> list[str]:
        """Statements with the shape of their value behind them, in columns; a comment heads each named chain."""
        found: list[_Line] = []
        chain: Chain | None = None
        heads = {self._values[head.name]: head for head in self._graph.heads}
        for statement in statements:
            if statement.value in heads:
                found.append(_Line(self._head_call(heads[statement.value], statement)))
                chain = None
                continue
            root = statement.chain.root
            if root is not chain:
                first = chain is None and not any(line.header for line in found)
                shape = self._classes.plan.shapes[next(iter(arguments))] if first and len(arguments) == 1 else None
                label = next(iter(arguments.values())) if shape else ""
                found.append(_Line("", shape, root.name, label))
                chain = root
            made = lines(f"{statement.target} = ", statement.doc, "", 2)
            before, after = shapes[statement.reads[0]], shapes[statement.value]
            moves = len(made) == 1 and len(statement.holds) == 1 and not self._same(statement, before, after)
            found += [_Line(line, after if moves else None) for line in made]
        return self._columns(found)

    def _same(self, statement: Statement, before: Shape, after: Shape) -> bool:
        """Whether an op of one value, without parameters, leaves the shape as it was: there is nothing to show."""
        node = statement.item.node
        plain = node is not None and node.op.kind in ("pointwise", "view") and not node.op.owns_parameters()
        return plain and len(statement.reads) == 1 and before == after

    def _columns(self, found: list[_Line]) -> list[str]:
        shapes = {id(line): self._shape(line) for line in found if line.shape is not None}
        channels = max((len(t[0]) for t in shapes.values()), default=0)
        grids = [t[1] for t in shapes.values() if t[1]]
        widths = [max((len(grid[i]) for grid in grids), default=0) for i in (0, 1)]
        codes = [len(line.code) for line in found if line.shape is not None and line.code]
        column = max((c for c in codes if c <= _FAR), default=0) + 3
        written = []
        for line in found:
            shape = shapes.get(id(line))
            text = ""
            if shape:
                grid = " x ".join(p.rjust(w) for p, w in zip(shape[1], widths, strict=True)) if shape[1] else ""
                text = shape[0].rjust(channels) + (f" x {grid}" if grid else "")
            written.append(
                self._header(line, text, column) if line.header else self._commented(line.code, text, column)
            )
        return written

    def _header(self, line: _Line, shape: str, column: int) -> str:
        """`# stem    image    3 x 299 x 299`: the chain, and for the first one what flows in."""
        if not shape:
            return f"{INDENT * 2}{self._comment(line.header)}"
        gap = column - len(INDENT * 2) - len(line.header) - len(line.label) - 1
        text = f"{line.header}{' ' * max(gap, 2)}{line.label}{'' if shape.startswith(' ') else ' '}{shape}"
        return f"{INDENT * 2}{self._comment(text)}"

    def _commented(self, code: str, shape: str, column: int) -> str:
        if not shape:
            return code
        text = shape.strip() if len(code) > _FAR else f"{' ' * (column - len(code) - 3)}{shape}"
        if len(code) + len(text) + 4 > WIDTH:
            return code
        return f"{code}  {self._comment(text)}"

    def _shape(self, line: _Line) -> tuple[str, tuple[str, str] | None]:
        shape = line.shape
        assert shape is not None
        if not isinstance(shape, Image):
            return self._vector(shape), None
        conditions = self._net.conditions
        sizes = [conditions.size(e) for e in (shape.height, shape.width)]
        texts = [str(e if s is None else s) for s, e in zip(sizes, (shape.height, shape.width), strict=True)]
        return str(int(shape.channels)), (texts[0], texts[1])

    def _vector(self, shape: Shape) -> str:
        """The length, or the constructor argument behind it."""
        expr = expression(shape.channels)
        names = expr.symbols
        return str(expr) if names and not names & self._fixed.keys() else str(int(shape.channels))

    def _head_call(self, head: Head, statement: Statement) -> str:
        path = f"self.{head.instance.label}"
        call = flat(statement.doc)
        return f"{INDENT * 2}{head.name} = {call} if self.training and {path} is not None else None"

    def _return(self, statements: list[Statement], arguments: dict[str, str]) -> list[str]:
        graph = self._graph
        held = {**arguments, **{value: name for s in statements for value, name in s.holds.items()}}
        values = [held[self._values[name]] for name in graph.outputs]
        heads = [head.name for head in graph.heads]
        if not heads:
            doc = values[0] if len(values) == 1 else Bracketed(self.outputs_name, tuple(values))
            return lines("return ", doc, "", 2)
        everything = Bracketed(self.outputs_name, (*values, *heads))
        if len(values) > 1:
            return lines("return ", everything, "", 2)
        missing = " and ".join(f"{name} is None" for name in heads)
        return [f"{INDENT * 2}return {values[0]} if {missing} else {flat(everything)}"]

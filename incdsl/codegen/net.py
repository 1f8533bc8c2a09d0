"""The model of the net's class: its stages with their shapes, its auxiliary heads, the tuple that it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any

from incdsl.codegen.bodies import Body
from incdsl.codegen.classes import Classes, Made, returning, shown
from incdsl.codegen.constructor import AUX, type_of
from incdsl.codegen.forks import fork_lines, fork_parts
from incdsl.codegen.forward import Statement
from incdsl.codegen.layout import Bracketed, Joined
from incdsl.codegen.model import (
    Assign,
    Attribute,
    ClassModel,
    Field,
    Header,
    Line,
    OutputsModel,
    Parameter,
    Return,
    ReturnIf,
    Shown,
    Size,
)
from incdsl.ir.graph import Chain
from incdsl.ir.net import Net
from incdsl.values import Image, Real, Shape, expression
from incdsl.values.num import Linear


class NetModel:
    """Models the net's class, and the tuple that it returns if it has more than one output; `methods` are lines."""

    def __init__(self, net: Net, classes: Classes, methods: Sequence[str] = (), base: str = "nn.Module") -> None:
        self._net = net
        self._classes = classes
        self._methods = tuple(methods)
        self._base = base
        self._body: Body = classes.plan.net.body
        self._fixed = {name: net.params[name] for name in net.params if name in net.fixed}
        fixed = {k: v for k, v in self._fixed.items() if isinstance(v, int) and not isinstance(v, bool)}
        self._numbers = {name: Linear(int(value)) for name, value in fixed.items()}
        self._outputs = [port for port in self._body.outputs if not port.optional]
        self._heads = [port.name for port in self._body.outputs if port.optional]

    @property
    def _outputs_name(self) -> str:
        return f"{self._net.name}Outputs"

    def outputs(self) -> OutputsModel | None:
        """The `NamedTuple` of several outputs; None for a net with one."""
        if len(self._body.outputs) == 1:
            return None
        shapes = self._classes.plan.shapes.of(self._body)
        several = len(self._outputs) > 1
        fields = [
            Field(
                port.name,
                "Tensor | None" if port.optional and several else "Tensor",
                shown(shapes[port.value], self._numbers),
            )
            for port in self._body.outputs
        ]
        return OutputsModel(self._outputs_name, tuple(fields))

    def model(self) -> ClassModel:
        """The net's class."""
        made = self._classes.made(self._classes.plan.net, self._constants())
        weights = tuple([f'"{head.name}": {head.weight!r}' for head in self._net.graph.heads])
        table = Attribute("aux_weights: ClassVar[dict[str, float]]", Bracketed("", weights, "{}"))
        return ClassModel(
            name=self._net.name,
            docstring=(self._docstring(made.shapes),),
            parameters=self._parameters(),
            stored=made.stored,
            members=made.members,
            inputs=tuple([Parameter(port.name, "Tensor") for port in self._body.inputs]),
            returns=self._returns(),
            body=tuple(self._body_lines(made)),
            comments=self._body.instance.comments,
            constants=(table,) if weights else (),
            methods=self._methods,
            base=self._base,
            lets=made.lets,
        )

    def _constants(self) -> dict[str, Any]:
        """Parameters that are decided at compile time."""
        numbers = {k: int(v) for k, v in self._fixed.items() if isinstance(v, int) and not isinstance(v, bool)}
        return {**numbers, **{k: float(v) for k, v in self._fixed.items() if isinstance(v, Real)}}

    def _parameters(self) -> tuple[Parameter, ...]:
        values = {
            name: int(value) if isinstance(value, int) else float(value)
            for name, value in self._net.params.items()
            if name not in self._net.fixed
        }
        params = [Parameter(name, type_of([value]), repr(value)) for name, value in values.items()]
        return (*params, AUX) if self._heads else tuple(params)

    def _docstring(self, shapes: Mapping[str, Shape]) -> str:
        ins = ", ".join(_free(shapes[port.value]) for port in self._body.inputs)
        if len(self._outputs) > 1:
            return f"{ins} -> {self._outputs_name}"
        flow = f"{ins} -> {shown(shapes[self._outputs[0].value], self._numbers)}"
        if not self._heads:
            return flow
        what = "the aux head's output" if len(self._heads) == 1 else "the aux heads' outputs"
        return f"{flow}; while training also {what}."

    def _returns(self) -> str:
        if len(self._body.outputs) == 1:
            return "Tensor"
        return self._outputs_name if len(self._outputs) > 1 else f"Tensor | {self._outputs_name}"

    def _body_lines(self, made: Made) -> list[Line]:
        lines = [*made.unpacked, *self._lines(made)]
        if len(made.returned) == 1:
            return returning(lines, made.returned)
        everything = Bracketed(self._outputs_name, made.returned)
        if len(self._outputs) > 1:
            return [*lines, Return(everything)]
        missing = tuple([f"{name} is None" for name in self._heads])
        test = Joined("or", missing) if len(missing) > 1 else missing[0]
        return [*lines, ReturnIf(test, made.returned[0]), Return(everything)]

    # forward

    def _lines(self, made: Made) -> list[Line]:
        """Statements with their shapes behind them; a comment heads each chain that its code does not name."""
        found: list[Line] = []
        for statements in fork_parts(made.statements):
            if statements[0].lane:
                found += fork_lines(statements, made, partial(self._chains, made=made, before=tuple(found)))
            else:
                found += self._chains(statements, made, found)
        return found

    def _chains(self, some: Sequence[Statement], made: Made, before: Sequence[Line]) -> list[Line]:
        """Statements that run in order, behind these lines."""
        found: list[Line] = []
        for root, chain in groupby(some, key=lambda each: None if each.item.is_head else each.chain.root):
            statements = list(chain)
            found += map(Header, statements[0].comments)
            if root and not any(isinstance(line, Header) and line.shown for line in (*before, *found)):
                found.append(self._header(root, made))
            elif root and not self._says(root, statements, made):
                found.append(Header(root.name))
            for each in statements:
                found += map(Header, () if each is statements[0] else each.comments)
                found.append(Assign(each.target, each.doc, self._shown(each, made.shapes)))
        return found

    def _says(self, chain: Chain, statements: list[Statement], made: Made) -> bool:
        """Whether the code itself says the name of a chain: all that it assigns is called so."""
        returned = len(made.returned) == 1 and statements[-1] is made.statements[-1]
        return not returned and all(chain.name in each.holds.values() for each in statements)

    def _header(self, chain: Chain, made: Made) -> Header:
        """The name of the first chain, and behind it what flows into the net."""
        if len(self._body.inputs) > 1:
            return Header(chain.name)
        port = self._body.inputs[0]
        return Header(chain.name, port.name, (self._size(made.shapes[port.value]),))

    def _shown(self, statement: Statement, shapes: Mapping[str, Shape]) -> Shown:
        """The shapes of what a statement makes; nothing for a head, which may not run, and where nothing changes."""
        item = statement.item
        inner = self._classes.plan.bodies.get(item.instance) if item.instance else None
        heads = {port.value for port in inner.outputs if port.optional} if inner else set()
        sizes = [self._size_of(value, shapes) for value in statement.values if value not in heads]
        before = [self._size_of(value, shapes) for value in statement.reads]
        return () if item.is_head or (_is_plain(statement) and before == sizes) else tuple(sizes)

    def _size_of(self, value: str, shapes: Mapping[str, Shape]) -> Size:
        if value in self._classes.plan.vectors.values:
            return Size(str(int(shapes[value].channels)))
        return self._size(shapes[value])

    def _size(self, shape: Shape) -> Size:
        if not isinstance(shape, Image):
            return Size(self._length(shape))
        extents = (shape.height, shape.width)
        sizes = [self._net.conditions.size(extent) for extent in extents]
        height, width = (str(e if s is None else s) for s, e in zip(sizes, extents, strict=True))
        return Size(str(int(shape.channels)), (height, width))

    def _length(self, shape: Shape) -> str:
        """The length of a vector, or the constructor argument behind it."""
        expr = expression(shape.channels)
        names = expr.symbols
        return str(expr) if names and not names & self._fixed.keys() else str(int(shape.channels))


def _is_plain(statement: Statement) -> bool:
    """Whether it is an op of one value, without parameters, that has nothing to show if it leaves the shape alone."""
    node = statement.item.node
    plain = node is not None and node.op.kind in ("pointwise", "view") and not node.op.owns_parameters()
    return plain and len(statement.reads) == 1


def _free(shape: Shape) -> str:
    return f"[N, {int(shape.channels)}, H, W]" if isinstance(shape, Image) else f"[N, {int(shape.channels)}]"

"""Models of the classes of a plan: constructors, docstrings, and `forward` in paragraphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from incdsl.codegen.access import access
from incdsl.codegen.bodies import Body, Port
from incdsl.codegen.constructor import Constructor, dropped
from incdsl.codegen.expr_writer import ExprWriter
from incdsl.codegen.flow import Flow
from incdsl.codegen.forks import fork_lines, fork_parts
from incdsl.codegen.forward import Forward, Statement
from incdsl.codegen.layout import INDENT, WIDTH, Bracketed, Doc
from incdsl.codegen.model import Assign, Attribute, Blank, ClassModel, Header, Line, Parameter, Return
from incdsl.codegen.plan import Class, Plan, lanes_of
from incdsl.codegen.runs import joined, runs, whole
from incdsl.values import Extent, Image, Shape
from incdsl.values.num import Linear, spelled

_DOCSTRING = WIDTH - len(INDENT) - 6


@dataclass(frozen=True, slots=True)
class Made:
    """What every class has, net or not: its constructor, and the statements of its `forward`."""

    shapes: Mapping[str, Shape]
    parameters: tuple[Parameter, ...]
    stored: tuple[Attribute, ...]
    members: tuple[Attribute, ...]
    unpacked: tuple[Assign, ...]
    """What `forward` takes out of containers first."""
    statements: list[Statement]
    returned: tuple[str, ...]
    """The variables of its outputs."""
    variables: Mapping[str, str]
    """Of all values."""
    chained: tuple[Doc, ...] = ()
    """The modules of a class that is an `nn.Sequential`; then the rest is empty."""
    lets: tuple[Attribute, ...] = ()
    """Numbers with names that the constructor uses."""


class Classes:
    """Models classes; what a class constructs is modelled before it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.helpers: dict[str, None] = {}
        self._params: dict[Class, tuple[Parameter, ...]] = {}
        self._models: dict[Class, ClassModel] = {}

    def models(self) -> list[ClassModel]:
        """All classes but the net's, in order."""
        return [self._model(each) for each in self.plan.classes[:-1]]

    def made(self, each: Class, constants: Mapping[str, Any]) -> Made:
        """Constructor and statements of a class; `constants` are symbols that are written as numbers."""
        body, shapes = each.body, self.plan.shapes.of(each.body)
        for used in self._constructs(body):
            self._model(used)
        writer = ExprWriter(constants, {item.label for item in body.items}, body.instance.lets)
        flow = Flow(body, shapes, self.plan.vectors)
        run = None if body.is_net else whole(flow)
        found = {"": run} if run else runs(flow)
        lane = lanes_of(body.items, self.plan.lanes)
        found = {path: each for path, each in found.items() if len({lane[item] for item in each.items}) == 1}
        reached = access(flow.items, found, {port.name for port in (*body.inputs, *body.outputs)})
        constructor = Constructor(self.plan, self._params, self.helpers, each, shapes, writer, flow, found)
        if run:
            chained, lets = constructor.chained(run), _lets(writer)
            self._params[each] = constructor.parameters()
            return Made(shapes, self._params[each], (), (), (), [], (), {}, chained, lets)
        members = constructor.members()
        items = joined(flow, found)
        lanes = {item: lane[(item.within or (item,))[0]] for item in items}
        forward = Forward(flow.of(items), writer, reached, lanes)
        statements = forward.statements()
        held = forward.held(statements)
        lets = _lets(writer)
        stored = tuple([Attribute(writer.attribute(name), name) for name in writer.stored])
        self._params[each] = constructor.parameters()
        returned = tuple([held[flow.value(port.value)] for port in body.outputs])
        unpacked = tuple([Assign(part.name, part.source) for part in reached.unpacked])
        return Made(
            shapes, self._params[each], stored, members, unpacked, statements, returned, held, lets=lets
        )  # fmt: skip

    def _constructs(self, body: Body) -> Iterator[Class]:
        """The classes whose constructors a body calls."""
        for item in body.items:
            if item.instance:
                found = self.plan.class_of.get(item.instance)
                yield from [found] if found else self._constructs(self.plan.bodies[item.instance])

    def _model(self, each: Class) -> ClassModel:
        if each not in self._models:
            self._models[each] = self._made_model(each)
        return self._models[each]

    def _made_model(self, each: Class) -> ClassModel:
        body, constants = each.body, dropped(each)
        made = self.made(each, constants)
        has_constructor = bool(made.members or made.stored or made.chained)
        return ClassModel(
            name=each.name,
            docstring=self._docstring(each, made.shapes, constants),
            parameters=made.parameters if has_constructor else (),
            stored=made.stored,
            members=made.members,
            inputs=tuple([Parameter(port.name, "Tensor") for port in body.inputs]),
            returns=returned_type(body),
            body=() if made.chained else _paragraphs(made, apart=body.instance.kind != "unit"),
            comments=body.instance.comments if each.is_first else (),
            chained=made.chained,
            lets=made.lets,
        )

    def _docstring(self, each: Class, shapes: Mapping[str, Shape], constants: Mapping[str, Any]) -> tuple[str, ...]:
        body = each.body
        if body.instance.kind == "unit":
            words = [
                item.node.op.display_name if item.node else (item.instance.word if item.instance else "")
                for item in body.items
            ]
            return (" -> ".join(words) + ".",)
        numbers = {k: Linear(int(v)) for k, v in constants.items() if isinstance(v, int)}
        same_grid = all(self.plan.shapes.holds(body, shapes, other) for other in each.instances)
        ins = {port.name: shown(shapes[port.value], numbers) for port in body.inputs}
        outs = [shapes[port.value] if same_grid else _any_grid(shapes[port.value]) for port in body.outputs]
        where = f"; for {_listed([found.instance.path for found in each.instances])}" if not each.is_first else ""
        if len(body.inputs) == len(body.outputs) == 1:
            flow = f"{ins[body.inputs[0].name]} -> {shown(outs[0], numbers)}"
            return (flow + where if len(flow + where) <= _DOCSTRING else flow,)
        names = output_names(body)
        flow = f"{', '.join(ins)} -> {', '.join(names)}"
        rows = [*ins.items(), *zip(names, (shown(shape, numbers) for shape in outs), strict=True)]
        width = max(len(name) for name, _ in rows) + 1
        table = [f"{f'{name}:'.ljust(width)} {shape}" for name, shape in rows]
        return (flow + where if len(flow + where) <= _DOCSTRING else flow, "", *table)


def _lets(writer: ExprWriter) -> tuple[Attribute, ...]:
    return tuple([Attribute(name, value) for name, value in writer.locals()])


def output_names(body: Body) -> list[str]:
    """What the outputs of a class are called where people read of it."""
    return [port.name or "y" for port in body.outputs]


def returned_type(body: Body) -> str:
    """The type of what `forward` returns."""
    types = [_type(port) for port in body.outputs]
    return types[0] if len(types) == 1 else f"tuple[{', '.join(types)}]"


def _type(port: Port) -> str:
    return "Tensor | None" if port.optional else "Tensor"


def shown(shape: Shape, constants: Mapping[str, Linear] = {}) -> str:
    """A shape with its batch, for docstrings: `[N, 224 + pool, H, W]`."""
    channels = spelled(shape.channels).substitute(constants).show()
    if isinstance(shape, Image):
        return f"[N, {channels}, {shape.height}, {shape.width}]"
    return f"[N, {channels}]"


def _any_grid(shape: Shape) -> Shape:
    """A shape whose height and width follow from the arguments."""
    return Image(shape.channels, Extent.of("H'"), Extent.of("W'")) if isinstance(shape, Image) else shape


def _paragraphs(made: Made, apart: bool) -> tuple[Line, ...]:
    """The statements of a part of a net, forks among them; what gives the output last is returned."""
    written: list[Line] = [*made.unpacked, *([Blank()] if made.unpacked and apart else [])]
    parts = fork_parts(made.statements)
    for before, part in pairwise([[], *parts]):
        if before:
            written.append(Blank())
        if part[0].lane:
            written += fork_lines(part, made, lambda some: _chains(some, (), apart))
        else:
            written += _chains(part, made.returned if part is parts[-1] else (), apart)
    return tuple(returning(written, made.returned))


def _chains(statements: Sequence[Statement], returned: tuple[str, ...], apart: bool) -> list[Line]:
    """Statements that run in order: chains of several stand apart.

    What is returned stands apart where more than one chain stands before it.
    """
    chains = [list(chain) for _, chain in groupby(statements, key=lambda statement: statement.chain)]
    some_are_long = any(len(chain) > 1 for chain in chains)
    written: list[Line] = []
    for before, chain in pairwise([[], *chains]):
        ends = chain is chains[-1] and len(chain) == len(returned) == 1
        long = some_are_long and len(chains) > 2 if ends else max(len(before), len(chain)) > 1
        if apart and before and long:
            written.append(Blank())
        for statement in chain:
            written += [*map(Header, statement.comments), Assign(statement.target, statement.doc)]
    return written


def returning(written: list[Line], names: tuple[str, ...]) -> list[Line]:
    """The lines, and the return of these variables: of what the last line gives, if that is all."""
    *above, last = written or [Blank()]
    if isinstance(last, Assign) and (last.target,) == names:
        return [*above, Return(last.value, last.shown)]
    return [*written, Return(several(names))]


def several(names: tuple[str, ...]) -> Doc:
    """One value, or several as a tuple: in parentheses only where a line cannot hold them."""
    text = ", ".join(names)
    return text if len(text) <= WIDTH - len(f"{INDENT * 2}return ") else Bracketed("", names)


def _listed(names: list[str]) -> str:
    """A few names, and how many there are."""
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last

"""One net of a spec, elaborated: its graph, what the input's size has to meet, and what the spec expects of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from incdsl.diagnostics import CompileError, Sink
from incdsl.diagnostics.limits import NumberTooLarge
from incdsl.diagnostics.names import (
    BadExpression,
    BadFlow,
    BadName,
    BadParameter,
    BadSetting,
    ChooseNet,
    IncompleteNet,
    NameTaken,
    UnknownSetting,
    Unused,
)
from incdsl.elaborate.build import Assertion, Builder
from incdsl.elaborate.conditions import Conditions
from incdsl.elaborate.frame import Complaint, Frame, Poisoned, Value
from incdsl.elaborate.naming import spliced
from incdsl.elaborate.place import Placer, Spot
from incdsl.elaborate.reserved import why_no_identifier
from incdsl.ir.graph import Chain, Graph, Head, Input, Scope
from incdsl.ops import REGISTRY
from incdsl.syntax import tree
from incdsl.types import Extent, Image, Num, Real, Shape, TooComplicated, Vector

MAX_STEPS = 10_000
DEFAULT_WEIGHT = 1.0


@dataclass(frozen=True, slots=True)
class Expectation:
    """A fact that the spec states; its value is known, whether it holds is not yet."""

    fact: tree.Name
    value: int | str
    span: Any


@dataclass(frozen=True, eq=False)
class Net:
    """An elaborated net."""

    name: str
    graph: Graph
    conditions: Conditions
    params: dict[str, Any]
    fixed: frozenset[str]
    """Parameters that are decided at compile time; the others are arguments of the generated constructor."""
    expectations: tuple[Expectation, ...]
    assertions: tuple[Assertion, ...]


def choose(file: tree.File, name: str | None, sink: Sink) -> tree.Net:
    """The net of this name, or the only one."""
    nets = {net.name.text: net for net in file.nets}
    if name in nets:
        return nets[name]
    if name is None and len(nets) == 1:
        return file.nets[0]
    sink.add(ChooseNet(span=file.edition_span, name=name, nets=tuple(nets)))
    raise CompileError(tuple(sink))


def elaborate(
    file: tree.File, net: tree.Net, settings: Mapping[str, Any], sink: Sink, max_steps: int = MAX_STEPS
) -> Net:
    """Build the graph of a net; problems go to the sink, and end the phase.

    Raises:
        CompileError: with all problems found.
    """
    units, blocks = _definitions(file, sink)
    scope = Scope("net", net.name.text, "", None, comments=net.comments, span=net.name.span)
    conditions = Conditions()
    builder = Builder(units, blocks, Placer(Graph(scope), conditions, sink, max_steps), sink)
    result = _NetBuilder(net, builder, scope, sink).run(settings)
    sink.stop_on_errors()
    assert result is not None
    return result


def _definitions(file: tree.File, sink: Sink) -> tuple[dict[str, tree.Unit], dict[str, tree.Block]]:
    units: dict[str, tree.Unit] = {}
    blocks: dict[str, tree.Block] = {}
    taken: set[str] = set()
    definitions: tuple[tree.Unit | tree.Block | tree.Net, ...] = (*file.units, *file.blocks, *file.nets)
    for definition in definitions:
        name = definition.name
        by = ""
        if name.text in REGISTRY or name.text == "split":
            by = "the name of an op"
        elif name.text in taken:
            by = "defined already"
        elif reason := why_no_identifier(name.text):
            sink.add(BadName(span=name.span, name=name.text, reason=reason))
        if by:
            sink.add(NameTaken(span=name.span, name=name.text, taken_by=by))
        taken.add(name.text)
        if isinstance(definition, tree.Unit):
            units[name.text] = definition
        elif isinstance(definition, tree.Block):
            blocks[name.text] = definition
            _params(definition.params, sink)
    return units, blocks


def _params(params: tuple[tree.Param, ...], sink: Sink) -> None:
    seen: set[str] = set()
    for param in params:
        if reason := why_no_identifier(param.name):
            sink.add(BadName(span=param.span, name=param.name, reason=reason))
        if param.name in seen:
            sink.add(NameTaken(span=param.span, name=param.name, taken_by="a parameter already"))
        seen.add(param.name)


class _NetBuilder:
    """The items of a net, in order."""

    def __init__(self, net: tree.Net, builder: Builder, scope: Scope, sink: Sink) -> None:
        self._net = net
        self._builder = builder
        self._sink = sink
        self._graph = builder.placer.graph
        self._conditions = builder.placer.conditions
        self._frame = Frame(scope, net.name.text, is_net=True)
        self._expectations: list[Expectation] = []
        self._outputs: set[str] = set()
        self._poisoned = False

    def run(self, settings: Mapping[str, Any]) -> Net | None:
        """The net, or nothing once its problems are in the sink."""
        _params(self._net.params, self._sink)
        self._take_parameters(settings)
        inputs = [item for item in self._net.items if isinstance(item, tree.Input)]
        for one in inputs:
            self._guarded(self._input, one, len(inputs) > 1)
        for item in self._net.items:
            if isinstance(item, tree.Bind | tree.Output):
                self._bind(item)
            elif isinstance(item, tree.Aux):
                self._guarded(self._aux, item)
            elif isinstance(item, tree.Expect):
                self._guarded(self._expect, item)
        self._complete(inputs)
        if self._sink.errors:
            return None
        params = {p.name: self._frame.params[p.name] for p in self._net.params}
        free = {n for n, v in params.items() if isinstance(v, Num | Real)} - self._builder.pins.names
        return Net(
            self._net.name.text, self._graph, self._conditions, params, frozenset(params.keys() - free),
            tuple(self._expectations), tuple(self._builder.assertions),
        )  # fmt: skip

    def _guarded(self, method: Any, *arguments: Any) -> None:
        try:
            method(*arguments)
        except Complaint as complaint:
            self._sink.add(complaint.diagnostic)
        except Poisoned:
            self._poisoned = True
        except TooComplicated as error:
            self._sink.add(NumberTooLarge(span=arguments[0].span, path=self._frame.title, reason=str(error)))

    def _take_parameters(self, settings: Mapping[str, Any]) -> None:
        names = {p.name for p in self._net.params}
        unknown = sorted(settings.keys() - names)
        if unknown:
            hint = f"its parameters are {', '.join(sorted(names))}" if names else "it has none"
            listed = " and ".join(f"no parameter `{name}`" for name in unknown)
            reason = f"`{self._net.name.text}` has {listed}"
            self._sink.add(BadParameter(span=self._net.name.span, reason=reason, hint=hint))
        for param in self._net.params:
            if param.name in settings:
                value = settings[param.name]
            elif param.default is None:
                reason, hint = f"`{param.name}` has no value", f"write `--set {param.name}=…`, or give it a default"
                self._sink.add(BadParameter(span=param.span, reason=reason, hint=hint))
                value = 1
            else:
                empty = Frame(self._frame.scope, self._frame.title)
                try:
                    value = self._builder.evaluate.value(param.default, empty)
                except Complaint as complaint:
                    self._sink.add(complaint.diagnostic)
                    value = 1
            if isinstance(value, int) and not isinstance(value, bool):
                value = Num.symbol(value, param.name)
            elif isinstance(value, float):
                value = Real(value, param.name)
            self._frame.params[param.name] = value

    def _input(self, item: tree.Input, several: bool) -> None:
        name, dims = item.name, item.dims.items
        self._builder.claim_value(name, self._frame)
        channels = self._builder.evaluate.number(dims[0], self._frame)
        self._builder.pins.pin(self._frame, channels)
        if not isinstance(channels, int) or isinstance(channels, bool) or channels < 1:
            raise Complaint(self._bad_input(item, "the number of channels must be a whole number of at least 1"))
        shape: Shape = Vector(int(channels))
        if len(dims) == 3:
            prefix = f"{name.text}." if several else ""
            extents = [self._extent(dim, axis, prefix, item) for dim, axis in zip(dims[1:], "HW", strict=True)]
            shape = Image(int(channels), *extents)
        elif len(dims) != 1:
            raise Complaint(self._bad_input(item, f"an input is [C, H, W] or [C], not of {len(dims)} dimensions"))
        spot = Spot(name.span, Chain(name.text), self._builder.placer.step_number())
        value = self._builder.placer.place(Input(shape=shape), [], self._frame, spot)
        self._graph.inputs[name.text] = value.node
        self._frame.values[name.text] = Value(value.node, shape)

    def _extent(self, dim: tree.Expr, axis: str, prefix: str, item: tree.Input) -> Extent:
        nominal = self._conditions.nominal
        if isinstance(dim, tree.Variable) and dim.name not in self._frame.params:
            if dim.name != axis:
                reason = f"a free size is written `{axis}` here, as in [3, H, W]"
                raise Complaint(self._bad_input(item, reason))
            nominal[axis] = None
            return Extent.of(axis)
        size = self._builder.evaluate.number(dim, self._frame)
        self._builder.pins.pin(self._frame, size)
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size < 1 << 31:
            raise Complaint(self._bad_input(item, "a size is a whole number of at least 1"))
        nominal[prefix + axis] = int(size)
        return Extent.of(prefix + axis)

    def _bad_input(self, item: tree.Input, reason: str) -> BadSetting:
        return BadSetting(
            span=item.dims.span, path=self._frame.title, owner="input", setting=item.name.text, reason=f"- {reason}"
        )

    def _bind(self, item: tree.Bind | tree.Output) -> None:
        values = self._builder.bind(item, self._frame)
        if not isinstance(item, tree.Output):
            return
        for name, value in zip(item.names, values, strict=True):
            self._outputs.add(name.text)
            if value:
                self._graph.outputs[name.text] = value.node

    def _aux(self, item: tree.Aux) -> None:
        frame, name = self._frame, item.name
        self._builder.claim_value(name, frame)
        frame.values[name.text] = None
        self._outputs.add(name.text)
        weight = self._weight(item)
        self._conditions.in_head = True
        try:
            value, scope = self._head(item)
        finally:
            self._conditions.in_head = False
        frame.values[name.text] = value
        self._graph.heads.append(Head(name.text, value.node, weight, scope))

    def _weight(self, item: tree.Aux) -> float:
        weight: Any = DEFAULT_WEIGHT
        for arg in item.args:
            if arg.name != "weight":
                name = arg.name or arg.value.span.text
                raise Complaint(
                    UnknownSetting(
                        span=arg.span, path=self._frame.title, owner="aux", setting=name, settings=("weight",)
                    )
                )
            weight = self._builder.evaluate.value(arg.value, self._frame)
            self._builder.pins.pin(self._frame, weight)
            good = isinstance(weight, int | float) and not isinstance(weight, bool)
            if not good:
                reason = "must be a number, such as 0.4"
                raise Complaint(
                    BadSetting(span=arg.span, path=self._frame.title, owner="aux", setting="weight", reason=reason)
                )
        return float(weight)

    def _head(self, item: tree.Aux) -> tuple[Value, Scope]:
        """An auxiliary head is one module: the block it names, or a class made of its chain."""
        steps = spliced(item.pipe)
        start = steps[0].atom
        if not isinstance(start, tree.Call) or start.name not in self._frame.values or len(steps) < 2:
            reason = "an aux head starts with the value that it reads"
            raise Complaint(BadFlow(span=item.span, path=self._frame.title, reason=reason, hint="`value -> …`"))
        return self._builder.head(item, self._frame)

    def _expect(self, item: tree.Expect) -> None:
        if isinstance(item.value, tree.Text):
            value: int | str = item.value.value
        else:
            number = self._builder.evaluate.number(item.value, self._frame)
            if not isinstance(number, int) or isinstance(number, bool):
                raise Complaint(
                    BadExpression(span=item.value.span, path=self._frame.title, reason="a fact is a whole number")
                )
            value = int(number)
        self._expectations.append(Expectation(item.fact, value, item.value.span))

    def _complete(self, inputs: list[tree.Input]) -> None:
        title, span = self._frame.title, self._net.name.span
        if not inputs:
            hint = "`input image [3, 224, 224]`"
            self._sink.add(IncompleteNet(span=span, path=title, reason="the net has no input", hint=hint))
        if not any(isinstance(item, tree.Output) for item in self._net.items):
            hint = "`output logits = …`"
            self._sink.add(IncompleteNet(span=span, path=title, reason="the net has no output", hint=hint))
        if self._sink.errors:
            return
        for item in inputs:
            if item.name.text not in self._frame.used:
                self._sink.add(Unused(span=item.name.span, path=title, what="the input", name=item.name.text))
        for param in self._net.params:
            if param.name not in self._frame.used:
                self._sink.add(Unused(span=param.span, path=title, what="parameter", name=param.name))
        self._builder.unused(self._frame, self._outputs | set(self._graph.inputs))

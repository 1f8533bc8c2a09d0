"""One net of a spec, elaborated: its graph, what the input's size has to meet, and what the spec expects of it."""

from __future__ import annotations

from collections.abc import Mapping, Set
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from incdsl.diagnostics import CompileError, Diagnostic, Sink
from incdsl.diagnostics.limits import NumberTooLarge
from incdsl.diagnostics.names import (
    BadExpression,
    BadFlow,
    BadSetting,
    ChooseNet,
    IncompleteNet,
    UnknownSetting,
)
from incdsl.diagnostics.unused import Unused
from incdsl.elaborate.build import EMPTY, Builder
from incdsl.elaborate.changes import Changes
from incdsl.elaborate.count import Counter
from incdsl.elaborate.heads import head
from incdsl.elaborate.names import Definition
from incdsl.elaborate.naming import spliced
from incdsl.elaborate.parameters import Parameters
from incdsl.elaborate.pins import symbols
from incdsl.elaborate.place import WORK_FOR_A_STEP, Location, Placer
from incdsl.elaborate.scope import Poisoned, Problem, Scope, Value
from incdsl.elaborate.unmet import Surveyed, unmet
from incdsl.elaborate.unread import unread
from incdsl.elaborate.variant import interfaces, lineage
from incdsl.ir.conditions import Conditions
from incdsl.ir.graph import Chain, Graph, Head, Input, Instance
from incdsl.ir.net import Expectation, Net
from incdsl.syntax import tree
from incdsl.values import Extent, Image, Num, Real, Shape, TooComplicated, Vector

MAX_STEPS = 5_000
NET_STEPS = 10
"""What a net costs besides its steps, where several are checked."""
LOOKS = 4
"""How many times the limit the builds may take that only tell what the changes of a variant mean."""
DEFAULT_WEIGHT = 1.0


def choose(file: tree.File, name: str | None, sink: Sink) -> str:
    """The name of the net of a file that was asked for, or of the only one."""
    nets = {net.name.text: net for net in file.nets}
    if name in nets:
        return nets[name].name.text
    if name is None and len(nets) == 1:
        return file.nets[0].name.text
    sink.add(ChooseNet(span=file.edition_span, name=name, nets=tuple(nets)))
    raise CompileError(tuple(sink))


@dataclass(slots=True)
class Spent:
    """What the nets of a file have cost so far, in steps."""

    steps: int = 0
    looks: int = 0
    """Those of them that only told what the changes of a variant mean; they are counted for themselves."""


def elaborate(
    net: Definition, settings: Mapping[str, Any], sink: Sink, max_steps: int = MAX_STEPS, spent: Spent | None = None
) -> Net:
    """Build the graph of a net; problems go to the sink, and end the phase. What it cost is added to `spent`.

    Raises:
        CompileError: with all problems found.
    """
    line = lineage(net, sink)
    spent = spent or Spent()
    skipped: frozenset[tuple[str, str]] = EMPTY
    while True:
        builder = _NetBuilder(line, sink, max_steps, spent.steps, skipped=skipped)
        try:
            result = builder.run(settings, spent)
        finally:
            spent.steps += builder.cost + NET_STEPS + sum(map(len, interfaces(line[1:]))) // 8
        idle = builder.idle
        if sink.errors or not idle:
            break
        if skipped >= idle.keys() or spent.looks > max_steps:
            for problem in idle.values():
                sink.add(problem)
            break
        skipped |= idle.keys()
        spent.steps -= builder.cost
        spent.looks += builder.cost
    sink.stop_on_errors()
    assert result is not None
    for problem in unread(result.graph, net.name):
        sink.add(problem)
    sink.stop_on_errors()
    return result


class _NetBuilder:
    """The items of a net, in order."""

    def __init__(
        self, line: tuple[Definition, ...], sink: Sink, max_steps: int, spent: int, survey: bool = False,
        skipped: Set[tuple[str, str]] = EMPTY,
    ) -> None:  # fmt: skip
        net = line[0]
        instance = Instance("net", net.name, "", None, comments=net.tree.comments, span=net.tree.name.span)
        conditions = Conditions()
        placer = Placer(Graph(instance, conditions.nominal), conditions, sink, max_steps, spent)
        builder = Builder(Changes(line, sink), placer, sink, survey, skipped)
        self._line = line
        self._max_steps = max_steps
        outer, root = line[0].tree, line[-1].tree
        assert isinstance(outer, tree.Net)
        assert isinstance(root, tree.Net)
        self._net = root
        self._items = root.items if root is outer else (*(i for i in root.items if not _is_fact(i)), *outer.items)
        self._builder = builder
        self._sink = sink
        self._graph = builder.placer.graph
        self._conditions = builder.placer.conditions
        self._frame = Scope(instance, line[0].name, line[-1].names, is_net=True)
        self._expectations: list[Expectation] = []
        self._facts_frame = self._frame
        self._outputs: set[str] = set()
        self._poisoned = False
        self._levels: list[dict[str, Any]] = []

    @property
    def idle(self) -> dict[tuple[str, str], Diagnostic]:
        """Values that changes left without a use, each with the problem about it."""
        return self._builder.idle

    @property
    def cost(self) -> int:
        """What was built so far, in steps."""
        return max(self._builder.placer.cost, self._builder.evaluate.work // WORK_FOR_A_STEP)

    def run(self, settings: Mapping[str, Any], spent: Spent) -> Net | None:
        """The net, or nothing once its problems are in the sink."""
        parameters = Parameters(self._line, self._frame.instance, self._builder.evaluate, self._sink)
        params = parameters.outer(settings)
        self._facts_frame = Scope(self._frame.instance, self._frame.title, self._line[0].names, params=params)
        inputs = self._build(parameters, params)
        failed, builder = self._sink.errors, self._builder
        for diagnostic in unmet(builder.changes, builder.places, lambda level: self._look(level, spent), failed):
            self._sink.add(diagnostic)
            if self._sink.full:
                break
        self._complete(inputs)
        if self._sink.errors:
            return None
        kept = {n: v for n, v in params.items() if not self._dropped(v)}
        free = {n for n, v in kept.items() if isinstance(v, Num | Real)} - self._builder.pins.names
        graph = self._graph.without_dead_nodes() if builder.spare else self._graph
        return Net(
            self._line[0].name, graph, self._conditions, kept, frozenset(kept.keys() - free),
            tuple(self._expectations), tuple(self._builder.assertions.pending),
        )  # fmt: skip

    def _dropped(self, value: Any) -> bool:
        """Whether a parameter has no use left, since a change took the last one."""
        if not self._builder.changes.changed(self._frame.instance) or not isinstance(value, Num | Real):
            return False
        root, used = self._levels[-1], self._frame.used
        live = self._builder.places.live | self._builder.pins.names
        return not symbols(value) & live.union(*(symbols(root[name]) for name in root if name in used))

    def _look(self, level: int, spent: Spent) -> Surveyed:
        """What the net is like that the variant of this level varies, with its parameters' values."""
        i, sink = len(self._line) - level, Sink()
        builder = _NetBuilder(self._line[i:], sink, self._max_steps, spent.looks // LOOKS, survey=True)
        with suppress(CompileError):
            builder.survey(self._levels[i])
        spent.looks += builder.cost + NET_STEPS
        return Surveyed(builder._builder.places, builder._graph, tuple(sink) if sink.errors else ())

    def survey(self, params: dict[str, Any]) -> None:
        """Build the net with these values, to see what it has."""
        parameters = Parameters(self._line, self._frame.instance, self._builder.evaluate, self._sink)
        self._facts_frame = Scope(self._frame.instance, self._frame.title, self._line[0].names, params=params)
        self._build(parameters, params)

    def _build(self, parameters: Parameters, params: dict[str, Any]) -> list[tree.Input]:
        self._levels = parameters.inner(params)
        self._builder.places.own.update(parameters.own(self._levels))
        self._frame.params.update(self._levels[-1])
        self._count()
        inputs = [item for item in self._items if isinstance(item, tree.Input)]
        images = [item for item in inputs if len(item.dims.items) == 3]
        alike = self._of_one_size(images)
        for one in inputs:
            self._guarded(self._input, one, alike)
        self._hold_sizes_together(images)
        for item in self._items:
            if isinstance(item, tree.Bind | tree.Output):
                self._bind(item)
            elif isinstance(item, tree.Aux) and not self._builder.changes.drops(item.name.text):
                self._guarded(self._aux, item)
            elif isinstance(item, tree.Expect):
                self._guarded(self._expect, item)
        return inputs

    def _count(self) -> None:
        """Hold the net to its budget before anything is built; what replaces steps is counted while building."""
        changes, placer = self._builder.changes, self._builder.placer
        if changes.replaces:
            return
        counter = Counter(changes, self._frame.instance, placer.room)
        steps = counter.net(self._net, self._frame.names, self._frame.params)
        if steps > placer.room:
            self._sink.add(placer.exhaust(counter.where or self._net.name.span, self._frame, steps).diagnostic)
            self._sink.stop_on_errors()

    def _guarded(self, method: Any, *arguments: Any) -> None:
        try:
            method(*arguments)
        except Problem as problem:
            self._sink.add(problem.diagnostic)
        except Poisoned:
            self._poisoned = True
        except TooComplicated as error:
            self._sink.add(NumberTooLarge(span=arguments[0].span, path=self._frame.title, reason=str(error)))

    def _of_one_size(self, images: list[tree.Input]) -> bool:
        """Whether all images are of one size: they share `H` and `W` then, and else each has its own."""
        sizes = [item.dims.items[1:] for item in images if not any(map(self._is_free, item.dims.items[1:]))]
        try:
            return len({tuple(self._builder.evaluate.number(dim, self._frame) for dim in dims) for dims in sizes}) <= 1
        except (Problem, Poisoned, TooComplicated):  # told when the input itself is read
            return True

    def _is_free(self, dim: tree.Expr) -> bool:
        return isinstance(dim, tree.Variable) and dim.name not in self._frame.params

    def _input(self, item: tree.Input, alike: bool) -> None:
        name, dims = item.name, item.dims.items
        self._builder.claim_value(name, self._frame)
        channels = self._builder.evaluate.number(dims[0], self._frame)
        self._builder.pins.pin(self._frame, channels)
        if not isinstance(channels, int) or isinstance(channels, bool) or channels < 1:
            raise Problem(self._bad_input(item, "the number of channels must be a whole number of at least 1"))
        shape: Shape = Vector(int(channels))
        if len(dims) == 3:
            prefix = "" if alike else f"{name.text}."
            extents = [self._extent(dim, axis, prefix, item) for dim, axis in zip(dims[1:], "HW", strict=True)]
            shape = Image(int(channels), *extents)
        elif len(dims) != 1:
            raise Problem(self._bad_input(item, f"an input is [C, H, W] or [C], not of {len(dims)} dimensions"))
        location = Location(name.span, Chain(name.text), self._builder.placer.step_number())
        value = self._builder.placer.place(Input(shape=shape), [], self._frame, location)
        self._graph.inputs[name.text] = value.node
        self._frame.values[name.text] = Value(value.node, shape)

    def _extent(self, dim: tree.Expr, axis: str, prefix: str, item: tree.Input) -> Extent:
        nominal = self._conditions.nominal
        if self._is_free(dim):
            assert isinstance(dim, tree.Variable)
            if dim.name != axis:
                reason = f"a free size is written `{axis}` here, as in [3, H, W]"
                raise Problem(self._bad_input(item, reason))
            nominal[axis] = None
            return Extent.of(axis)
        size = self._builder.evaluate.number(dim, self._frame)
        self._builder.pins.pin(self._frame, size)
        if not isinstance(size, int) or isinstance(size, bool) or not 1 <= size < 1 << 31:
            raise Problem(self._bad_input(item, "a size is a whole number of at least 1"))
        nominal[prefix + axis] = int(size)
        return Extent.of(prefix + axis)

    def _hold_sizes_together(self, images: list[tree.Input]) -> None:
        """Legal sizes are those of one H and one W: beside a free size no other input has one of its own."""
        free = [[self._is_free(dim) for dim in item.dims.items[1:]] for item in images]
        if len(images) > 1 and any(map(any, free)) and not all(map(all, free)):
            item = next(item for item, each in zip(images, free, strict=True) if not all(each))
            reason = "the sizes of several inputs are free, `H` and `W`, for all or for none"
            self._sink.add(self._bad_input(item, reason))

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
        scope, name = self._frame, item.name
        self._builder.claim_value(name, scope)
        scope.values[name.text] = None
        self._outputs.add(name.text)
        weight = self._weight(item)
        self._conditions.in_head = True
        try:
            with self._builder.reading(scope) as read:
                value, instance = self._head(item)
            self._builder.read_by_heads |= read
        finally:
            self._conditions.in_head = False
        scope.values[name.text] = value
        self._graph.heads.append(Head(name.text, value.node, weight, instance))

    def _weight(self, item: tree.Aux) -> float:
        weight: Any = DEFAULT_WEIGHT
        for arg in item.args:
            if arg.name != "weight":
                name = arg.name or arg.value.span.text
                raise Problem(
                    UnknownSetting(
                        span=arg.span, path=self._frame.title, owner="aux", setting=name, settings=("weight",)
                    )
                )
            weight = self._builder.evaluate.value(arg.value, self._frame)
            self._builder.pins.pin(self._frame, weight)
            good = isinstance(weight, int | float) and not isinstance(weight, bool)
            if not good:
                reason = "must be a number, such as 0.4"
                raise Problem(
                    BadSetting(span=arg.span, path=self._frame.title, owner="aux", setting="weight", reason=reason)
                )
        return float(weight)

    def _head(self, item: tree.Aux) -> tuple[Value, Instance]:
        """An auxiliary head is one module: the block it names, or a class made of its chain."""
        steps = spliced(item.pipe)
        start = steps[0].atom
        if not isinstance(start, tree.Call) or start.name not in self._frame.values or len(steps) < 2:
            reason = "an aux head starts with the value that it reads"
            raise Problem(BadFlow(span=item.span, path=self._frame.title, reason=reason, hint="`value -> …`"))
        return head(self._builder, item, self._frame)

    def _expect(self, item: tree.Expect) -> None:
        if isinstance(item.value, tree.Text):
            value: int | str = item.value.value
        else:
            number = self._builder.evaluate.number(item.value, self._facts_frame)
            if not isinstance(number, int) or isinstance(number, bool):
                raise Problem(
                    BadExpression(span=item.value.span, path=self._frame.title, reason="a fact is a whole number")
                )
            value = int(number)
        self._expectations.append(Expectation(item.fact.text, value, item.value.span, item.fact.span))

    def _complete(self, inputs: list[tree.Input]) -> None:
        title, span = self._frame.title, self._line[0].tree.name.span
        if not inputs:
            hint = "`input image [3, 224, 224]`"
            self._sink.add(IncompleteNet(span=span, path=title, reason="the net has no input", hint=hint))
        if not any(isinstance(item, tree.Output) for item in self._items):
            hint = "`output logits = …`"
            self._sink.add(IncompleteNet(span=span, path=title, reason="the net has no output", hint=hint))
        if self._sink.errors:
            return
        for item in inputs:
            if item.name.text not in self._frame.used:
                self._sink.add(Unused(span=item.name.span, path=title, what="the input", name=item.name.text))
        for param in self._net.params if not self._builder.changes.changed(self._frame.instance) else ():
            if param.name not in self._frame.used:
                self._sink.add(Unused(span=param.span, path=title, what="parameter", name=param.name))
        self._builder.unused(self._frame, self._outputs | set(self._graph.inputs))


def _is_fact(item: object) -> bool:
    return isinstance(item, tree.Expect)

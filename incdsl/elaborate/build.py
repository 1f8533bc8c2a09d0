"""Surface tree to graph: chains, rails, repetition and choice; every shape is checked on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from incdsl.diagnostics import Diagnostic, Row, Sink
from incdsl.diagnostics.limits import TooManySteps
from incdsl.diagnostics.names import BadFlow, BadName, BadRepetition, BadSetting, LabelMismatch, NameTaken, Unused
from incdsl.diagnostics.shapes import AssertionFails, ChannelsDoNotFit, StridesDisagree
from incdsl.elaborate.calls import Calls, Use, leave
from incdsl.elaborate.expressions import Expressions
from incdsl.elaborate.factors import Factored, factored
from incdsl.elaborate.frame import Complaint, Frame, Poisoned, Value
from incdsl.elaborate.naming import Named, Naming, lettered, word_of
from incdsl.elaborate.place import Placer, RailEnd, Spot
from incdsl.elaborate.reserved import why_no_identifier
from incdsl.ir.graph import Chain, Scope
from incdsl.ops import REGISTRY, Op
from incdsl.ops.merge import Add, Concat, Mul, Slice
from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.types import Extent, Image, Num, Real, SymbolPair, expression

_JOINS: dict[str, Callable[[], Op]] = {"concat": Concat, "reduce": Concat, "add": Add, "mul": Mul}


@dataclass(frozen=True, slots=True)
class Assertion:
    """A stated extent of a net whose input size is free, checked for all legal sizes."""

    span: Span
    path: str
    stated: Extent
    actual: Extent


class Builder:
    """Elaborates the inside of one net."""

    def __init__(self, units: dict[str, tree.Unit], blocks: dict[str, tree.Block], placer: Placer, sink: Sink) -> None:
        self.placer = placer
        self.sink = sink
        self.pinned: set[str] = set()
        self.assertions: list[Assertion] = []
        self.evaluate = Expressions({*units, *blocks, *REGISTRY}, self.pin)
        self.naming = Naming(units, blocks)
        self.calls = Calls(units, blocks, placer, self.naming, self.evaluate, self.pin)
        self.calls.chain = self.chain
        self.calls.rest = self._rest
        self.calls.body = self._body
        self.calls.report = sink.add

    # Chains

    def chain(
        self, pipe: tree.Pipe, frame: Frame, flow: Value | None, name: str | None, rail: bool, chain: Chain
    ) -> Value:
        """The value at the end of a chain. Raises `Poisoned` once its mistake is in the sink."""
        plan = self.naming.plan(pipe, name or "", rail, frame)
        try:
            value, plan = self._start(plan, frame, flow)
            for named in plan:
                value = self._step(named, frame, value, chain, self.placer.step_number())
        except Complaint as complaint:
            self.sink.add(complaint.diagnostic)
            raise Poisoned from None
        return value

    def _rest(self, plan: list[Named], frame: Frame, value: Value, chain: Chain, number: int) -> Value:
        """The remaining steps of a unit, which all belong to one written step."""
        for named in plan:
            value = self._step(named, frame, value, chain, number)
        return value

    def _start(self, plan: list[Named], frame: Frame, flow: Value | None) -> tuple[Value, list[Named]]:
        first = plan[0].step
        atom = first.atom
        if isinstance(atom, tree.BlockInput):
            if frame.input is None:
                raise Complaint(self._flow(atom, frame, "a net has no `in`", "start with the name of an input"))
            value = frame.input
        elif isinstance(atom, tree.Call) and atom.name in frame.values:
            if atom.span != atom.name_span:
                raise Complaint(self._flow(atom, frame, f"the value `{atom.name}` takes no settings"))
            frame.used.add(atom.name)
            bound = frame.values[atom.name]
            if bound is None:
                raise Poisoned
            value = bound
        elif flow is not None:
            return flow, plan
        else:
            hint = f"write `{'in' if frame.input else 'image'} -> …`"
            raise Complaint(self._flow(first, frame, "the chain does not say what flows into it", hint))
        if first.labels or first.repeat:
            raise Complaint(self._flow(first, frame, "a value has no label and does not repeat"))
        self._assert_shape(first, value, frame)
        return value, plan[1:]

    def _step(self, named: Named, frame: Frame, value: Value, chain: Chain, number: int) -> Value:
        step = named.step
        repeat = step.repeat
        if isinstance(repeat, tree.Times | tree.Each):
            value = self._repeated(named, repeat, frame, value, chain, number)
        elif repeat is None or self.evaluate.test(repeat.test, frame):
            if any(label.counts for label in step.labels):
                raise Complaint(self._label(step, frame, "`..` counts repetitions, but nothing repeats here"))
            value = self._atom(named, frame, value, chain, number)
        self._assert_shape(step, value, frame)
        return value

    def _atom(self, named: Named, frame: Frame, value: Value, chain: Chain, number: int) -> Value:
        atom = named.step.atom
        if isinstance(atom, tree.Call):
            use = Use(named, atom, value, frame, chain, number)
            return self._factored(use, atom.factors) if atom.factors else self.calls.use(use)
        if isinstance(atom, tree.Merge):
            return self._merge(atom, named, frame, value, chain)
        if isinstance(atom, tree.Group):
            if len(named.names) > 1:
                raise Complaint(self._label(named.step, frame, "a chain in parentheses has one label"))
            return self.chain(atom.pipe, frame, value, named.names[0] if named.names else None, False, chain)
        raise Complaint(self._flow(atom, frame, "`in` can only start a chain"))

    # Repetition

    def _repeated(
        self, named: Named, repeat: tree.Times | tree.Each, frame: Frame, value: Value, chain: Chain, number: int
    ) -> Value:
        rows = self._rows(repeat, frame)
        once = replace(named.step, labels=(), repeat=None, shape=None)
        counting = [label for label in named.step.labels if label.counts]
        if counting:
            return self._counted(once, counting, rows, named.step, frame, value, chain)
        if len(named.names) != 1:
            raise Complaint(self._label(named.step, frame, "what repeats has one label"))
        label = self.placer.claim(named.names[0], named.span, frame)
        scope = Scope("sequence", "sequence", label, frame.scope, step=number, chain=chain, span=named.step.span)
        for i, row in enumerate(rows):
            value = self._element(once, str(i), frame.inside(scope, row), value, chain)
        return value

    def _counted(
        self, once: tree.Step, labels: list[tree.Label], rows: list[dict[str, Any]], step: tree.Step, frame: Frame,
        value: Value, chain: Chain,
    ) -> Value:  # fmt: skip
        last = labels[0].parts[-1]
        if len(step.labels) > 1 or not last.isdigit():
            raise Complaint(self._label(step, frame, "a label that counts up ends in a number: `features.3..:`"))
        for i, row in enumerate(rows):
            path = ".".join((*labels[0].parts[:-1], str(int(last) + i)))
            inner = replace(frame, params={**frame.params, **row})
            value = self._step(Named(once, (path,), True), inner, value, chain, self.placer.step_number())
        return value

    def _element(self, once: tree.Step, label: str, frame: Frame, value: Value, chain: Chain) -> Value:
        """One repetition: a module, or a sequence of them for a chain in parentheses or a factorized kernel."""
        atom = once.atom
        number = self.placer.step_number()
        if isinstance(atom, tree.Merge):
            raise Complaint(self.calls.no_sequence("rails cannot repeat by themselves", atom.span, frame))
        factors = atom.factors if isinstance(atom, tree.Call) else None
        if not isinstance(atom, tree.Group) and not factors:
            return self._step(Named(once, (label,), True), frame, value, chain, number)
        claimed = self.placer.claim(label, once.span, frame)
        scope = Scope("sequence", "sequence", claimed, frame.scope, step=number, chain=chain, span=once.span)
        inner = frame.inside(scope, {})
        if isinstance(atom, tree.Group):
            for i, named in enumerate(self.naming.plan(atom.pipe, "", False, frame)):
                value = self._element(replace(named.step, labels=()), str(i), inner, value, chain)
            return value
        assert isinstance(atom, tree.Call)
        assert factors is not None
        names = tuple(map(str, range(len(factors.items))))
        return self._factored(Use(Named(once, names, True), atom, value, inner, chain, number), factors)

    def _rows(self, repeat: tree.Times | tree.Each, frame: Frame) -> list[dict[str, Any]]:
        """The loop variables of each repetition."""
        if isinstance(repeat, tree.Times):
            count = self.evaluate.number(repeat.count, frame)
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                shown = f"{count}" if isinstance(count, int | float) else "this"
                reason = f"`times` needs a whole number of at least 1, not {shown}"
                raise Complaint(BadRepetition(span=repeat.span, path=frame.title, reason=reason))
            self.pin(frame, count)
            self._room_for(count, repeat.span, frame)
            return [{}] * count
        return list(self._each(repeat.names, repeat.rows, repeat.span, frame))

    def _each(self, names: tuple[str, ...], rows: tree.Value, span: Span, frame: Frame) -> Iterator[dict[str, Any]]:
        values = self.evaluate.value(rows, frame)
        if not isinstance(values, tuple) or not values:
            raise Complaint(BadRepetition(span=span, path=frame.title, reason="`for` needs a list that is not empty"))
        self._room_for(len(values), span, frame)
        for name in names:
            if name in frame.params or name in frame.values:
                raise Complaint(NameTaken(span=span, path=frame.title, name=name, taken_by="a parameter or value here"))
        for row in values:
            self.pin(frame, row)
            parts = row if isinstance(row, tuple) and len(names) > 1 else (row,)
            if len(parts) != len(names):
                reason = f"each item must give {', '.join(names)}"
                raise Complaint(BadRepetition(span=span, path=frame.title, reason=reason))
            yield dict(zip(names, parts, strict=True))

    def _room_for(self, count: int, span: Span, frame: Frame) -> None:
        if count > self.placer.room:
            raise Complaint(TooManySteps(span=span, path=frame.title, steps=count, limit=self.placer.max_steps))

    # Rails

    def _merge(self, merge: tree.Merge, named: Named, frame: Frame, value: Value, chain: Chain) -> Value:
        if frame.scope.kind == "sequence":
            raise Complaint(self.calls.no_sequence("rails cannot repeat by themselves", merge.span, frame))
        if len(named.names) > 1:
            raise Complaint(self._label(named.step, frame, "a merge has one label"))
        base = named.names[0] if named.names else "branch"
        rails = [pair for rail in merge.rails for pair in self._expanded(rail, frame)]
        if not rails:
            raise Complaint(self._flow(merge, frame, f"no rail of `{merge.word}` is left"))
        names = [self._rail_name(pipe, base, i, several) for i, (pipe, _, several) in enumerate(rails)]
        chains = [Chain(local, rail=True, parent=chain) for _, local in names]
        flows = self._shares(merge, chains, value, frame)
        ends: list[RailEnd] = []
        poisoned = False
        for (pipe, inner, several), flow, (name, _), rail_chain in zip(rails, flows, names, chains, strict=True):
            try:
                titled = replace(inner, title=f"{frame.title} > {name}")
                end = self.chain(pipe, titled, flow, name, not several, rail_chain)
                ends.append(RailEnd(end, pipe.span))
            except Poisoned:
                poisoned = True
        if poisoned:
            raise Poisoned
        op = _JOINS[merge.word]()
        head = Span(merge.span.source, merge.word_span.start, merge.word_span.end)
        self.placer.agree(op, merge.word, ends, frame, head)
        if merge.word == "reduce":
            self._reduces(ends, value, frame, head)
        if merge.word in ("add", "mul") and len({expression(e.value.shape.channels) for e in ends}) > 1:
            for rail_end in ends:
                self.pin(frame, rail_end.value.shape.channels)
        spot = Spot(head, chain, self.placer.step_number())
        return self.placer.place(op, [e.value for e in ends], frame, spot)

    def _expanded(self, rail: tree.Rail, frame: Frame) -> Iterator[tuple[tree.Pipe, Frame, bool]]:
        guard = rail.guard
        if isinstance(guard, tree.Only):
            if self.evaluate.test(guard.test, frame):
                yield rail.pipe, frame, False
        elif isinstance(guard, tree.RailsFor):
            for row in self._each(guard.names, guard.rows, guard.span, frame):
                yield rail.pipe, replace(frame, params={**frame.params, **row}), True
        else:
            yield rail.pipe, frame, False

    def _rail_name(self, pipe: tree.Pipe, base: str, index: int, several: bool) -> tuple[str, str]:
        """The name of a rail's chain, and what generated code may call its values."""
        first = pipe.steps[0]
        if first.labels and not first.labels[0].counts:
            name = first.labels[0].text
            name = lettered(name, index) if several else name
            return name, name.replace(".", "_")
        name = lettered(base, index)
        single = len(pipe.steps) == 1 and isinstance(first.atom, tree.Call)
        return name, word_of(first) if single else name.replace(".", "_")

    def _shares(self, merge: tree.Merge, chains: list[Chain], value: Value, frame: Frame) -> list[Value]:
        """What flows into each rail: everything, or with `(split)` its share of the channels."""
        if not merge.args:
            return [value] * len(chains)
        arg = merge.args[0]
        name = arg.name or (arg.value.name if isinstance(arg.value, tree.Variable) else "")
        if len(merge.args) > 1 or name != "split":
            reason = f"takes `(split)` or `(split: [widths])`, not `{arg.span.text}`"
            raise Complaint(
                BadSetting(span=arg.span, path=frame.title, owner=merge.word, setting="settings", reason=reason)
            )
        sizes = self.evaluate.value(arg.value, frame) if arg.name else None
        return self.split(value, sizes, frame, arg.span, chains)

    def split(self, value: Value, sizes: Any, frame: Frame, span: Span, chains: list[Chain]) -> list[Value]:
        """The channels in parts, one for each chain, equal ones unless sizes are given."""
        channels, count = value.shape.channels, len(chains)
        reason = ""
        if sizes is None:
            if channels % count:
                reason = f"{int(channels)} channels do not split into {count} equal parts"
            sizes = (channels // count,) * count
        elif not isinstance(sizes, tuple) or not all(
            isinstance(s, int) and not isinstance(s, bool) and s > 0 for s in sizes
        ):
            reason = "`split` needs a list of whole numbers"
        elif len(sizes) != count or sum(map(int, sizes)) != channels:
            shown = " + ".join(str(int(s)) for s in sizes)
            reason = f"{shown} = {sum(map(int, sizes))} in {count} parts, but {int(channels)} channels flow in"
        if reason:
            raise Complaint(ChannelsDoNotFit(span=span, path=frame.title, reason=reason))
        self.pin(frame, channels)
        parts, start = [], 0
        for size, chain in zip(sizes, chains, strict=True):
            stop = start + size
            spot = Spot(span, chain, self.placer.step_number())
            parts.append(self.placer.place(Slice(start=start, stop=stop), [value], frame, spot))
            start = stop
        return parts

    def _reduces(self, ends: list[RailEnd], value: Value, frame: Frame, span: Span) -> None:
        strides = [tuple(_stride(value, end.value)) for end in ends]
        if len(set(strides)) == 1 and all(s is not None and s >= 2 for s in strides[0]):
            return
        rows = tuple(
            Row(e.span, self.placer.conditions.show(e.value.shape), f"stride {_shown(s)}")
            for e, s in zip(ends, strides, strict=True)
        )
        raise Complaint(StridesDisagree(span=span, path=frame.title, rails=rows))

    # Factorization, blocks, assertions

    def _factored(self, use: Use, factors: tree.Factors) -> Value:
        parts: Factored = factored(use, factors, self.calls)
        if not factors.parallel:
            value = use.value
            for part in parts.uses:
                number = self.placer.step_number()
                value = self.calls.use(replace(part, value=value, number=number))
            return value
        ends = [RailEnd(self.calls.use(part), part.span) for part in parts.uses]
        op = Concat()
        self.placer.agree(op, op.word, ends, use.frame, factors.span)
        return self.placer.place(op, [e.value for e in ends], use.frame, use.spot(""))

    def _body(self, block: tree.Block, frame: Frame) -> Value:
        assert frame.input is not None
        if block.pipe:
            return self.chain(block.pipe, frame, frame.input, None, False, Chain(""))
        result: Value | None = None
        outputs = [item for item in block.items if isinstance(item, tree.Output)]
        if len(outputs) != 1 or len(outputs[0].names) != 1:
            span = outputs[1].span if len(outputs) > 1 else block.name.span
            raise Complaint(self._flow_at(span, frame, f"the block `{block.name.text}` needs one output"))
        for item in block.items:
            values = self.bind(item, frame)
            if isinstance(item, tree.Output):
                result = values[0]
        self.unused(frame, {item.names[0].text for item in outputs})
        if result is None:
            raise Poisoned
        return result

    def bind(self, item: tree.Bind | tree.Output, frame: Frame) -> list[Value | None]:
        """Bind the names of a chain; poisoned ones to nothing."""
        names = [name.text for name in item.names]
        for name in item.names:
            self.claim_value(name, frame)
        try:
            if len(names) > 1:
                values: list[Value | None] = list(self._split_chain(item, frame))
            else:
                values = [self.chain(item.pipe, frame, None, names[0], False, Chain(names[0]))]
        except Complaint as complaint:
            self.sink.add(complaint.diagnostic)
            values = [None] * len(names)
        except Poisoned:
            values = [None] * len(names)
        frame.values.update(zip(names, values, strict=True))
        return values

    def _split_chain(self, item: tree.Bind | tree.Output, frame: Frame) -> list[Value]:
        last = item.pipe.steps[-1]
        atom = last.atom
        if not isinstance(atom, tree.Call) or atom.name != "split" or len(item.pipe.steps) < 2:
            hint = "`a, b = x -> split 2`"
            raise Complaint(self._flow(last, frame, "only `split` gives several values", hint))
        pipe = replace(item.pipe, steps=item.pipe.steps[:-1])
        chain = Chain(item.names[0].text)
        value = self.chain(pipe, frame, None, item.names[0].text, False, chain)
        sizes = None
        count = atom.number.value if atom.number else len(item.names)
        for arg in atom.args:
            if arg.name != "sizes":
                reason = "takes a number of parts, or `(sizes: [a, b])`"
                raise Complaint(
                    BadSetting(span=arg.span, path=frame.title, owner="split", setting="settings", reason=reason)
                )
            sizes = self.evaluate.value(arg.value, frame)
        if count != len(item.names):
            reason = f"{len(item.names)} names for {count} parts"
            raise Complaint(ChannelsDoNotFit(span=atom.span, path=frame.title, reason=reason))
        chains = [Chain(name.text, rail=True, parent=chain) for name in item.names]
        return self.split(value, sizes, frame, atom.span, chains)

    def claim_value(self, name: tree.Name, frame: Frame) -> None:
        """Hold a value's name to the rules."""
        if reason := why_no_identifier(name.text):
            self.sink.add(BadName(span=name.span, path=frame.title, name=name.text, reason=reason))
        frame.bound.setdefault(name.text, name.span)
        taken = ""
        if name.text in frame.values:
            taken = "bound already"
        elif name.text in frame.params:
            taken = "a parameter"
        elif name.text in self.calls.units or name.text in self.calls.blocks or name.text in REGISTRY:
            taken = "the name of a unit, block or op"
        if taken:
            self.sink.add(NameTaken(span=name.span, path=frame.title, name=name.text, taken_by=taken))

    def head(self, item: tree.Aux, frame: Frame) -> tuple[Value, Scope]:
        """An auxiliary head as one module: the block that it names, or a class made of its chain."""
        plan = self.naming.plan(item.pipe, item.name.text, False, frame)
        try:
            flow, rest = self._start(plan, frame, None)
            chain = Chain(item.name.text)
            number = self.placer.step_number()
            first = rest[0].step
            atom = first.atom
            if len(rest) == 1 and isinstance(atom, tree.Call) and atom.name in self.calls.blocks and not first.repeat:
                named = Named(first, (item.name.text,), True)
                use = Use(named, atom, flow, frame, chain, number, optional=True)
                value = self.calls.use(use)
            else:
                value = self._own_class(item, rest, frame, flow, chain, number)
            self._assert_shape(first, value, frame)
        except Complaint as complaint:
            self.sink.add(complaint.diagnostic)
            raise Poisoned from None
        scope = self.placer.graph[value.node].scope
        while scope.parent and scope.parent.parent:
            scope = scope.parent
        return value, scope

    def _own_class(
        self, item: tree.Aux, rest: list[Named], frame: Frame, flow: Value, chain: Chain, number: int
    ) -> Value:
        name = item.name.text
        label = self.placer.claim(name, item.name.span, frame)
        channels = flow.shape.channels
        word = name[0].upper() + name[1:] + "Head"
        scope = Scope(
            "block", word, label, frame.scope, {"in_channels": channels}, span=item.span, step=number, chain=chain,
            defined=item.span.start, optional=True,
        )  # fmt: skip
        for param, setting in frame.params.items():
            if isinstance(setting, Num | Real):
                scope.arguments[param] = setting
        inner = replace(
            frame, scope=scope, title=f"{frame.title} > {label}", values={}, labels={}, is_net=False,
            input=Value(flow.node, flow.shape.with_channels(Num.symbol(int(channels), "in_channels"))),
        )  # fmt: skip
        assert inner.input is not None
        pipe = replace(item.pipe, steps=tuple(named.step for named in rest))
        return leave(self.chain(pipe, inner, inner.input, None, False, Chain("")), scope)

    def unused(self, frame: Frame, outputs: set[str]) -> None:
        """Complain about bound values that nothing reads."""
        for name, value in frame.values.items():
            if name not in frame.used and name not in outputs and value is not None:
                self.sink.add(Unused(span=frame.bound[name], path=frame.title, what="the value", name=name))

    def _assert_shape(self, step: tree.Step, value: Value, frame: Frame) -> None:
        if step.shape is None:
            return
        dims, shape = step.shape.items, value.shape
        actual: list[int | Extent] = [int(shape.channels)]
        if isinstance(shape, Image):
            for extent in (shape.height, shape.width):
                size = self.placer.conditions.size(extent)
                actual.append(extent if size is None else size)
        stated: list[Any] = []
        axes = {n: Extent.of(n) for n, size in self.placer.conditions.nominal.items() if size is None}
        inner = replace(frame, params={**axes, **frame.params})
        for dim in dims:
            anything = isinstance(dim, tree.Variable) and dim.name == "_"
            stated.append(None if anything else self.evaluate.number(dim, inner))
        text = f"[{', '.join('_' if s is None else str(s if isinstance(s, Extent) else int(s)) for s in stated)}]"
        shown = self.placer.conditions.show(shape)
        wrong = len(stated) != len(actual)
        for mine, theirs in zip(actual, stated, strict=False):
            if theirs is None or mine == theirs:
                continue
            if isinstance(mine, Extent) and isinstance(theirs, Extent):
                self.assertions.append(Assertion(step.shape.span, frame.title, theirs, mine))
            else:
                wrong = True
        if wrong:
            self.sink.add(AssertionFails(span=step.shape.span, path=frame.title, stated=text, actual=shown))

    def pin(self, frame: Frame, value: Any) -> None:
        """Note that the structure of the net depends on a number, and so on the net's parameters behind it."""
        if isinstance(value, Num):
            names = value.expr.symbols
        elif isinstance(value, Real | SymbolPair):
            names = frozenset({value.name})
        elif isinstance(value, tuple):
            for part in value:
                self.pin(frame, part)
            return
        else:
            return
        for name in names:
            self._pin_symbol(frame, frame.scope, name, value)

    def _pin_symbol(self, frame: Frame, scope: Scope, name: str, value: Any) -> None:
        while scope.kind == "sequence" and scope.parent:
            scope = scope.parent
        if scope.parent is None:
            self.pinned.add(name)
        elif name in scope.arguments:
            self.pin(replace(frame, scope=scope.parent), scope.arguments[name])

    def _flow(self, where: tree.Tree, frame: Frame, reason: str, hint: str = "") -> Diagnostic:
        return self._flow_at(where.span, frame, reason, hint)

    def _flow_at(self, span: Span, frame: Frame, reason: str, hint: str = "") -> Diagnostic:
        return BadFlow(span=span, path=frame.title, reason=reason, hint=hint)

    def _label(self, step: tree.Step, frame: Frame, reason: str) -> Diagnostic:
        span = step.labels[0].span if step.labels else step.span
        return LabelMismatch(span=span, path=frame.title, reason=reason)


def _stride(start: Value, end: Value) -> Iterator[Any]:
    """The total stride between two values, for each axis; nothing where the end no longer follows the start."""
    if isinstance(start.shape, Image) and isinstance(end.shape, Image):
        for before, after in (
            (start.shape.height, end.shape.height),
            (start.shape.width, end.shape.width),
        ):
            yield before.slope / after.slope if after.slope else None


def _shown(strides: tuple[Any, ...]) -> str:
    texts = ["unknown" if s is None else str(s) for s in strides]
    return texts[0] if len(set(texts)) == 1 else "x".join(texts)

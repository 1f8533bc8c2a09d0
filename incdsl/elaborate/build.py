"""Surface tree to graph: chains, rails, repetition and choice; every shape is checked on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from incdsl.diagnostics import Diagnostic, Sink
from incdsl.diagnostics.limits import NumberTooLarge, TooDeep
from incdsl.diagnostics.names import BadName, NameTaken, UnknownSetting
from incdsl.diagnostics.shapes import ChannelsDoNotFit
from incdsl.diagnostics.unused import Unused
from incdsl.elaborate.assertions import Assertions
from incdsl.elaborate.calls import Calls, Use
from incdsl.elaborate.changes import Changes
from incdsl.elaborate.expressions import Expressions
from incdsl.elaborate.factors import Factored, factored
from incdsl.elaborate.naming import Named, Naming
from incdsl.elaborate.pins import StaticParams
from incdsl.elaborate.place import Placer, RailEnd
from incdsl.elaborate.places import Places
from incdsl.elaborate.problems import bad_flow, bad_label, no_sequence
from incdsl.elaborate.rails import Rails
from incdsl.elaborate.repeat import Loops
from incdsl.elaborate.reserved import why_no_identifier
from incdsl.elaborate.scope import Poisoned, Problem, Scope, Value
from incdsl.ir.graph import Chain, Instance
from incdsl.ops.merge import Concat
from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.values import TooComplicated

EMPTY: frozenset[tuple[str, str]] = frozenset()
MAX_NESTING = 100
"""Chains inside rails inside blocks inside repetitions: what Python's stack holds with room to spare."""


class Builder:
    """Elaborates the inside of one net; `survey` notes all that a variant of it may change."""

    def __init__(
        self, changes: Changes, placer: Placer, sink: Sink, survey: bool = False, skipped: Set[tuple[str, str]] = EMPTY
    ) -> None:
        self.changes = changes
        self.skipped = skipped
        """Values, by class and name, that are not built because nothing reads them any more."""
        self.idle: dict[tuple[str, str], Diagnostic] = {}
        """Values that nothing reads any more, each with the problem about it."""
        self.spare = False
        """Whether only some of the values that are split off together are read."""
        self.read_by_heads: set[str] = set()
        self._reads: dict[Instance, list[tuple[list[str], set[str]]]] = {}
        self.placer = placer
        self.sink = sink
        self.pins = StaticParams()
        self._depth = 0
        self.evaluate = Expressions(self.pins.pin)
        self.assertions = Assertions(placer.conditions, self.evaluate, sink)
        self.naming = Naming(changes)
        self.loops = Loops(placer, self.evaluate, self.pins)
        self.places = Places(changes, self.naming, self.pins, placer.graph, survey)
        self.rails = Rails(self.places, placer, self.evaluate, self.loops, self.pins, self.chain)
        self.calls = Calls(changes, placer, self.naming, self.evaluate, self.pins)
        self.calls.chain = self.chain
        self.calls.rest = self._rest
        self.calls.body = self._body
        self.calls.report = sink.add

    # Chains

    def chain(
        self, pipe: tree.Pipe, scope: Scope, flow: Value | None, name: str | None, rail: bool, chain: Chain
    ) -> Value:
        """The value at the end of a chain. Raises `Poisoned` once its mistake is in the sink."""
        plan = self.naming.plan(pipe, name or "", rail, scope)
        try:
            self._check_budget(pipe, scope)
            with self._deeper(pipe.span, scope):
                value, plan = self.start(plan, scope, flow, chain)
                for named in plan:
                    value = self._step(named, scope, value, chain, self.placer.step_number())
        except Problem as problem:
            self.sink.add(problem.diagnostic)
            raise Poisoned from None
        except TooComplicated as error:
            self.sink.add(NumberTooLarge(span=pipe.span, path=scope.title, reason=str(error)))
            raise Poisoned from None
        return value

    @contextmanager
    def _deeper(self, span: Span, scope: Scope) -> Iterator[None]:
        """Count one level of nesting while something inside is elaborated."""
        if self._depth >= MAX_NESTING:
            raise Problem(TooDeep(span=span, path=scope.title, what="chains", limit=MAX_NESTING))
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def _check_budget(self, pipe: tree.Pipe, scope: Scope) -> None:
        """Stop where nobody would see what is built."""
        if self.placer.exhausted or self.sink.full:
            raise Poisoned
        self.evaluate.work += 2 * len(pipe.steps)
        self.placer.count_chain(pipe.span, scope)

    def _rest(self, plan: list[Named], scope: Scope, value: Value, chain: Chain, number: int) -> Value:
        """The remaining steps of a unit, which all belong to one written step."""
        self.evaluate.work += len(plan)
        if not plan:
            return value
        with self._deeper(plan[0].step.span, scope):
            for named in plan:
                value = self._step(named, scope, value, chain, number)
        return value

    def start(self, plan: list[Named], scope: Scope, flow: Value | None, chain: Chain) -> tuple[Value, list[Named]]:
        """What flows into the first step of a chain that is not a value, and the steps from there on."""
        first = plan[0].step
        atom = first.atom
        if isinstance(atom, tree.BlockInput):
            if scope.input is None:
                raise bad_flow(atom.span, scope, "a net has no `in`", "start with the name of an input")
            value = scope.input
        elif isinstance(atom, tree.Call) and atom.name in scope.values:
            if atom.span != atom.name_span:
                raise bad_flow(atom.span, scope, f"the value `{atom.name}` takes no settings")
            scope.used.add(atom.name)
            bound = scope.values[atom.name]
            if bound is None:
                raise Poisoned
            value = bound
        elif flow is not None:
            return flow, plan
        elif isinstance(atom, tree.Merge) and not first.repeat:
            value = self.rails.merge(atom, plan[0], scope, None, chain)
            self.assertions.check(first, value, scope)
            return value, plan[1:]
        elif isinstance(atom, tree.Call) and atom.span == atom.name_span and not self.calls.knows(atom.name, scope):
            raise Problem(self.calls.unknown(atom, scope, "a value is bound before it is used"))
        else:
            hint = f"write `{'in' if scope.input else 'image'} -> …`"
            raise bad_flow(first.span, scope, "the chain does not say what flows into it", hint)
        if plan[0].labelled or first.repeat:
            raise bad_flow(first.span, scope, "a value has no label and does not repeat")
        self.assertions.check(first, value, scope)
        return value, plan[1:]

    def _step(self, named: Named, scope: Scope, value: Value, chain: Chain, number: int) -> Value:
        step = named.step
        repeat = step.repeat
        self.evaluate.work += 1
        self.placer.hold_work(self.evaluate.work, step.span, scope)
        if isinstance(repeat, tree.When) and not self.evaluate.test(repeat.test, scope):
            self.places.leave_out(self.naming.seen(named, scope), scope)
        else:
            found = self.places.step(named, scope)
            with self.places.inside(found, scope, value) as inner:
                if found.change:
                    value = self.chain(found.change.pipe, inner, value, found.name, False, chain)
                elif isinstance(repeat, tree.Times | tree.Each):
                    value = self._repeated(named, repeat, scope, value, chain, number)
                elif any(label.counts for label in step.labels):
                    raise bad_label(step, scope, "`..` counts repetitions, but nothing repeats here")
                else:
                    value = self._atom(named, scope, value, chain, number)
        self.assertions.check(step, value, scope)
        return value

    def _atom(self, named: Named, scope: Scope, value: Value, chain: Chain, number: int) -> Value:
        atom = named.step.atom
        if isinstance(atom, tree.Call):
            use = Use(named, atom, value, scope, chain, number)
            return self._factored(use, atom.factors) if atom.factors else self.calls.use(use)
        if isinstance(atom, tree.Merge):
            return self.rails.merge(atom, named, scope, value, chain)
        if isinstance(atom, tree.Group):
            if len(named.names) > 1:
                raise bad_label(named.step, scope, "a chain in parentheses has one label")
            return self.chain(atom.pipe, scope, value, named.names[0] if named.names else None, False, chain)
        raise bad_flow(atom.span, scope, "`in` can only start a chain")

    # Repetition

    def _repeated(
        self, named: Named, repeat: tree.Times | tree.Each, scope: Scope, value: Value, chain: Chain, number: int
    ) -> Value:
        rows = self.loops.rows(repeat, scope)
        once = replace(named.step, labels=(), repeat=None, shape=None)
        counting = [label for label in named.step.labels if label.counts]
        if counting:
            return self._counted(once, counting, rows, named.step, scope, value, chain)
        if len(named.names) != 1:
            raise bad_label(named.step, scope, "what repeats has one label")
        label = self.placer.claim(named.names[0], named.span, scope)
        count = self.evaluate.number(repeat.count, scope) if isinstance(repeat, tree.Times) else None
        instance = Instance(
            "sequence", "sequence", label, scope.instance, step=number, chain=chain, span=named.step.span, count=count
        )
        made = 0
        with self._deeper(named.step.span, scope):
            for row in rows:
                before = value
                value = self._element(once, str(made), scope.inside(instance, row), value, chain)
                made += value.node != before.node  # a choice may leave nothing, and `nn.Sequential` no gap
        return value

    def _counted(
        self, once: tree.Step, labels: list[tree.Label], rows: list[dict[str, Any]], step: tree.Step, scope: Scope,
        value: Value, chain: Chain,
    ) -> Value:  # fmt: skip
        last = labels[0].parts[-1]
        if len(step.labels) > 1 or not last.isdigit():
            raise bad_label(step, scope, "a label that counts up ends in a number: `features.3..:`")
        if isinstance(once.atom, tree.Call) and once.atom.factors:
            raise no_sequence("a factorized kernel is several modules", once.span, scope)
        for i, row in enumerate(rows):
            path = ".".join((*labels[0].parts[:-1], str(int(last) + i)))
            inner = replace(scope, params={**scope.params, **row})
            value = self._step(Named(once, (path,), True), inner, value, chain, self.placer.step_number())
        return value

    def _element(self, once: tree.Step, label: str, scope: Scope, value: Value, chain: Chain) -> Value:
        """One repetition: a module, or a sequence of them for a chain in parentheses or a factorized kernel."""
        if once.labels:
            raise bad_label(once, scope, "what repeats is numbered, so its steps have no labels; a block's steps do")
        found = self.places.step(Named(once, (label,), True), scope)
        with self.places.inside(found, scope, value) as inner:
            member = found.change.as_step(once) if found.change else once
            return self._member(member, label, inner, value, chain)

    def _member(self, once: tree.Step, label: str, scope: Scope, value: Value, chain: Chain) -> Value:
        atom, repeat = once.atom, once.repeat
        number = self.placer.step_number()
        factors = atom.factors if isinstance(atom, tree.Call) else None
        if isinstance(atom, tree.Merge) or (factors and factors.parallel):
            raise no_sequence("rails cannot repeat by themselves", atom.span, scope)
        single = not isinstance(atom, tree.Group) and not factors
        if single or isinstance(repeat, tree.Times | tree.Each):
            return self._step(Named(once, (label,), True), scope, value, chain, number)
        if repeat is None or self.evaluate.test(repeat.test, scope):
            with self._deeper(once.span, scope):
                value = self._sequence(once, label, scope, value, chain, number)
        self.assertions.check(once, value, scope)
        return value

    def _sequence(
        self, once: tree.Step, label: str, scope: Scope, value: Value, chain: Chain, number: int
    ) -> Value:  # fmt: skip
        """The steps of a chain in parentheses, or the factors of a kernel, as members of a container."""
        atom = once.atom
        self.evaluate.work += 10
        claimed = self.placer.claim(label, once.span, scope)
        instance = Instance("sequence", "sequence", claimed, scope.instance, step=number, chain=chain, span=once.span)
        inner = scope.inside(instance, {})
        if isinstance(atom, tree.Group):
            made = 0
            for named in self.naming.plan(atom.pipe, "", False, scope):
                before = value
                value = self._element(named.step, str(made), inner, value, chain)
                made += value.node != before.node
            return value
        assert isinstance(atom, tree.Call)
        assert atom.factors is not None
        names = tuple(map(str, range(len(atom.factors.items))))
        return self._factored(Use(Named(once, names, True), atom, value, inner, chain, number), atom.factors)

    # Factorization, blocks, assertions

    def _factored(self, use: Use, factors: tree.Factors) -> Value:
        with self.calls.telling(self.calls.unit(use.call.name, use.scope.names)):
            parts: Factored = factored(use, factors, self.calls)
        if not factors.parallel:
            value = use.value
            for part in parts.uses:
                number = self.placer.step_number()
                value = self.calls.use(replace(part, value=value, number=number))
            return value
        ends = [RailEnd(self.calls.use(part), part.span) for part in parts.uses]
        op = Concat()
        self.placer.agree(op, op.word, ends, use.scope, factors.span)
        return self.placer.place(op, [e.value for e in ends], use.scope, use.location(""))

    def _body(self, block: tree.Block, scope: Scope) -> Value:
        assert scope.input is not None
        if block.pipe:
            return self.chain(block.pipe, scope, scope.input, None, False, Chain(""))
        result: Value | None = None
        outputs = [item for item in block.items if isinstance(item, tree.Output)]
        if len(outputs) != 1 or len(outputs[0].names) != 1:
            span = outputs[1].span if len(outputs) > 1 else block.name.span
            raise bad_flow(span, scope, f"the block `{block.name.text}` needs one output")
        for item in block.items:
            values = self.bind(item, scope)
            if isinstance(item, tree.Output):
                result = values[0]
        self.unused(scope, {item.names[0].text for item in outputs})
        if result is None:
            raise Poisoned
        return result

    def bind(self, item: tree.Bind | tree.Output, scope: Scope) -> Sequence[Value | None]:
        """Bind the names of a chain; poisoned ones to nothing."""
        names = [name.text for name in item.names]
        if all((scope.instance.path, name) in self.skipped for name in names):
            return [None] * len(names)
        for name in item.names:
            self.claim_value(name, scope)
        with self.reading(scope) as mine:
            values = self._bound(item, names, scope)
        self._reads.setdefault(scope.instance, []).append((names, mine))
        scope.values.update(zip(names, values, strict=True))
        return values

    @contextmanager
    def reading(self, scope: Scope) -> Iterator[set[str]]:
        """Gather the names that are read meanwhile."""
        mine, before = set[str](), set(scope.used)
        scope.used.clear()
        try:
            yield mine
        finally:
            mine |= scope.used
            scope.used |= before

    def _bound(self, item: tree.Bind | tree.Output, names: list[str], scope: Scope) -> Sequence[Value | None]:
        try:
            if len(names) > 1:
                return self._split_chain(item, scope)
            return [self.chain(item.pipe, scope, None, names[0], False, Chain(names[0]))]
        except Problem as problem:
            self.sink.add(problem.diagnostic)
        except Poisoned:
            pass
        return [None] * len(names)

    def _split_chain(self, item: tree.Bind | tree.Output, scope: Scope) -> list[Value]:
        last = item.pipe.steps[-1]
        atom = last.atom
        if not isinstance(atom, tree.Call) or atom.name != "split" or len(item.pipe.steps) < 2:
            hint = "`a, b = x -> split 2`"
            raise bad_flow(last.span, scope, "only `split` gives several values", hint)
        pipe = replace(item.pipe, steps=item.pipe.steps[:-1])
        chain = Chain(item.names[0].text)
        value = self.chain(pipe, scope, None, item.names[0].text, False, chain)
        sizes = None
        count = atom.number.value if atom.number else len(item.names)
        for arg in atom.args:
            if arg.name != "sizes":
                name = arg.name or arg.span.text
                raise Problem(
                    UnknownSetting(span=arg.span, path=scope.title, owner="split", setting=name, settings=("sizes",))
                )
            sizes = self.evaluate.value(arg.value, scope)
        if count != len(item.names):
            reason = f"{len(item.names)} names for {count} parts"
            raise Problem(ChannelsDoNotFit(span=atom.span, path=scope.title, reason=reason))
        chains = [Chain(name.text, rail=True, parent=chain) for name in item.names]
        return self.rails.split(value, sizes, scope, atom.span, chains)

    def claim_value(self, name: tree.Name, scope: Scope) -> None:
        """Hold a value's name to the rules."""
        if reason := why_no_identifier(name.text):
            self.sink.add(BadName(span=name.span, path=scope.title, name=name.text, reason=reason))
        scope.bound.setdefault(name.text, name.span)
        taken = ""
        if name.text in scope.values:
            taken = "bound already"
        elif name.text in scope.params:
            taken = "a parameter"
        elif self.calls.knows(name.text, scope):
            taken = "the name of a unit, block or op"
        if taken:
            self.sink.add(NameTaken(span=name.span, path=scope.title, name=name.text, taken_by=taken))

    def unused(self, scope: Scope, outputs: set[str]) -> None:
        """Complain about bound values that nothing reads; those that a change left without a use are noted."""
        changed = self.changes.changed(scope.instance)
        needed = self._needed(scope, outputs) if changed else scope.used | outputs
        for name, value in scope.values.items():
            if name not in needed and value is not None:
                problem = Unused(span=scope.bound[name], path=scope.title, what="the value", name=name)
                if changed:
                    self.idle[scope.instance.path, name] = problem
                else:
                    self.sink.add(problem)

    def _needed(self, scope: Scope, outputs: set[str]) -> set[str]:
        """The values that what leaves a class depends on, and those that are split off together with them."""
        reads = self._reads.get(scope.instance, [])
        bound = {name for names, _ in reads for name in names}
        needed = outputs | {name for name in scope.values if name not in bound or name in self.read_by_heads}
        for names, mine in reversed(reads):
            if needed.intersection(names):
                self.spare |= not needed.issuperset(names)
                needed |= mine | set(names)
        return needed

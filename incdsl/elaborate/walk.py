"""The walk: surface tree to graph. Chain, step, op, unit, block, net, merge and repetition, one recursion.

A step that is wrong is reported and gives an unknown value; the walk goes on with what is still known. What flows
behind it is unknown too, but its names and settings are looked at. Nothing is placed in a dry scope, which is how
definitions that no net uses, and choices that are not made, are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from incdsl.diagnostics.limits import TooDeep
from incdsl.diagnostics.names import (
    Recursion,
    UnknownSetting,
    WrongArguments,
)
from incdsl.diagnostics.shapes import ChannelsDoNotFit
from incdsl.elaborate.arguments import complete, given, hold_params
from incdsl.elaborate.blame import RailEnd
from incdsl.elaborate.bound import chain_name, claim_value
from incdsl.elaborate.budget import CHAIN, Nesting, Spanned, hold_open
from incdsl.elaborate.calls import Calls
from incdsl.elaborate.doors import Doors
from incdsl.elaborate.expand import Link, Main, main_of
from incdsl.elaborate.face import inputs_of, outputs_of
from incdsl.elaborate.factors import Factors
from incdsl.elaborate.heads import Heads
from incdsl.elaborate.loops import Loops
from incdsl.elaborate.names import MAX_BLOCK_DEPTH, Named, Units, counted, numbered, rail_label
from incdsl.elaborate.nested import check_inputs, net_arguments
from incdsl.elaborate.overrides import Override, Overrides, Tap
from incdsl.elaborate.parameters import Parameters
from incdsl.elaborate.ports import (
    arity,
    as_symbol,
    entering_as,
    inner_scope,
    instance_of,
    is_number,
    leading,
    leave,
    leaving,
    name_results,
    output_names,
)
from incdsl.elaborate.put import Ops
from incdsl.elaborate.rails import JOINS, Rails, hold_choices, hold_label, lacks_flow, rail_name, starts_bound
from incdsl.elaborate.resolve import Definition, Names
from incdsl.elaborate.scope import (
    NOT_NEEDED,
    UNKNOWN,
    Binding,
    Flow,
    One,
    OpRef,
    Poisoned,
    Problem,
    Scope,
    Unknown,
    Value,
)
from incdsl.elaborate.settings import Settings, gather, hold_no_size
from incdsl.elaborate.stated import Stated
from incdsl.elaborate.suggest import knows, refuse_head, refuse_name
from incdsl.elaborate.taps import at_end_of, start_of
from incdsl.elaborate.tools import Tools
from incdsl.elaborate.use import Use, bad_flow, bad_label, no_sequence, one_label, refuse_sigils
from incdsl.elaborate.variant import interfaces, lineage
from incdsl.ir.graph import Chain, Instance
from incdsl.ops import find
from incdsl.ops.merge import Concat, Joining
from incdsl.syntax import tree
from incdsl.values import Num, Pair, TooComplicated

_BOUND_ONLY = "a merge of bound values starts its chain: `y = concat { | a | b }`"
"""What helps where no rail reads what flows in."""
_IDENTITY = "`in` is what flows in here; a rail reads it as `| identity -> …`"
"""What helps where a rail starts with `in`, and that flows into the merge."""


_COUNTS = "a label that counts up ends in a number: `features.3..:`, `layer1..:`"


class UnitPlan(NamedTuple):
    """What is known of a unit before it is used: the op that its uses speak to, and its steps with their names."""

    main: Main
    steps: list[Named]
    owners: int
    """How many of its steps own parameters."""
    labelled: bool
    """Whether something in it has a label."""


class Walk:
    """Elaborates the insides of one net, and of all that it uses."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._calls = Calls(tools)
        self._doors = Doors(tools)
        self._factors = Factors(tools.evaluate)
        self._heads = Heads(tools)
        self._loops = Loops(tools)
        self._ops = Ops(tools)
        self._rails = Rails(tools)
        self.stated = Stated(tools)
        self.scopes: dict[Scope, set[str]] = {}
        """The insides of blocks and nets that were walked, and the names of what leaves them."""
        self.varied: list[Overrides] = []
        """What the variants among the nets that are steps change."""
        self._plans: dict[tuple[Definition, Units], UnitPlan] = {}
        self._deeper = Nesting()

    # Chains

    def chain(self, chain: tree.Chain, scope: Scope, flow: Flow, name: str, ir: Chain, *, rail: bool = False) -> Flow:
        """What comes out of the end of a chain; its steps report their problems."""
        hold_open(self._tools.sink)
        self._tools.budget.spend(CHAIN + 2 * len(chain.steps), chain)
        plan = self._tools.naming.plan(chain, name, scope, self._tools.units(scope), rail=rail)
        if rail:
            hold_label(plan, self._tools, scope)
        with self._deeper(chain), self._tools.visiting(chain, scope, flow, (name,)) as visit:
            flow, plan = self.start(plan, scope, flow, ir)
            for named in plan:
                flow = self.step(named, scope, flow, ir, self._tools.placer.step_number())
            visit.leaving = flow
        return flow

    def _run(self, plan: list[Named], scope: Scope, flow: Flow, ir: Chain, number: int) -> Flow:
        """The steps of a unit, which all belong to one written step; what is unknown stays so."""
        if plan and flow is not UNKNOWN:
            self._tools.budget.spend(len(plan), plan[0].link)
            with self._deeper(plan[0].link):
                for named in plan:
                    flow = self.step(named, scope, flow, ir, number)
        return flow

    def start(self, plan: list[Named], scope: Scope, flow: Flow, ir: Chain) -> tuple[Flow, list[Named]]:
        """What flows into the first step of a chain that is no value itself, and the steps from there on."""
        first = plan[0].link
        with self._tools.visiting(first.step, scope, None, plan[0].names) as visit:
            try:
                found = self._source(plan[0], scope, flow, ir)
            except (Problem, Poisoned, TooComplicated) as error:
                self._tools.caught(error, scope, first.span)
                known = isinstance(first.atom, tree.Call) and knows(first.atom.name.text, scope)
                self._came(first, scope, UNKNOWN)
                visit.leaving = None if known else UNKNOWN
                return UNKNOWN, plan if known else plan[1:]
            visit.leaving = found  # what is no value is no visit yet
            if found is None:
                return flow, plan
            found = visit.leaving = self.stated.hold(first, scope, found)
        self._came(first, scope, found)
        return found, plan[1:]

    def _source(self, named: Named, scope: Scope, flow: Flow, ir: Chain) -> Flow:
        """The value that the first step of a chain is; None if it is a step like others."""
        link, atom = named.link, named.link.atom
        if isinstance(atom, tree.BlockInput):
            value: Flow = self._input(atom, scope)
        elif isinstance(atom, tree.Bundle):
            value = tuple(self._bound_or_in(name, scope) for name in atom.names)
        elif isinstance(atom, tree.Call) and atom.name.text in scope.values:
            if not atom.bare:
                raise bad_flow(atom.span, f"the value `{atom.name.text}` takes no settings")
            value = self._bound(atom.name, scope)
        elif flow is not None:
            return None
        elif isinstance(atom, tree.Merge) and not link.repeat:
            return self._merge(atom, named, scope, None, ir)
        elif isinstance(atom, tree.Error):
            raise Poisoned
        elif isinstance(atom, tree.Call) and atom.bare and not knows(atom.name.text, scope):
            refuse_name(atom.name, scope, "a value is bound before it is used")
        else:
            hint = f"write `{'in' if scope.input else next(iter(scope.values), 'image')} -> …`"
            raise bad_flow(link.span, "the chain does not say what flows into it", hint)
        if named.labelled or link.repeat:
            raise bad_flow(link.span, "a value takes no label and cannot repeat")
        return value

    def _input(self, atom: tree.BlockInput | tree.Name, scope: Scope) -> One:
        if scope.input is not None:
            return scope.input
        if scope.is_net:
            raise bad_flow(atom.span, "a net has no `in`", "start with the name of an input")
        raise bad_flow(atom.span, "a block with several inputs has no `in`", "start with the name of an input")

    def _bound_or_in(self, name: tree.Name, scope: Scope) -> One:
        return self._input(name, scope) if name.text == "in" else self._bound(name, scope)

    def _bound(self, name: tree.Name, scope: Scope) -> One:
        if name.text not in scope.values:
            refuse_name(name, scope, "a value is bound before it is used")
        if name.text in scope.heads:
            refuse_head(name.text, name.span)
        scope.read.add(name.text)
        if name.text in scope.declared:
            self._tools.record.means(name, scope.declared[name.text])
        return scope.values[name.text]

    # Steps

    def step(self, named: Named, scope: Scope, flow: Flow, ir: Chain, number: int) -> Flow:
        """What a step makes of what flows in: unknown if it is wrong."""
        link = named.link
        hold_open(self._tools.sink)
        self._tools.budget.spend(2 if isinstance(link.repeat, tree.When) else 1, link)  # a test is a look, too
        taken, slip = self._taken(named, scope, ir, number)
        if taken:
            result = self._visited(named, taken, slip, scope, flow, ir, number)
        else:
            self._doors.leave_out(scope, self._tools.naming.seen(named, scope, self._tools.units(scope)))
            result = self.stated.hold(link, scope, UNKNOWN if scope.dry else flow)
        self._came(link, scope, result)
        for overrides in scope.overrides:
            if overrides.taps:
                seen = self._tools.naming.seen(named, scope, self._tools.units(scope))
                overrides.note(scope.instance, seen, result)
        return result

    def _came(self, link: Link, scope: Scope, flow: Flow) -> None:
        for step in (link.step, *link.ends):
            self._tools.record.came(step, scope, flow)

    def _taken(self, named: Named, scope: Scope, ir: Chain, number: int) -> tuple[Named | None, Exception | None]:
        """The step that comes about, None if tests leave it out; and what is wrong with these, for the step to say."""
        link = named.link
        if not isinstance(link.repeat, tree.When):
            return named, None
        try:
            look = partial(self._passed_over, link, ir, number)
            return self._chosen(named, scope, look), None
        except (Problem, Poisoned, TooComplicated) as error:
            return named, error

    def _visited(
        self, named: Named, taken: Named, slip: Exception | None, scope: Scope, flow: Flow, ir: Chain, number: int
    ) -> Flow:
        """What a step that comes about makes of what flows in, held to the shape that is stated."""
        link = named.link
        result: Flow = UNKNOWN
        with self._tools.visiting(link.step, scope, flow, named.names) as visit:
            try:
                if slip:
                    raise slip
                result = self._varied(taken, scope, flow, ir, number)
                self._came_behind_else(taken.link, link, scope, result)
            except (Problem, Poisoned, TooComplicated) as error:
                self._tools.caught(error, scope, link.span)
                for overrides in scope.overrides:
                    overrides.lose(scope.instance, self._tools.naming.seen(named, scope, self._tools.units(scope)))
            result = visit.leaving = self.stated.hold(link, scope, result)
        return result

    def _passed_over(self, whole: Link, ir: Chain, number: int, this: Named, aside: Scope) -> None:
        """Look at a step that tests do not choose."""
        self._came_behind_else(this.link, whole, aside, UNKNOWN)
        self._atom(this, aside, UNKNOWN, ir, number)

    def _came_behind_else(self, this: Link, whole: Link, scope: Scope, flow: Flow) -> None:
        """Note what comes out of one of several steps; the first is written as the whole that is noted anyway."""
        if this.step is not whole.step:
            self._tools.record.came(this.step, scope, flow)

    def _varied(self, named: Named, scope: Scope, flow: Flow, ir: Chain, number: int) -> Flow:
        """A step as it is written, or what a variant puts in its place."""
        place, override = self._doors.step(named, scope)
        if place is None:
            return self._written(named, scope, flow, ir, number)
        with self._doors.inside(place, override, scope, flow) as inner:
            if override is None:
                return self._written(named, scope, flow, ir, number)
            self._doors.hide(scope, lambda aside: self._atom(named, aside, UNKNOWN, ir, number))
            return self.chain(override.chain, inner, flow, place.name, ir)

    def _written(self, named: Named, scope: Scope, flow: Flow, ir: Chain, number: int) -> Flow:
        """A step that no variant replaces."""
        link = named.link
        if isinstance(link.repeat, tree.Times | tree.Each):
            return self._repeated(named, link.repeat, scope, flow, ir, number)
        for label in link.labels if named.labelled else ():
            if label.counts:
                nothing = "`..` counts repetitions, but nothing repeats here"
                raise bad_label(named, nothing if counted(label, 0) else _COUNTS)
        return self._atom(named, scope, flow, ir, number)

    def _atom(self, named: Named, scope: Scope, flow: Flow, ir: Chain, number: int) -> Flow:
        atom = named.link.atom
        match atom:
            case tree.Call():
                flows = flow if isinstance(flow, tuple) else (flow if flow is not None else UNKNOWN,)
                use = Use(named, atom, flows, scope, ir, number)
                return self._factored(use, atom.factors) if atom.factors else self.use(use)
            case tree.Merge():
                return self._merge(atom, named, scope, self._alone(flow, atom.word), ir)
            case tree.Group():
                if len(named.names) > 1:
                    raise bad_label(named, "a chain in parentheses has one label")
                self._hold_name(named, scope)
                return self.chain(atom.chain, scope, flow, named.names[0] if named.names else "", ir)
            case tree.BlockInput():
                raise bad_flow(atom.span, "`in` can only start a chain")
            case tree.Bundle():
                raise bad_flow(atom.span, "several values can only start a chain", "`(a, b) -> Block`")
        raise Poisoned

    def _alone(self, flow: Flow, at: Spanned) -> One | None:
        """What flows, which must be one value."""
        if isinstance(flow, tuple):
            raise bad_flow(at.span, f"{len(flow)} values flow in together where one is expected")
        return flow

    def _hold_name(self, named: Named, scope: Scope) -> None:
        """Refuse a label of several steps that is no part of their names."""
        own = named.labelled and named.link.labels
        if own and self._tools.naming.vanishes(named.link, scope, self._tools.units(scope)):
            label = named.names[0]
            hint = f"leave it out, or write the path into each label, `{label}.NAME: …`"
            raise bad_label(named, f"all steps inside have labels, so nothing is called `{label}`", hint)

    # Choices

    def _chosen(self, named: Named, scope: Scope, look: Callable[[Named, Scope], object]) -> Named | None:
        """The step that its tests choose, if they choose one; the others are looked at."""
        taken: Named | None = None
        for test, link in named.link.choices:
            this = self._tools.naming.one_of(named, link, scope, self._tools.units(scope))
            if taken is None and (test is None or self._loops.holds(test, scope)):
                taken = this
                continue
            if test is not None and taken is not None:
                self._tools.evaluate.read(test, scope)
            self._glance(link.atom, scope, partial(look, this))
        return taken

    def _glance(self, at: tree.Tree, scope: Scope, look: Callable[[Scope], object]) -> None:
        """Look, once, at what is written but does not come about."""
        if at not in self._tools.record.glanced:
            self._tools.record.glanced.add(at)
            aside = scope.aside()
            try:
                look(aside)
            except (Problem, Poisoned, TooComplicated) as error:
                self._tools.caught(error, aside, at.span)

    # Repetition

    def _repeated(
        self, named: Named, repeat: tree.Times | tree.Each, scope: Scope, flow: Flow, ir: Chain, number: int
    ) -> Flow:
        if isinstance(flow, tuple):
            hint = "write its uses one after another: `(a, b) -> Block -> Block`"
            raise bad_flow(named.link.span, f"{len(flow)} values flow into what repeats, and it hands on one", hint)
        value, once = flow, named.link.once
        try:
            rows = self._loops.rows(repeat, scope)
        except (Problem, Poisoned):
            variables = dict.fromkeys((n.text for n in repeat.names), UNKNOWN) if isinstance(repeat, tree.Each) else {}
            turn = replace(scope, params={**scope.params, **variables})
            name = named.names[0] if named.names else "y"
            alone = self._tools.naming.plan_links([once], name, turn, self._tools.units(turn))[0]
            self._glance(once.step, turn, lambda aside: self._atom(alone, aside, UNKNOWN, ir, 0))
            raise
        counting = [label for label in named.link.labels if label.counts]
        names = repeat.names if isinstance(repeat, tree.Each) else ()
        if counting:
            return self._counted(named, rows, names, scope, value, ir)
        if len(named.names) != 1:
            raise bad_label(named, "a repetition has one label")
        label = self._tools.placer.claim(named.names[0], named.span, scope)
        span = named.link.span
        count = self._tools.evaluate.number(repeat.count, scope) if isinstance(repeat, tree.Times) else None
        instance = Instance(
            "sequence", "sequence", label, scope.instance, step=number, chain=ir, span=span, count=count
        )
        inside, made = scope.inside(instance), 0
        if scope.dry and not scope.overrides:
            del rows[1:]  # nothing comes of it, and the others say the same
        with self._deeper(named.link):
            for row in rows:
                before, start = value, len(self._tools.graph)
                value = self._alone(self._element(once, str(made), inside.binding(row, names), value, ir), named.link)
                made += self._is_made(value, before, start, inside)
        return value

    def _is_made(self, after: Flow, before: Flow, start: int, scope: Scope) -> bool:
        """Whether a repetition is a module: a choice may leave nothing of it, and its number is free for the next one.

        `start` is how many nodes there were before it.
        """
        if after is UNKNOWN or after != before:
            return True
        scope.labels.clear()
        if len(self._tools.graph) > start:  # what it computes, nothing reads
            self._tools.graph.cut(start)
            self._tools.record.took_back(start)
            self._tools.cut = True
            for inside in [inside for inside in self.scopes if any(b.nodes.stop > start for b in inside.bindings)]:
                del self.scopes[inside]
        return False

    def _counted(
        self, named: Named, rows: list[dict[str, Any]], names: tuple[tree.Name, ...], scope: Scope, flow: Flow,
        ir: Chain,
    ) -> Flow:  # fmt: skip
        """Repetitions whose labels count up: members of a container that other steps may join."""
        link = named.link
        if len(link.labels) > 1 or not counted(link.labels[0], 0):
            raise bad_label(named, _COUNTS)
        if link.factors:
            raise no_sequence("a factorized kernel is several modules", link.span)
        for i, row in enumerate(rows):
            turn = Named(link.once, (counted(link.labels[0], i),), True)
            flow = self.step(turn, scope.binding(row, names), flow, ir, self._tools.placer.step_number())
        return flow

    def _element(self, once: Link, label: str, scope: Scope, flow: Flow, ir: Chain) -> Flow:
        """One repetition: a module, or a sequence of them for a chain in parentheses or a factorized kernel."""
        named = Named(once, (label,), True)
        if once.labels:
            raise bad_label(named, "repetitions are numbered, so their steps take no labels; those of a block may")
        place, override = self._doors.at("step", scope, lambda units: label, False, named)
        with (
            self._doors.inside(place, override, scope, flow) as inner,
            self._tools.visiting(once.atom, scope, flow, (label,)) as visit,
        ):
            member = self._in_place_of(once, override) if override else once
            flow = visit.leaving = self._member(member, label, inner, flow, ir)
            return flow

    def _in_place_of(self, once: Link, override: Override) -> Link:
        """A chain that replaces a repetition, as one step: itself if it is one, else in parentheses; an `if` stays."""
        kept = once.repeat if once.may_be_left_out else None
        only = override.chain.steps[0] if len(override.chain.steps) == 1 else None
        if only and not only.labels and not only.repeat:
            return once._replace(step=only, atom=only.atom, repeat=kept, ends=())
        group = tree.Group(override.chain, parts=override.chain.parts)
        return once._replace(step=override.chain.steps[-1], atom=group, repeat=kept, ends=())

    def _member(self, once: Link, label: str, scope: Scope, flow: Flow, ir: Chain) -> Flow:
        number = self._tools.placer.step_number()
        named = Named(once, (label,), True)
        if isinstance(once.atom, tree.Merge) or (once.factors and once.factors.parallel):
            raise no_sequence("rails cannot repeat by themselves", once.atom.span)
        if isinstance(once.repeat, tree.When):
            chosen = self._chosen(named, scope, lambda this, aside: self._member(this.link, label, aside, UNKNOWN, ir))
            flow = self._member(chosen.link, label, scope, flow, ir) if chosen else flow
        elif once.repeats or not (isinstance(once.atom, tree.Group) or once.factors):
            return self.step(named, scope, flow, ir, number)
        else:
            with self._deeper(once):
                flow = self._sequence(once, label, scope, flow, ir, number)
        flow = self.stated.hold(once, scope, flow)
        self._came(once, scope, flow)
        return flow

    def _sequence(self, once: Link, label: str, scope: Scope, flow: Flow, ir: Chain, number: int) -> Flow:
        """The steps of a chain in parentheses, or the factors of a kernel, as members of a container."""
        atom = once.atom
        self._tools.budget.spend(10, once)
        instance = Instance("sequence", "sequence", label, scope.instance, step=number, chain=ir, span=once.span)
        inner = scope.inside(instance)
        if isinstance(atom, tree.Group):
            made = 0
            for named in self._tools.naming.plan(atom.chain, "", scope, self._tools.units(scope)):
                before, start = flow, len(self._tools.graph)
                flow = self._element(named.link, str(made), inner, flow, ir)
                made += self._is_made(flow, before, start, inner)
            if made:
                self._tools.placer.claim(label, once.span, scope)
            return flow
        assert isinstance(atom, tree.Call)
        assert atom.factors is not None
        self._tools.placer.claim(label, once.span, scope)
        names = tuple(map(str, range(len(atom.factors.items))))
        flows = flow if isinstance(flow, tuple) else (flow or UNKNOWN,)
        return self._factored(Use(Named(once, names, True), atom, flows, inner, ir, number), atom.factors)

    # Merges

    def _merge(self, merge: tree.Merge, named: Named, scope: Scope, value: One | None, ir: Chain) -> One:
        """The value that the rails of a merge give together: unknown if one of them is wrong.

        Nothing need flow in where every rail starts with a bound value.
        """
        if scope.instance.kind == "sequence":
            raise no_sequence("rails cannot repeat by themselves", merge.span)
        if len(named.names) > 1:
            raise bad_label(named, "a merge has one label")
        self._hold_name(named, scope)
        base = named.names[0] if named.names else ir.name or "branch"
        rails = list(self._governed(merge, scope, ir))
        if not rails:
            raise bad_flow(merge.span, f"no rail of `{merge.word.text}` is left")
        names = [rail_name(rail, inner, turn, base, i) for i, (rail, inner, turn) in enumerate(rails)]
        doors = [self._doors.rail(rail, name, inner) for (rail, inner, _), (name, _) in zip(rails, names, strict=True)]
        chains = [door[1].chain if door[1] else rail.chain for door, (rail, _, _) in zip(doors, rails, strict=True)]
        if value and not merge.args and all(starts_bound(chain, scope) for chain in chains):
            with_in = any(isinstance(chain.steps[0].atom, tree.BlockInput) for chain in chains)
            hint = _IDENTITY if with_in and value is scope.input else _BOUND_ONLY
            raise bad_flow(merge.span, f"no rail of `{merge.word.text}` reads what flows into it", hint)
        if value is None and any(lacks_flow(chain, scope) for chain in chains):
            source = "in" if scope.input else next(iter(scope.values), "image")
            hint = f"write `{source} -> {merge.word.text} {{ … }}`, or start each rail with a value"
            raise bad_flow(merge.word.span, f"nothing flows into `{merge.word.text}`", hint)
        irs = [
            Chain(local, rail=True, parent=ir, comments=rail.comments)
            for (_, local), (rail, _, _) in zip(names, rails, strict=True)
        ]
        with self._tools.visiting(merge, scope, value) as visit:
            flows = self._rails.shares(merge, irs, value, scope)
            ends: list[RailEnd] = []
            for i, (rail, inner, turn) in enumerate(rails):
                name, (place, override) = names[i][0], doors[i]
                start = len(self._tools.graph)
                titled = replace(inner, title=f"{scope.title} > {name}")
                label = rail_label(rail.chain, turn)
                with (
                    self._doors.inside(place, override, titled, flows[i]) as here,
                    self._tools.visiting(rail, scope, flows[i], (label,)) as inside,
                ):
                    if override:
                        self._doors.hide(titled, partial(self._look_at_rail, rail.chain, name, irs[i]))
                    labelled = override is None and bool(label)  # a change has the rail's label
                    hold_choices(rail, chains[i])
                    end = inside.leaving = self._rail(chains[i], here, flows[i], name, irs[i], labelled)
                self._tools.record.came(rail, scope, end)
                for overrides in scope.overrides:
                    overrides.note(scope.instance, label, end)
                if isinstance(end, Value):
                    ends.append(RailEnd(end, chains[i].span, start))
            if len(ends) < len(rails) or merge.word.text not in JOINS:
                raise Poisoned
            visit.leaving = joined = self._rails.joined(merge, ends, value, scope, ir)
        return joined

    def _rail(self, chain: tree.Chain, scope: Scope, flow: Flow, name: str, ir: Chain, labelled: bool) -> Flow:
        try:
            return self._alone(self.chain(chain, scope, flow, name, ir, rail=labelled), chain)
        except (Problem, Poisoned, TooComplicated) as error:
            self._tools.caught(error, scope, chain.span)
            return UNKNOWN

    def _look_at_rail(self, chain: tree.Chain, name: str, ir: Chain, aside: Scope) -> None:
        self.chain(chain, aside, UNKNOWN, name, ir, rail=bool(rail_label(chain)))

    def _governed(self, merge: tree.Merge, scope: Scope, ir: Chain) -> Iterator[tuple[tree.Rail, Scope, int | None]]:
        """The rails that come about, each with its scope and, if it has a `for`, its turn."""
        met: bool | None = None
        for rail in merge.rails:
            guard = rail.guard
            self._tools.budget.spend(1, rail)
            if isinstance(guard, tree.Each):
                met = None
                for turn, row in enumerate(self._loops.turns(guard, scope)):
                    yield rail, scope.binding(row, guard.names), turn
                continue
            comes, met = self._loops.comes_about(guard, met, scope)
            if comes:
                yield rail, scope, None
            else:
                first = rail.chain.steps[0].labels
                self._doors.leave_out(scope, first[0].text if first else "")
                self._glance(rail, scope, partial(self._look_at_rail, rail.chain, "branch", ir))

    # Uses of ops, units, blocks and nets

    def use(self, use: Use) -> Flow:
        """What comes out of a step that names an op, a unit, a block, a net, or a parameter that holds one."""
        scope, word = use.scope, use.word
        if word not in scope.params:
            return self._resolved(use, scope.names)
        if word in scope.declared:
            self._tools.record.means(use.call.name, scope.declared[word])
        param = scope.params[word]
        if isinstance(param, OpRef):
            scope.read.add(word)
            return self._referred(use, param)
        if isinstance(param, Unknown):
            scope.read.add(word)
            raise Poisoned
        return self._resolved(use, scope.names)

    def _resolved(self, use: Use, names: Names) -> Flow:
        """A name that is no parameter, as a file understands it."""
        name, word = use.call.name, use.word
        if word in use.scope.values:
            hint = f"a chain starts with a value: `{word} -> …`; to join two, write `concat {{ | … | … }}`"
            raise bad_flow(name.span, f"the value `{word}` cannot stand in the middle of a chain", hint)
        if definition := names.get(word):
            self._tools.record.means(name, definition)
            if isinstance(definition.tree, tree.Unit):
                unit = self._tools.units(use.scope)(names, word)
                assert unit is not None
                try:
                    return self._unit(unit, use)
                except Problem as problem:
                    raise self._tools.noted(problem, unit, use.scope) from None
            is_block = isinstance(definition.tree, tree.Block)
            return self._block(definition, use) if is_block else self._net(definition, use)
        op = find(word)
        if op is None or issubclass(op, Joining):
            refuse_name(name, use.scope)
        self._tools.record.means(name, op)
        return self._ops.primitive(op, use)

    def _referred(self, use: Use, ref: OpRef) -> Flow:
        """An op, unit or block that was handed down as a value."""
        if ref.args and use.call.args:
            raise Problem(WrongArguments(span=use.span, reason=f"`{use.word}` has its settings already"))
        call = replace(use.call, name=replace(use.call.name, text=ref.name.text))
        if not ref.args:
            return self._resolved(use._replace(call=call), ref.scope.names)
        settings = self._calls.given(ref)
        if ref.scope.instance is not use.scope.instance:
            settings = {name: self._tools.static.decided(ref.scope.instance, value) for name, value in settings.items()}
        fixed = (*use.fixed, *settings.items())
        return self._resolved(use._replace(call=call, fixed=fixed), ref.scope.names)

    # Ops

    def _factored(self, use: Use, factors: tree.Factors) -> Flow:
        """A convolution as smaller ones."""
        unit = self._tools.units(use.scope)(use.scope.names, use.word)
        try:
            parts = self._factors.split(use, factors, self._calls.convolution(use, unit))
        except Problem as problem:
            raise self._tools.noted(problem, unit, use.scope) from None
        entering = use.flow[0] if len(use.flow) == 1 else use.flow
        with self._tools.visiting(factors, use.scope, entering, use.named.names) as visit:
            if factors.parallel:
                visit.leaving = self._beside_each_other(parts, factors, use)
            else:
                flow: Flow = use.flow
                for part, factor in zip(parts, factors.items, strict=True):
                    flows = flow if isinstance(flow, tuple) else (flow or UNKNOWN,)
                    flow = self._factor(part._replace(flow=flows, number=self._tools.placer.step_number()), factor)
                visit.leaving = flow
        return visit.leaving

    def _factor(self, part: Use, factor: tree.Factor) -> Flow:
        with self._tools.visiting(factor, part.scope, part.flow[0], part.named.names) as visit:
            visit.leaving = self.use(part)
        self._tools.record.came(factor, part.scope, visit.leaving)
        return visit.leaving

    def _beside_each_other(self, parts: Sequence[Use], factors: tree.Factors, use: Use) -> Flow:
        """What parallel factors give together."""
        ends: list[RailEnd] = []
        for part, factor in zip(parts, factors.items, strict=True):
            start = len(self._tools.graph)
            end = self._factor(part, factor)
            if isinstance(end, Value):
                ends.append(RailEnd(end, part.span, start))
        if len(ends) < len(parts):
            return UNKNOWN
        op = Concat()
        self._tools.placer.agree(op, op.word, ends, use.scope, factors.span)
        return self._tools.placer.place(op, [end.value for end in ends], use.scope, use.location(""))

    # Units

    def _unit(self, unit: Definition, use: Use) -> Flow:
        scope = use.scope
        self._enter(unit, use, "units")
        first = unit.unit.chain.steps[0].atom
        if isinstance(first, tree.Call) and not find(first.name.text) and first.name.text not in unit.names:
            refuse_name(first.name, Scope(scope.instance, scope.title, unit.names))
        if isinstance(use.value, Value) and not scope.dry:
            self._tools.record.walked.add(unit)
        use, arguments = self._calls.of_unit(unit, use)
        plan = self._plan(unit, scope, arguments)
        several = use.named.labelled and len(use.named.names) > 1
        if several and len(use.named.names) != plan.owners:
            count = len(use.named.names)
            raise bad_label(use.named, f"`{unit.name}` has {plan.owners} parts that own parameters, not {count}")
        plain = plan.owners <= 1 and not plan.labelled
        if several or (plain and (scope.instance.kind != "sequence" or len(plan.steps) == 1)):
            return self._inline(unit, plan, use, arguments)
        return self._scoped(unit, plan, use, arguments)

    def _plan(self, unit: Definition, scope: Scope, arguments: Mapping[str, Any]) -> UnitPlan:
        units = self._tools.units(scope)
        plan = None if arguments else self._plans.get((unit, units))
        if plan is None:
            main = main_of(unit)
            hold_params(unit.unit, main.op)
            bare = Scope(scope.instance, scope.title, unit.names, dict(arguments))
            steps = self._tools.naming.plan(unit.unit.chain, "", bare, units)
            owners = sum(bool(named.names) for named in steps)
            labelled = any(isinstance(part, tree.Step) and part.labels for part in tree.nodes(unit.unit.chain))
            plan = self._plans[unit, units] = UnitPlan(main, steps, owners, labelled)
        return plan

    def _enter(self, definition: Definition, use: Use, what: str) -> None:
        """Refuse a definition that contains itself, or nests too deeply."""
        around = use.scope.around
        if definition in around:
            chain = (*around[around.index(definition) :], definition)
            raise Problem(Recursion(span=use.call.name.span, chain=tuple(each.name for each in chain)))
        if len(around) > MAX_BLOCK_DEPTH:  # the net is one of them
            raise Problem(TooDeep(span=use.span, what=what, limit=MAX_BLOCK_DEPTH))
        self._tools.record.used.add(definition)
        if definition.broken and not use.scope.dry:
            self._tools.whole = False

    def _inline(self, unit: Definition, plan: UnitPlan, use: Use, arguments: dict[str, Any]) -> Flow:
        """The parts of a unit as steps of the class that uses it."""
        main, names = plan.main, enumerate(use.named.names)
        renamed = []
        for i, named in enumerate(plan.steps):
            mine = bool(named.names) or (not plan.owners and i == main.at and use.named.labelled)
            part, name = next(names, (0, "")) if mine else (0, "")
            own = tuple(numbered(name, max(1, len(named.names)))) if name else ()
            renamed.append(Named(named.link, own, bool(own), use.named.label_of(part) if own else None))
        scope = self._unit_scope(use, use.scope.instance, use.value, unit)
        scope.params = arguments
        scope.labels, scope.counts = use.scope.labels, use.scope.counts
        settings, _ = self._calls.merged(main, use, scope)
        inner, value = self._up_to(main, settings, renamed, use._replace(scope=scope))
        built = self._ops.made(main.op, settings, use)
        result = self._main(main, self._ops.put(built, value, inner, list(settings.sizes.values())), inner)
        return self._run(renamed[main.at + 1 :], scope, result, use.chain, use.number)

    def _main(self, main: Main, result: One, use: Use) -> One:
        """What comes out of the main op of a unit, noted."""
        self._tools.record.means(main.call.name, main.op)
        self._came(use.named.link, use.scope, result)
        return result

    def _up_to(self, main: Main, settings: Settings, plan: list[Named], use: Use) -> tuple[Use, One]:
        """The use as its main op sees it, behind the steps before that."""
        before = self._run(plan[: main.at], use.scope, use.value, use.chain, use.number)
        inner = use._replace(named=plan[main.at], flow=(self._alone(before, use.call) or UNKNOWN,))
        return inner, self._ops.fit(main.op, settings, inner)

    def _scoped(self, unit: Definition, plan: UnitPlan, use: Use, arguments: dict[str, Any]) -> Flow:
        """A unit as a class of its own, whose constructor takes what its uses say."""
        main, parent, value = plan.main, use.scope, use.value
        placer, name = self._tools.placer, use.named.names[0] if use.named.names else ""
        label = placer.claim(name, use.named.span, parent) if name else placer.free_label(unit.name, use.span, parent)
        channels = value.shape.channels if isinstance(value, Value) else 1
        kept = {param: each for param, each in arguments.items() if is_number(each)}
        instance = Instance(
            "unit", unit.name, label, parent.instance, {"in_channels": channels, **kept}, unit.comments, use.note,
            use.span, use.number, use.chain, unit.place,
        )  # fmt: skip
        flowing = entering_as(value, "in_channels")
        scope = self._unit_scope(use, instance, flowing, unit)
        scope.params = {param: as_symbol(each, param) if param in kept else each for param, each in arguments.items()}
        settings, own = self._calls.merged(main, use, scope)
        hold_no_size(settings, use.word)
        inside = use._replace(scope=scope, flow=(flowing,), chain=Chain(unit.name), note="")
        inner, before = self._up_to(main, settings, plan.steps, inside)
        plain = self._ops.made(main.op, settings, use)
        if isinstance(value, Value):
            self._ops.pin_fields(plain, value, parent)
        symbols: dict[str, Any] = {}
        swept = plain.placed() == (plain,)  # what pads it apart knows its windows, and these are then the class's own
        for name in plain.settings:
            setting = getattr(plain, name)
            if name in own or (isinstance(setting, bool | str | tuple) and not (swept and isinstance(setting, Pair))):
                continue
            keyword = main.op.keyword(name)
            instance.arguments[keyword] = setting
            symbols[name] = as_symbol(setting, keyword)
        result = self._main(main, self._ops.put(plain.model_copy(update=symbols), before, inner), inner)
        flow = self._run(plan.steps[main.at + 1 :], scope, result, inner.chain, use.number)
        return leaving(self._alone(flow, use.call), instance)

    def _unit_scope(self, use: Use, instance: Instance, value: One, unit: Definition) -> Scope:
        outer = use.scope
        return Scope(
            instance, outer.title, unit.names, input=value, around=(*outer.around, unit), overrides=outer.overrides,
            axes=outer.axes, exact=outer.exact, dry=outer.dry, hidden=outer.hidden,
            declared={param.name.text: param for param in unit.unit.params},
        )  # fmt: skip

    # Blocks

    def _block(self, definition: Definition, use: Use) -> Flow:
        parent, block = use.scope, definition.block
        self._enter(definition, use, "blocks")
        refuse_sigils(use)
        one_label(use)
        self._tools.budget.spend(len(block.params), use)
        values = given(block, use.call.args, parent, self._tools.evaluate, dict(use.fixed))
        arguments = complete(block, values, definition.names, use, self._tools.evaluate)
        label = self._tools.placer.claim(use.named.names[0], use.named.span, parent)
        ports = [name.text for item in block.items if isinstance(item, tree.Inputs) for name in item.names]
        flows = arity(use, ports or ["in"])
        outputs = output_names(block.items)
        if not all(isinstance(flow, Value) for flow in flows) and not any(o.chains for o in parent.overrides):
            return UNKNOWN if len(outputs) < 2 else (UNKNOWN,) * len(outputs)  # its inside is looked at elsewhere
        if not parent.dry:
            self._tools.record.walked.add(definition)
        instance = instance_of(definition, use, label, ports, flows, arguments)
        scope = inner_scope(definition, use, instance, ports, flows, arguments)
        with self._tools.visiting(block, scope, use.flow, tuple(values)) as visit:
            self._claim_inputs(block, scope)
            if block.chain:
                flow = self.chain(block.chain, scope, scope.input, "", Chain(""))
                visit.leaving = leaving(self._alone(flow, block.chain), instance)
            else:
                visit.leaving = self._inside(definition, outputs, scope, ports, flows)
        return visit.leaving

    def _claim_inputs(self, block: tree.Block, scope: Scope) -> None:
        """Hold the names of a block's inputs to the rules."""
        known, scope.values = scope.values, {}
        for name in [name for item in block.items if isinstance(item, tree.Inputs) for name in item.names]:
            claim_value(name, scope, self._tools)
            scope.values[name.text] = known[name.text]

    def _inside(
        self, definition: Definition, outputs: list[str], scope: Scope, ports: list[str], flows: tuple[One, ...]
    ) -> Flow:
        """What leaves a block or net with these outputs."""
        start = len(self._tools.graph)
        written = definition.tree
        items: Sequence[tree.Tree] = () if isinstance(written, tree.Unit) else written.items
        self.body(definition, items, scope)
        for overrides in scope.overrides:
            if overrides.root is scope.instance:
                self.taps(overrides, scope)
        if not scope.dry:
            heads = [item.name.text for item in items if isinstance(item, tree.Aux)]
            self.scopes[scope] = {*outputs, *heads}
        empty = len(self._tools.graph) == start
        return leave(self._tools.graph, ports, flows, outputs, scope, empty)

    # Nets as steps

    def _net(self, definition: Definition, use: Use) -> Flow:
        """A net as a step of another: its inputs and outputs are its ports, its heads stay for training."""
        self._enter(definition, use, "nets")
        refuse_sigils(use)
        one_label(use)
        line = lineage(definition)
        root = line[-1]
        interface = interfaces(line)[0]
        settings = net_arguments(definition, interface, use, self._tools)
        label = self._tools.placer.claim(use.named.names[0], use.named.span, use.scope)
        inputs = [item for item in root.net.items if isinstance(item, tree.Input)]
        ports = [item.name.text for item in inputs]
        outputs = outputs_of(line)
        if not ports or not outputs:
            if root.broken:
                raise Poisoned
            raise bad_flow(use.call.name.span, f"`{use.word}` has no {'output' if ports else 'input'}")
        flows = arity(use, ports)
        if not all(isinstance(flow, Value) for flow in flows):
            return UNKNOWN if len(outputs) < 2 else (UNKNOWN,) * len(outputs)
        if not use.scope.dry:
            self._tools.record.walked.add(definition)
        instance = instance_of(definition, use, label, ports, flows, settings)
        overrides = Overrides(line, instance)
        overrides.gather(self._tools.sink)
        self._heads.hold(overrides, use)
        scope = inner_scope(definition, use, instance, ports, flows, settings)
        scope.overrides = use.scope.overrides
        if len(line) > 1:
            scope.overrides = (*scope.overrides, overrides)
            self.varied.append(overrides)
        parameters = Parameters(line, instance, scope.title, self._tools.evaluate, self._tools.sink)
        levels = parameters.inner(scope.params)
        overrides.own.update(parameters.own(levels))
        scope.params = dict(levels[-1])
        scope.names, scope.is_net, scope.input = root.names, True, None
        scope.declared = {p.name.text: p for p in root.net.params} | {item.name.text: item.name for item in inputs}
        for item in leading(root.net.items):
            self.let(item, scope)
        with self._tools.visiting(root.net, scope, use.flow, tuple(settings)) as visit:
            check_inputs(inputs_of(line, levels, scope), flows, scope, use, self._tools)
            visit.leaving = self._inside(root, outputs, scope, ports, flows)
        return visit.leaving

    # Bodies: bound values, outputs and heads

    def body(self, definition: Definition, items: Sequence[tree.Tree], scope: Scope) -> None:
        """The items of a block or net, in order."""
        if isinstance(definition.tree, tree.Block) and not any(isinstance(i, tree.Output | tree.Error) for i in items):
            name = definition.tree.name
            raise bad_flow(name.span, f"the block `{name.text}` needs an output", "`output y = …`")
        for item in items:
            if isinstance(item, tree.Let):
                self.let(item, scope)
            elif isinstance(item, tree.Bind | tree.Output):
                self.bind(item, scope)
                if isinstance(item, tree.Output):
                    self._doors.met_outputs(item, scope)
            elif isinstance(item, tree.Aux) and not self._doors.drops(item.name.text, scope):
                self._aux(item, scope)

    def taps(self, overrides: Overrides, scope: Scope) -> None:
        """The outputs that the variants of a net add."""
        for tap in overrides.taps:
            name, start = tap.item.names[0], len(self._tools.graph)
            claim_value(name, scope, self._tools)
            overrides.met_output(name.text)
            flow: Flow = UNKNOWN
            with scope.reading() as reads, self._tools.visiting(tap.item, scope, UNKNOWN, (name.text,)) as visit:
                try:
                    flow = visit.leaving = self._tapped(tap, overrides, scope)
                except (Problem, Poisoned, TooComplicated) as error:
                    self._tools.caught(error, scope, tap.item.span)
            value = flow if isinstance(flow, Value) else UNKNOWN
            self._tools.whole &= scope.dry or isinstance(value, Value)
            scope.bindings.append(Binding((name.text,), (value,), reads, range(start, len(self._tools.graph))))
            scope.values[name.text], scope.declared[name.text] = value, name
            self._tools.record.came(name, scope, value)

    def _tapped(self, tap: Tap, overrides: Overrides, scope: Scope) -> Flow:
        """What an added output is: a value or the end of a step, and what follows."""
        first, *rest = tap.chain.chain.steps
        name = start_of(tap)
        with self._tools.visiting(first, scope, None) as visit:
            flow = self._bound(name, scope) if name.text in scope.values else at_end_of(name, tap, overrides, scope)
            flow = visit.leaving = self.stated.hold(Link.of(first), scope, flow)
        self._tools.record.came(first, scope, flow)
        if not rest:
            return flow
        inner = self._doors.beside(overrides, tap.chain, scope, flow)
        own = tap.item.names[0].text
        return self.chain(tree.Chain(tuple(rest), parts=tuple(rest)), inner, flow, own, Chain(own))

    def let(self, item: tree.Let, scope: Scope) -> None:
        """Give a number, or another setting, a name; an item that was reached before is left alone."""
        if scope.declared.get(item.name.text) is item:
            return
        claim_value(item.name, scope, self._tools)
        value: Any = UNKNOWN
        try:
            value = self._tools.evaluate.value(item.value, scope)
        except (Problem, Poisoned, TooComplicated) as error:
            self._tools.caught(error, scope, item.span)
        if item.name.text:
            scope.params[item.name.text] = value
            scope.declared[item.name.text] = item
            if isinstance(value, Num):
                scope.instance.lets[item.name.text] = value

    def bind(self, item: tree.Bind | tree.Output, scope: Scope) -> tuple[One, ...]:
        """Bind the names of a chain to what comes out of it."""
        for i, name in enumerate(item.names):
            if name.text != NOT_NEEDED:
                claim_value(name, scope, self._tools, {other.text for other in item.names[:i]})
        start = len(self._tools.graph)
        flow: Flow = UNKNOWN
        names = tuple([name.text for name in item.names])
        with scope.reading() as reads, self._tools.visiting(item, scope, UNKNOWN, names) as visit:
            try:
                flow = visit.leaving = self._bound_chain(item, scope)
            except (Problem, Poisoned, TooComplicated) as error:
                self._tools.caught(error, scope, item.span)
        values = flow if isinstance(flow, tuple) else (flow if isinstance(flow, Value) else UNKNOWN,) * len(item.names)
        self._tools.whole &= scope.dry or (all(names) and all(isinstance(value, Value) for value in values))
        scope.bindings.append(Binding(names, values, reads, range(start, len(self._tools.graph))))
        if len(names) > 1:
            name_results(self._tools.graph, names, values)
        for name, value in zip(item.names, values, strict=True):
            if name.text and name.text != NOT_NEEDED:
                scope.values[name.text] = value
                scope.declared[name.text] = name
            self._tools.record.came(name, scope, value)
        return values

    def _bound_chain(self, item: tree.Bind | tree.Output, scope: Scope) -> Flow:
        chain, count = item.chain, len(item.names)
        name, last = chain_name(item), chain.steps[-1]
        if count > 1 and isinstance(last.atom, tree.Call) and last.atom.name.text == "split" and len(chain.steps) > 1:
            return tuple(self._split_off(item, last, last.atom, scope))
        flow = self.chain(chain, scope, None, name, Chain(name, comments=item.comments))
        given_ = len(flow) if isinstance(flow, tuple) else 1
        if flow is UNKNOWN:
            return (UNKNOWN,) * count if count > 1 else UNKNOWN
        if given_ != count:
            hint = "`a, b = x -> split 2`; a block or net with several outputs gives several values as well"
            if given_ > 1:
                hint = "a name for each; use `_` for those that you do not need"
            values = "one value" if given_ == 1 else f"{given_} values"
            raise bad_flow(last.span, f"the chain gives {values} for {count} name{'s' * (count > 1)}", hint)
        return flow

    def _split_off(
        self, item: tree.Bind | tree.Output, last: tree.Step, atom: tree.Call, scope: Scope
    ) -> list[One]:  # fmt: skip
        """The parts of a value, one for each name."""
        names = [name.text for name in item.names]
        before = replace(item.chain, steps=item.chain.steps[:-1])
        ir = Chain(chain_name(item), comments=item.comments)
        value = self._alone(self.chain(before, scope, None, ir.name, ir), last)
        with self._tools.visiting(last, scope, value) as visit:
            parts = visit.leaving = tuple(self._parts(names, value or UNKNOWN, last, atom, scope, ir))
        return list(parts)

    def _parts(
        self, names: list[str], value: One, last: tree.Step, atom: tree.Call, scope: Scope, ir: Chain
    ) -> list[One]:
        sizes = None
        count = atom.number.value if atom.number else len(names)
        for arg in atom.args:
            if isinstance(arg, tree.Error):
                raise Poisoned
            if arg.name is None or arg.name.text != "sizes":
                setting = arg.name.text if arg.name else arg.span.text
                raise Problem(UnknownSetting(span=arg.span, owner="split", setting=setting, settings=("sizes",)))
            sizes = self._tools.evaluate.value(arg.value, scope)
        if count != len(names):
            raise Problem(ChannelsDoNotFit(span=atom.span, reason=f"{len(names)} names for {count} parts"))
        irs = [Chain(name, rail=True, parent=ir) for name in names]
        parts = self._rails.split(value, sizes, scope, atom.span, irs)
        self._tools.record.came(last, scope, tuple(parts))
        self.stated.hold(Link.of(last), scope, tuple(parts))
        return parts

    def _aux(self, item: tree.Aux, scope: Scope) -> None:
        """An auxiliary head: one module, the block that it names or a class made of its chain."""
        claim_value(item.name, scope, self._tools)
        scope.values[item.name.text] = UNKNOWN
        scope.heads.add(item.name.text)
        scope.declared[item.name.text] = item.name
        outer, self._tools.conditions.in_head = self._tools.conditions.in_head, True
        around, self._tools.head = self._tools.head, self._tools.head or item.name.text
        value: Flow = UNKNOWN
        start = len(self._tools.graph)
        try:
            weight = self._heads.weight(item, scope)
            with scope.reading() as reads, self._tools.visiting(item, scope, UNKNOWN, (item.name.text,)) as visit:
                value = visit.leaving = self._head(item, scope)
            if isinstance(value, Value):
                nodes = range(start, len(self._tools.graph))
                scope.bindings.append(Binding((item.name.text,), (value,), reads, nodes))
                self._heads.add(item, value, weight, scope)
        except (Problem, Poisoned, TooComplicated) as error:
            self._tools.caught(error, scope, item.span)
        finally:
            self._tools.conditions.in_head, self._tools.head = outer, around
        self._tools.record.came(item, scope, value)

    def _head(self, item: tree.Aux, scope: Scope) -> Flow:
        ir = Chain(item.name.text, comments=item.comments)
        plan = self._tools.naming.plan(item.chain, item.name.text, scope, self._tools.units(scope))
        first = plan[0].link.atom
        names_value = isinstance(first, tree.Call) and (
            first.name.text in scope.values or (first.bare and not knows(first.name.text, scope))
        )
        if not names_value or len(plan) < 2:
            reason = "an aux head starts with the value that it reads"
            raise bad_flow(item.span, reason, "`value -> …`")
        source, rest = self.start(plan, scope, None, ir)
        flow = self._alone(source, item)
        number = self._tools.placer.step_number()
        place, override = self._doors.at("aux head", scope, lambda _: item.name.text, False, None)
        with self._doors.inside(place, override, scope, flow) as inner:
            if override:
                self._doors.hide(scope, lambda aside: self._own_class(item, rest, aside, UNKNOWN, ir, number))
                rest = self._tools.naming.plan(override.chain, item.name.text, inner, self._tools.units(inner))
            only = rest[0].link
            block = inner.names.block(only.atom.name.text) if isinstance(only.atom, tree.Call) else None
            if len(rest) == 1 and not only.repeat and block and isinstance(only.atom, tree.Call):
                named = Named(only._replace(labels=()), (item.name.text,), True)
                value = self.use(Use(named, only.atom, (flow or UNKNOWN,), inner, ir, number, optional=True))
                value = self.stated.hold(only, inner, value)
                self._came(only, inner, value)
            else:
                value = self._own_class(item, rest, inner, flow or UNKNOWN, ir, number)
        if isinstance(value, Value) and isinstance(flow, Value) and value.node == flow.node:
            raise bad_flow(item.span, f"the head `{item.name.text}` does nothing")
        return value

    def _own_class(
        self, item: tree.Aux, plan: list[Named], scope: Scope, flow: One, ir: Chain, number: int
    ) -> Flow:  # fmt: skip
        instance, inner = self._heads.inside(item, plan, scope, flow, ir, number)
        unnamed, units = Chain(""), self._tools.units(inner)
        steps = self._tools.naming.plan_links([named.link for named in plan], "", inner, units)
        with self._deeper(plan[0].link):
            value, steps = self.start(steps, inner, inner.input, unnamed)
            for named in steps:
                value = self.step(named, inner, value, unnamed, self._tools.placer.step_number())
        return leaving(self._alone(value, item), instance)

    # Definitions that nothing uses

    def look_at(self, definition: Definition) -> None:
        """Look at the inside of a unit or block of which nothing is known but the text."""
        written = definition.tree
        instance = Instance("block", definition.name, "", None)
        scope = Scope(
            instance, definition.name, definition.names, input=UNKNOWN, around=(definition,), dry=True,
        )  # fmt: skip
        try:
            if isinstance(written, tree.Block):
                inputs = [n for item in written.items if isinstance(item, tree.Inputs) for n in item.names]
                scope.params = {param.name.text: UNKNOWN for param in written.params}
                scope.declared = {p.name.text: p for p in written.params} | {n.text: n for n in inputs}
                scope.values = {name.text: UNKNOWN for name in inputs}
                self._claim_inputs(written, scope)
                if written.chain:
                    self.chain(written.chain, scope, UNKNOWN, "", Chain(""))
                else:
                    self.body(definition, written.items, scope)
            elif isinstance(written, tree.Unit):
                self._look_at_unit(definition, scope)
        except (Problem, Poisoned, TooComplicated) as error:
            self._tools.caught(error, scope, written.span)

    def _look_at_unit(self, unit: Definition, scope: Scope) -> None:
        """Its main op takes from its uses what it lacks itself."""
        first = unit.unit.chain.steps[0].atom
        if isinstance(first, tree.Call) and not knows(first.name.text, scope):
            refuse_name(first.name, scope)
        scope.params = {param.name.text: UNKNOWN for param in unit.unit.params}
        scope.declared = {param.name.text: param for param in unit.unit.params}
        main, steps, *_ = self._plan(unit, scope, scope.params)
        for i, named in enumerate(steps):
            if i == main.at:
                self._tools.record.means(main.call.name, main.op)
                gather(main.call, main.op, scope, self._tools.evaluate)
            else:
                self.step(named, scope, UNKNOWN, Chain(""), 0)

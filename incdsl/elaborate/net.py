"""One net of a spec, elaborated: its inputs, outputs and heads, what it costs, what the spec expects of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from incdsl.diagnostics import Sink
from incdsl.diagnostics.names import BadExpression, IncompleteNet, NameTaken
from incdsl.elaborate.budget import NET_STEPS, Budget, Exhausted
from incdsl.elaborate.dead_code import conditions_of, for_nothing, idle_nodes
from incdsl.elaborate.face import inputs_of, outputs_of
from incdsl.elaborate.inputs import Inputs
from incdsl.elaborate.overrides import Overrides
from incdsl.elaborate.parameters import Parameters
from incdsl.elaborate.ports import leading
from incdsl.elaborate.record import Record, Visit
from incdsl.elaborate.resolve import Definition
from incdsl.elaborate.scope import Poisoned, Problem, Scope, Unknown, Value
from incdsl.elaborate.static_params import StaticParams
from incdsl.elaborate.tools import Tools
from incdsl.elaborate.unmatched import unmatched
from incdsl.elaborate.variant import interfaces, lineage
from incdsl.elaborate.walk import Walk
from incdsl.ir.conditions import Conditions
from incdsl.ir.graph import Graph, Instance
from incdsl.ir.net import Expectation, Net
from incdsl.syntax import tree
from incdsl.values import Num, Real, TooComplicated
from incdsl.values.num import PLAIN, symbols


@dataclass(frozen=True, eq=False, slots=True)
class Elaborated:
    """A net as far as it came; it is `complete` if no error was found in it."""

    definition: Definition
    net: Net
    complete: bool
    visit: Visit
    """The net as the walk went through it, as far as it came."""
    placed: tuple[str, ...]
    """All nodes that were placed, in order: those that nothing reads are left out of a complete net."""


def elaborate(
    definition: Definition, settings: Mapping[str, Any], sink: Sink, budget: Budget, record: Record
) -> Elaborated | None:
    """The graph of a net; problems go to the sink. None if it is a variant of what is no net."""
    try:
        line = lineage(definition)
    except Problem as problem:
        sink.add(problem.diagnostic)
        return None
    except Poisoned:
        return None
    own = Sink()
    builder = _NetBuilder(line, own, budget, record)
    net = builder.run(settings)
    budget.steps += NET_STEPS + sum(map(len, interfaces(line[1:]))) // 8
    for diagnostic in own:
        sink.add(diagnostic)
    return Elaborated(definition, net, builder.whole and not own.errors, builder.visit, builder.placed)


class _NetBuilder:
    """The items of a net, in order."""

    def __init__(self, line: tuple[Definition, ...], sink: Sink, budget: Budget, record: Record) -> None:
        written = line[0].net
        instance = Instance("net", line[0].name, "", None, comments=written.comments, span=written.name.span)
        self._line = line
        self._sink = sink
        conditions = Conditions()
        self._graph = Graph(instance, conditions.nominal)
        self._tools = Tools(self._graph, conditions, budget, sink, record)
        self._walk = Walk(self._tools)
        self._record = record
        self._overrides = Overrides(line, instance)
        root = line[-1]
        declared: dict[str, tree.Tree] = {param.name.text: param for param in root.net.params}
        overrides = (self._overrides,) if len(line) > 1 else ()
        self._scope = Scope(
            instance, line[0].name, root.names, declared=declared, overrides=overrides, is_net=True, around=(root,)
        )
        self._broken = any(each.broken for each in line)
        self.visit = Visit(line[-1].tree, instance, (), None, 0)
        self.placed: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether all of its text made sense, and everything that flows is known."""
        return self._tools.whole and not self._broken

    def run(self, settings: Mapping[str, Any]) -> Net:
        """The net, as far as it comes."""
        params: dict[str, Any] = {}
        expectations: list[Expectation] = []
        whole = False
        try:
            self._overrides.gather(self._sink)
            scope, evaluate = self._scope, self._tools.evaluate
            parameters = Parameters(self._line, scope.instance, scope.title, evaluate, self._sink)
            params = parameters.outer(settings)
            levels = parameters.inner(params)
            self._overrides.own.update(parameters.own(levels))
            self._scope.params = dict(levels[-1])
            self._record.walked.update(self._line)
            self._record.open[:] = [self.visit]
            self._items(levels)
            expectations = self._facts(params)
            whole = True
        except Exhausted as exhausted:
            self._broken = True
            if exhausted.diagnostic:
                self._sink.add(replace(exhausted.diagnostic, path=self._scope.title))
        self.placed = tuple([node.name for node in self._graph])
        self.visit.stop = len(self.placed)
        if whole:
            self._finish()
        return self._net(params, expectations)

    def _items(self, levels: Sequence[Mapping[str, Any]]) -> None:
        root = self._line[-1].net
        for let in leading(root.items):
            self._walk.let(let, self._scope)
        Inputs(self._tools, self._scope, inputs_of(self._line, levels, self._scope)).place()
        self._walk.body(self._line[-1], root.items, self._scope)
        self._walk.taps(self._overrides, self._scope)
        for name in outputs_of(self._line):
            value = self._scope.values.get(name)
            if isinstance(value, Value):
                self._graph.outputs[name] = value.node

    # Facts

    def _facts(self, params: dict[str, Any]) -> list[Expectation]:
        """What the net itself states; a variant does not take over the facts of the net that it varies."""
        scope = Scope(self._scope.instance, self._scope.title, self._line[0].names, params)
        scope.declared = {param.name.text: param for param in self._line[0].net.params}
        found = []
        for item in self._line[0].net.facts:
            try:
                value = self._fact(item, scope)
                found.append(Expectation(item.fact.text, value, item.value.span, item.fact.span))
            except (Problem, Poisoned, TooComplicated) as error:
                self._tools.caught(error, scope, item.span)
        return found

    def _fact(self, item: tree.Expect, scope: Scope) -> int | str:
        if isinstance(item.value, tree.Text):
            return item.value.value
        number = self._tools.evaluate.number(item.value, scope)
        if not isinstance(number, int) or isinstance(number, bool):
            raise Problem(BadExpression(span=item.value.span, reason="a fact is a whole number"))
        return int(number)

    # The end

    def _finish(self) -> None:
        """What can only be said once all of it was seen."""
        title, span = self._scope.title, self._line[0].tree.name.span
        items = self._line[-1].net.items
        missing = {"input": ("image [3, 224, 224]", tree.Input), "output": ("logits = …", tree.Output)}
        for word, (example, kind) in missing.items():
            if not any(isinstance(item, kind | tree.Error) for item in items):
                reason = f"the net has no {word}"
                self._sink.add(IncompleteNet(span=span, path=title, reason=reason, hint=f"`{word} {example}`"))
        if not outputs_of(self._line) and any(isinstance(item, tree.Output) for item in items):
            hint = "`output features = name` adds one"
            self._sink.add(IncompleteNet(span=span, path=title, reason="no output is left", hint=hint))
        self._hold_names_of_heads()
        if self.whole or self._sink.errors:
            for overrides in (*([self._overrides] if len(self._line) > 1 else []), *self._walk.varied):
                for problem in unmatched(overrides, self._graph):
                    self._sink.add(problem)
        if self._sink.errors or not self.whole:
            return
        outputs = dict(self._walk.scopes)
        outputs[self._scope] = set(outputs_of(self._line))
        outputs[self._scope] |= {item.name.text for item in items if isinstance(item, tree.Aux)}
        idle = idle_nodes(list(outputs), outputs, self._graph)
        for problem in for_nothing(self._graph, idle, title):
            self._sink.add(problem)
        if not self._sink.errors:
            alive = self._graph.without_dead_nodes()
            if alive is not self._graph or self._tools.cut:
                self._graph = alive
                self._tools.conditions = conditions_of(alive, self._tools.conditions.nominal)

    def _hold_names_of_heads(self) -> None:
        """Refuse an input or output that is called as a head of a net inside."""
        for name, label, around in [
            (head.name, head.instance.label, head.instance.parent) for head in self._graph.heads
        ]:
            if around and (name in self._graph.inputs or name in self._graph.outputs) and name != label:
                taken = f"the name by which the auxiliary head `{label}` of `{around.path}` leaves the net"
                span = self._scope.declared[name].span
                self._tools.report(NameTaken(span=span, name=name, taken_by=taken), self._scope)

    def _net(self, params: dict[str, Any], expectations: list[Expectation]) -> Net:
        """Parameters that something still depends on; those that reach only widths and the like are arguments."""
        static = self._tools.static.names
        reached = StaticParams()
        if any(isinstance(value, Num | Real) for value in params.values()):
            for node in self._graph:
                for setting in vars(node.op).values():
                    if type(setting) not in PLAIN:
                        reached.pin(node.instance, setting)
        needed = static | reached.names
        kept = {n: v for n, v in params.items() if not isinstance(v, Num | Real) or symbols(v) & needed}
        kept = {n: v for n, v in kept.items() if not isinstance(v, Unknown)}
        free = {n for n, v in kept.items() if isinstance(v, Num | Real)} - static
        return Net(
            self._line[0].name, self._graph, self._tools.conditions, kept, frozenset(kept.keys() - free),
            tuple(expectations), tuple(self._walk.stated.pending),
        )  # fmt: skip

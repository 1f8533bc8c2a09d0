"""Applies rules: finds their sites, holds them to their conditions, edits the graph, and checks what came out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from incdsl.diagnostics import CompilerBug
from incdsl.ir.graph import Graph, Head, Instance, Node
from incdsl.ir.weight_expr import WeightExpr
from incdsl.ops import Op
from incdsl.passes.numbers import renumbered
from incdsl.passes.view import View
from incdsl.values import Shape

MAX_SWEEPS = 64
"""Sweeps after which a rule rests: of a hundred factors in a row, each folded behind the one before, some stay."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold at a site: a name for tests, a test, and the reason that people read when it fails."""

    name: str
    holds: Callable[[View, Any], bool]
    reason: str


@dataclass(frozen=True, slots=True)
class New:
    """A node that an edit adds. It reads values by name, or earlier nodes of the edit by their position.

    `like` is the node that it stands for: chain, step and place in the spec are its own.
    """

    op: Op
    operands: tuple[str | int, ...]
    instance: Instance
    like: Node
    label: str = ""
    filter: WeightExpr | None = None
    note: str = ""
    own_step: bool = False
    """Whether generated code gives it a statement of its own."""


@dataclass(frozen=True, slots=True)
class Edit:
    """New nodes, placed where `at` stands, and the values that they, or older ones, stand in for.

    Nothing is taken away: what nobody reads any more is dropped afterwards.
    """

    at: str
    new: tuple[New, ...]
    replaces: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Event:
    """A rule at a place: applied, or declined for a reason."""

    rule: str
    path: str
    applied: bool
    text: str


class Rule(ABC):
    """A rewrite. Its docstring is its equation and its condition; `conditions` are the same as data.

    A rule looks and proposes; it changes nothing.
    """

    conditions: ClassVar[tuple[Condition, ...]] = ()
    exact: ClassVar[bool] = False
    """Whether float results stay the same to the last bit, where PyTorch does not round by the strides of a tensor."""
    training: ClassVar[bool] = False
    """Whether it also holds while training, and keeps every key of the state_dict."""
    by_default: ClassVar[bool] = True
    """Whether a level runs it without being asked to."""

    def __init__(self, without: str = "") -> None:
        self.active = tuple(c for c in self.conditions if c.name != without)

    @property
    def name(self) -> str:
        """The class's name."""
        return type(self).__name__

    @abstractmethod
    def sites(self, view: View, node: Node) -> Iterator[Any]:
        """The sites that a node stands for, objects with `nodes` (names). Structure only."""

    def allows(self, view: View, site: Any) -> bool:
        """Whether all conditions hold."""
        return all(condition.holds(view, site) for condition in self.active)

    @abstractmethod
    def rewrite(self, view: View, site: Any) -> Edit | tuple[Edit, ...]:
        """The edit of a site whose conditions hold, or the edits, each at its own place."""

    def describe(self, view: View, site: Any) -> str:
        """What an application did, in a few words."""
        return ""

    def where(self, view: View, node: Node, site: Any) -> str:
        """The place of a site, for people: the path of its node, or class and op; an input by its name."""
        inputs = (name for name, value in view.graph.inputs.items() if value == node.name)
        return node.path or next(inputs, "") or f"{node.instance.path}:{node.op.word}".lstrip(":")


class Refusal(Rule):
    """A rewrite that comes to mind and is not made: its conditions, which never all hold, say why."""

    def rewrite(self, view: View, site: Any) -> Edit:
        """Not reached, for the conditions never all hold."""
        raise CompilerBug(f"{self.name} is never applied")


@dataclass(frozen=True)
class Optimized:
    """A rewritten graph, where its weights come from, and all that happened."""

    graph: Graph
    filters: Mapping[str, WeightExpr]
    trace: tuple[Event, ...]


def optimize(graph: Graph, rules: Sequence[Rule], *, keeps_keys: bool = False) -> Optimized:
    """Apply rules one after the other, each as long as it finds something.

    With `keeps_keys`, which all rules have to hold to, the state_dict has the keys that it had.
    """
    view = View(graph, {}, keeps_keys)
    trace: list[Event] = []
    for rule in rules:
        view = _Pass(rule, trace).run(view)
    if keeps_keys:
        return Optimized(view.graph, view.filters, tuple(trace))
    return Optimized(*renumbered(view.graph, view.filters), tuple(trace))


@dataclass
class _Pass:
    rule: Rule
    trace: list[Event]
    declined: set[tuple[str, ...]] = field(default_factory=set)

    def run(self, view: View) -> View:
        for _ in range(MAX_SWEEPS):
            edits = list(self._edits(view))
            if not edits:
                return view
            before = view.graph
            view = View(*_edited(view, edits), view.keeps_keys)
            check(before, view.graph)
        return view

    def _edits(self, view: View) -> Iterator[Edit]:
        """Edits that do not touch each other, from the inputs to the outputs."""
        busy: set[str] = set()
        for node in view.graph:
            if node.name in busy:
                continue
            for site in self.rule.sites(view, node):
                if busy.isdisjoint(site.nodes) and self._fits(view, node, site):
                    busy.update(site.nodes)
                    made = self.rule.rewrite(view, site)
                    told = self.rule.describe(view, site)
                    self.trace.append(Event(self.rule.name, self.rule.where(view, node, site), True, told))
                    yield from (made,) if isinstance(made, Edit) else made

    def _fits(self, view: View, node: Node, site: Any) -> bool:
        """Whether all conditions hold; the first that does not is told once."""
        broken = next((c for c in self.rule.active if not c.holds(view, site)), None)
        if broken and (node.path, node.name, broken.name) not in self.declined:
            self.declined.add((node.path, node.name, broken.name))
            self.trace.append(Event(self.rule.name, self.rule.where(view, node, site), False, broken.reason))
        return broken is None


def _edited(view: View, edits: Sequence[Edit]) -> tuple[Graph, dict[str, WeightExpr]]:
    """A new graph with all edits, dead nodes dropped."""
    graph, shapes = view.graph, view.shapes
    by_place = {edit.at: edit for edit in edits}
    stands_for: dict[str, str] = {}
    result, filters = Graph(graph.net), dict(view.filters)
    step = max((node.step for node in graph), default=0)
    counts: dict[str, int] = {}

    def now(name: str) -> str:
        while name in stands_for:
            name = stands_for[name]
        return name

    replaced = {name for edit in edits for name in edit.replaces}
    for node in graph:
        edit = by_place.get(node.name)
        if edit:
            made: list[str] = []
            for new in edit.new:
                operands = tuple(made[o] if isinstance(o, int) else now(o) for o in new.operands)
                name = _name(graph, result, new, counts)
                step += new.own_step
                fresh = Node(
                    name, new.op, new.instance, new.label, new.like.span, new.like.chain,
                    step if new.own_step else new.like.step, new.note,
                )  # fmt: skip
                result.add(fresh, operands)
                made.append(name)
                if new.filter:
                    filters[name] = new.filter
            for old, stand_in in edit.replaces.items():
                stands_for[old] = made[stand_in] if isinstance(stand_in, int) else now(stand_in)
        if node.name not in replaced:
            result.add(node, tuple(now(operand) for operand in graph.operands(node.name)))
    result.inputs = dict(graph.inputs)
    result.outputs = {name: now(value) for name, value in graph.outputs.items()}
    result.heads = [Head(h.name, now(h.node), h.weight, h.instance) for h in graph.heads]
    alive = result.without_dead_nodes()
    known = alive.shapes()
    for old, new_name in stands_for.items():
        found = known.get(now(new_name))
        if found is not None and not _same(shapes[old], found):
            raise CompilerBug(f"{old} is {shapes[old]}, but what stands in for it is {found}")
    return alive, {name: filter for name, filter in filters.items() if name in alive}


def _name(old: Graph, graph: Graph, new: New, counts: dict[str, int]) -> str:
    """A name that no node has; `counts` remembers how far each stem has been tried."""
    above = new.instance.path
    stem = ".".join(part for part in (above, new.label) if part) if new.label else f"{above}:{new.op.word}"
    while True:
        count = counts[stem] = counts.get(stem, 0) + 1
        name = stem if count == 1 else f"{stem}#{count}"
        if name not in old and name not in graph:
            return name


def _same(before: Shape, after: Shape) -> bool:
    return before == after and int(before.channels) == int(after.channels)


def check(before: Graph, after: Graph) -> None:
    """Hold a rewritten graph to the invariants that later passes and the emitter rely on.

    Raises:
        CompilerBug: if the rewrite broke one.
    """
    if before.inputs != after.inputs or list(before.outputs) != list(after.outputs):
        raise CompilerBug("a rewrite changed the inputs or outputs of the net")
    old, new = before.shapes(), after.shapes()
    for name, value in after.outputs.items():
        if not _same(old[before.outputs[name]], new[value]):
            raise CompilerBug(f"a rewrite changed the shape of the output {name}")
    owner: dict[tuple[Instance, str], object] = {}
    for node in after:
        instance, label, held = node.instance, node.label, object()
        while label or instance.parent:
            if label and owner.setdefault((instance, label), held) is not held:
                raise CompilerBug(f"two members of {instance.path or instance.word} are called {label}")
            instance, label, held = instance.parent or instance, instance.label, instance
    after.check_doors()

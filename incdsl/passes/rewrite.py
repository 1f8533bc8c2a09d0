"""Rewriting by a rule: finds its sites, holds them to their conditions, and edits the graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic

from incdsl.diagnostics import CompilerBug
from incdsl.ir.graph import Entry
from incdsl.ir.net import Event, Net
from incdsl.passes.base import Pass
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Rule, S
from incdsl.passes.view import View

MAX_SWEEPS = 64
"""Sweeps after which a rule rests: of a hundred factors in a row, each folded behind the one before, some stay."""


@dataclass(frozen=True)
class Rewrite(Pass, Generic[S]):
    """Applies a rule as long as it finds something, in sweeps of edits that do not touch each other."""

    rule: Rule[S]
    keeps_keys: bool = False
    """Whether the state_dict has to have the keys that it had, which the rule must be able to."""

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.rule.name

    def __call__(self, net: Net) -> Net:
        """The net, rewritten; the trace tells each application, and each reason to decline once for each node."""
        declined: set[tuple[str, ...]] = set()
        for _ in range(MAX_SWEEPS):
            view, events = View(net, self.keeps_keys), list[Event]()
            edits = list(self._sweep(view, events, declined))
            net = replace(_edited(view, edits) if edits else net, trace=(*net.trace, *events))
            if not edits:
                break
        return net

    def _sweep(self, view: View, events: list[Event], declined: set[tuple[str, ...]]) -> Iterator[Edit]:
        """Edits that do not touch each other, from the inputs to the outputs."""
        rule, busy = self.rule, set[str]()
        for node, site in rule.found(view):
            if node.name in busy or not busy.isdisjoint(site.nodes):
                continue
            broken = next((c for c in rule.active if not c.holds(view, site)), None)
            if broken is None:
                busy.update(site.nodes)
                made = rule.rewrite(view, site)
                events.append(Event(rule.name, rule.where(view, node, site), True, rule.describe(view, site)))
                yield from (made,) if isinstance(made, Edit) else made
            elif (node.path, node.name, broken.name) not in declined:
                declined.add((node.path, node.name, broken.name))
                events.append(Event(rule.name, rule.where(view, node, site), False, broken.reason))


def _edited(view: View, edits: Sequence[Edit]) -> Net:
    """The net with all edits."""
    graph, shapes = view.graph, view.shapes
    by_place = {edit.at: edit for edit in edits}
    replaced = {name for edit in edits for name in edit.replaced}
    stands_for: dict[str, str] = {}

    def now(name: str) -> str:
        while name in stands_for:
            name = stands_for[name]
        return name

    def entries() -> Iterator[Entry]:
        for node in graph:
            if edit := by_place.get(node.name):
                yield from ((new, tuple(map(now, operands)), None) for new, operands in edit.added)
                stands_for.update((old, now(new)) for old, new in edit.replaced.items())
            if node.name not in replaced:
                operands = graph.operands(node.name)
                yield node, tuple(map(now, operands)), shapes[node.name]

    result = graph.changed(entries(), value=now)
    found = result.shapes()
    for old in stands_for:
        new = now(old)
        if new in result and found[new] != shapes[old]:
            raise CompilerBug(f"{old} is {shapes[old]}, but what stands in for it is {found[new]}")
    exprs = dict(view.net.weight_exprs)
    for edit in edits:
        exprs.update(edit.weight_exprs)
    return replace(view.net, graph=result, weight_exprs={name: e for name, e in exprs.items() if name in result})

"""The places that variants may change: which chain stands there, and with which parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from incdsl.diagnostics import Sink
from incdsl.diagnostics.names import NameTaken
from incdsl.elaborate.names import Named, Units, lettered, rail_label
from incdsl.elaborate.overrides import EVERYTHING, Kind, Override, Overrides, Own, Place
from incdsl.elaborate.ports import whole
from incdsl.elaborate.scope import Flow, Poisoned, Problem, Scope, Unknown, Value, class_of
from incdsl.elaborate.tools import Tools
from incdsl.ir.graph import Instance
from incdsl.syntax import tree
from incdsl.values import Num, Real, TooComplicated, expression
from incdsl.values.num import rebased


class Doors:
    """Asks the overrides of a scope at each rail, step and head."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def step(self, named: Named, scope: Scope) -> tuple[Place | None, Override | None]:
        """The place of a step, and the chain that replaces it."""
        word = not named.names and not named.labelled
        return self.at("step", scope, lambda units: self._tools.naming.seen(named, scope, units), word, named)

    def at(
        self, kind: Kind, scope: Scope, name: Callable[[Units], str], word: bool, named: Named | None
    ) -> tuple[Place | None, Override | None]:
        """The place of a rail, step or head, and the chain that replaces it: the outermost has the last word."""
        found: tuple[Place | None, Override | None] = None, None
        if not scope.overrides or any(isinstance(each.tree, tree.Unit) for each in scope.around):
            return found  # a unit is one step
        for overrides in scope.overrides:
            if named is not None and kind == "step":
                self._note_parts(named, scope, overrides)
            place, override = overrides.at(kind, scope.instance, name, word, len(self._tools.graph), scope.hidden)
            if place and found[1]:
                overrides.absent.add(place.path)
            if override and found[1] is None:
                found = place, override
            elif found[0] is None:
                found = place, found[1]
        return found

    def drops(self, head: str, scope: Scope) -> bool:
        """Whether one of the variants leaves an auxiliary head out; all of them are asked."""
        return True in [overrides.drops(scope.instance, head) for overrides in scope.overrides]

    def met_outputs(self, item: tree.Output, scope: Scope) -> None:
        """Tell the variants of a net which outputs it has; one that they leave out may still be read inside."""
        for overrides in scope.overrides:
            if overrides.root is scope.instance:
                for name in item.names:
                    overrides.met_output(name.text)

    def beside(self, overrides: Overrides, override: Override, scope: Scope, flow: Flow) -> Scope:
        """The scope of a chain that a variant adds behind a value."""
        value = flow if isinstance(flow, Value | Unknown) else scope.input
        params = self._override_params(overrides, override, scope)
        return replace(scope, names=override.names, params=params, input=value)

    def rail(self, rail: tree.Rail, name: str, scope: Scope) -> tuple[Place | None, Override | None]:
        """The place of a rail with a label; where its other steps have labels too, this one is the first step's."""
        if not rail_label(rail.chain) or not scope.overrides:
            return None, None
        if any(step.labels for step in rail.chain.steps[1:]):
            planned = self._tools.naming.plan(rail.chain, name, scope, self._tools.units(scope), rail=True)
            if planned[0].names == (name,):
                return None, None
        return self.at("rail", scope, lambda _: name, False, None)

    def leave_out(self, scope: Scope, name: str) -> None:
        """Note a rail or step that is not there because of its `if`."""
        for overrides in scope.overrides:
            overrides.leave_out(scope.instance, name)

    def _note_parts(self, named: Named, scope: Scope, overrides: Overrides) -> None:
        """Names of factors, and of the parts of a step with several labels."""
        link, names = named.link, list(named.names)
        factors = link.factors
        if factors and factors.parallel and len(names) == 1:
            names = [lettered(names[0], i) for i in range(len(factors.items))]
        if len(names) <= 1:
            return
        if len(named.names) == 1 and not named.labelled:
            names.append(named.names[0])
        labels = ", ".join(label.text for label in link.labels) if named.labelled else ""
        text = " ".join(link.atom.span.text.split())
        shown = f"{labels}: {text}" if labels else text
        of = f"a {'factor' if factors else 'part'} of `{shown if len(shown) <= 60 else shown[:59] + '…'}`"
        own = self._tools.naming.seen(named, scope, self._tools.units(scope))
        for name in names:
            overrides.note_part(scope.instance, name, of, own)

    @contextmanager
    def inside(self, place: Place | None, override: Override | None, scope: Scope, flow: Flow) -> Iterator[Scope]:
        """While a place is elaborated; the scope is that of what stands there."""
        if place is None:
            yield scope
            return
        owner = next((o for o in scope.overrides if o.places.get(place.path) is place), None)
        place.start = len(self._tools.graph)
        with _all_inside(scope.overrides, owner, place, override):
            try:
                if override is None or owner is None:
                    yield scope
                else:
                    place.replaced = True
                    yield self.beside(owner, override, scope, flow)
            finally:
                place.end = len(self._tools.graph)

    def hide(self, scope: Scope, look: Callable[[Scope], object]) -> None:
        """Look at what is replaced, so that changes inside of it are known as such."""
        tools, sink = self._tools, self._tools.sink
        tools.sink, known = Sink(), tools.whole
        try:
            look(scope.aside())
        except (Problem, Poisoned, TooComplicated):
            pass
        finally:
            tools.sink, tools.whole = sink, known

    def _override_params(self, overrides: Overrides, override: Override, scope: Scope) -> dict[str, Any]:
        """The parameters of the place, and those of the variant that the chain mentions."""
        own, params = overrides.own[override.level], dict(scope.params)
        for name in sorted(override.mentions & own.values.keys()):
            value = own.values[name]
            if name in params or name in scope.values:
                if not _same(name, own, scope):
                    owner = own.owner.name
                    taken = f"a parameter of `{owner}`, and means something else where `{override.path}` stands"
                    raise Problem(NameTaken(span=override.span, name=name, taken_by=taken))
            else:
                params[name] = self._brought(value, scope.instance)
        return params

    def _brought(self, value: Any, instance: Instance) -> Any:
        """A parameter of the net where it is used: in a block, which knows no such symbol, the number itself."""
        if class_of(instance).parent is None:
            return value
        while instance.parent:
            instance = instance.parent
        return self._tools.static.decided(instance, value)


@contextmanager
def _all_inside(
    overrides: tuple[Overrides, ...], owner: Overrides | None, place: Place, override: Override | None
) -> Iterator[None]:
    """While a place is elaborated: in what a variant wrote, only the variants of it change something."""
    below = owner is not None and override is not None
    if not overrides:
        yield
        return
    first, *rest = overrides
    floor = override.level if override and first is owner else None
    with first.inside(place if first is owner else None, floor):
        if first is owner and below:
            with _silenced(rest):
                yield
        else:
            with _all_inside(tuple(rest), owner, place, override):
                yield


@contextmanager
def _silenced(overrides: list[Overrides]) -> Iterator[None]:
    """While an outer variant's chain is elaborated: nets further inside change nothing there."""
    if not overrides:
        yield
        return
    with overrides[0].inside(None, EVERYTHING), _silenced(overrides[1:]):
        yield


def _same(name: str, own: Own, scope: Scope) -> bool:
    """Whether a name means here what the variant's parameter means, which was handed on from net to block."""
    if name not in scope.params:
        return False
    instance, value, outer = class_of(scope.instance), scope.params[name], own.values[name]
    while instance.parent and isinstance(value, Num | Real):
        arguments = instance.arguments
        if isinstance(value, Real):
            value = arguments.get(value.name)
        else:
            inner = {k: expression(v) for k, v in arguments.items() if whole(v)}
            value = rebased(value, inner)
        instance = class_of(instance.parent)
    if isinstance(value, Real) and isinstance(outer, Real):
        return value.name == outer.name
    if isinstance(outer, Num) and whole(value):
        return expression(value) == expression(outer)
    return name in own.handed_on and type(value) is type(outer) and bool(value == outer)

"""Where a variant may change a net: the rails, steps and heads that a reader sees, by their paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from incdsl.diagnostics.names import NameTaken
from incdsl.elaborate.changes import Change, Changes, class_of
from incdsl.elaborate.names import Definition
from incdsl.elaborate.naming import Named, Naming, lettered
from incdsl.elaborate.pins import StaticParams, symbols
from incdsl.elaborate.scope import Problem, Scope, Value
from incdsl.ir.graph import Graph, Instance
from incdsl.syntax import tree
from incdsl.values import Num, Real, expression
from incdsl.values.num import rebased


@dataclass(slots=True)
class Place:
    """A rail, a step or a head: what it is inside of, and where its nodes stand in the graph."""

    kind: str
    path: str
    around: tuple[str, ...]
    start: int
    word: bool
    """Whether it has no name but its op's word."""
    end: int = -1
    times: int = 1


@dataclass(frozen=True, slots=True)
class Part:
    """A name that a reader sees but that is only a part of a written step."""

    of: str
    around: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A place that the builder has come to, and what stands there instead."""

    place: Place | None = None
    name: str = ""
    change: Change | None = None


NOWHERE = Found()


@dataclass(frozen=True, slots=True)
class Own:
    """The parameters of a variant itself, and those of them that the net that is written out knows by the same name."""

    owner: Definition
    values: Mapping[str, Any]
    handed_on: frozenset[str]


class Places:
    """Notes the places of a net while it is built, and says what a variant puts there."""

    def __init__(self, changes: Changes, naming: Naming, pins: StaticParams, graph: Graph, survey: bool) -> None:
        self._changes = changes
        self._naming = naming
        self._pins = pins
        self._graph = graph
        self._active = survey or changes.replaces
        self._open: list[Place] = []
        self.own: dict[int, Own] = {}
        """The parameters of each variant, by its level."""
        self.known: dict[str, Place] = {}
        self.parts: dict[str, Part] = {}
        self.absent: set[str] = set()
        """Rails and steps that an `if` leaves out."""
        self.live: set[str] = set()
        """Symbols of the net's parameters that changes mention."""

    def rail(self, pipe: tree.Pipe, name: str, scope: Scope) -> Found:
        """The place of a rail with a label; where its other steps have labels too, this one is the first step's."""
        if not self._active or len(pipe.steps[0].labels) > 1:
            return NOWHERE
        if any(step.labels for step in pipe.steps[1:]):
            first = self._naming.plan(pipe, name, True, scope)[0]
            if first.names == (name,):
                return NOWHERE
        return self._find("rail", name, scope)

    def step(self, named: Named, scope: Scope) -> Found:
        """The place of a step."""
        if not self._active:
            return NOWHERE
        name = self._naming.seen(named, scope)
        self._note_parts(named, name, scope)
        return self._find("step", name, scope, word=not named.names and not named.labelled)

    def head(self, name: str, scope: Scope) -> Found:
        """The place of an auxiliary head."""
        return self._find("aux head", name, scope)

    def leave_out(self, name: str, scope: Scope) -> None:
        """Note a rail or step that is not there because of its `if`."""
        if self._active and name:
            path = _path(scope.instance, name)
            self._changes.take(path)
            self.absent.add(path)

    def _find(self, kind: str, name: str, scope: Scope, word: bool = False) -> Found:
        if not self._active or not name:
            return NOWHERE
        if any(isinstance(each.tree, tree.Unit) for each in scope.around):
            return NOWHERE  # a unit is one step
        path = _path(scope.instance, name)
        if any(place.path == path for place in self._open):
            return NOWHERE  # a rail or a step and its only part
        around = tuple(place.path for place in self._open)
        place = Place(kind, path, around, len(self._graph), word)
        if path in self.known:
            self.known[path].times += 1
        else:
            self.known[path] = place
        return Found(place, name, self._changes.take(path))

    def _note_parts(self, named: Named, own: str, scope: Scope) -> None:
        """Names of factors, and of the parts of a step with several labels."""
        step = named.step
        factors = step.atom.factors if isinstance(step.atom, tree.Call) else None
        names: list[str] = list(named.names)
        if factors and factors.parallel and len(names) == 1:
            names = [lettered(names[0], i) for i in range(len(factors.items))]
        if len(names) > 1:
            if len(named.names) == 1 and not named.labelled:
                names.append(named.names[0])
            labels = ", ".join(label.text for label in step.labels) if named.labelled else ""
            text = " ".join(step.atom.span.text.split())
            shown = f"{labels}: {text}" if labels else text
            of = f"a {'factor' if factors else 'part'} of `{shown if len(shown) <= 60 else shown[:59] + '…'}`"
            around = tuple(place.path for place in self._open)
            around += (_path(scope.instance, own),) if own else ()
            for name in names:
                self.parts.setdefault(_path(scope.instance, name), Part(of, around))

    @contextmanager
    def inside(self, found: Found, scope: Scope, flow: Value | None) -> Iterator[Scope]:
        """While a place is built; the scope is that of what stands there."""
        place, change = found.place, found.change
        if place is None:
            yield scope
            return
        self._open.append(place)
        place.start = len(self._graph)
        try:
            if change is None:
                yield scope
            else:
                self._changes.applied(scope.instance)
                inner = replace(
                    scope, names=change.names, params=self._params(change, scope), input=flow or scope.input
                )
                with self._changes.inside(change):
                    yield inner
        finally:
            self._open.pop()
            place.end = len(self._graph)

    # Parameters of the variant

    def _params(self, change: Change, scope: Scope) -> dict[str, Any]:
        """The parameters of the place, and those of the variant that the chain mentions."""
        own, params = self.own[change.level], dict(scope.params)
        for name in sorted(change.mentions & own.values.keys()):
            value = own.values[name]
            self.live |= symbols(value)
            if name in params or name in scope.values:
                if not self._same(name, own, scope):
                    taken = f"a parameter of `{own.owner.name}`, and means something else where `{change.path}` stands"
                    raise Problem(NameTaken(span=change.span, path=scope.title, name=name, taken_by=taken))
            else:
                params[name] = self._brought(value, scope.instance)
        return params

    def _brought(self, value: Any, instance: Instance) -> Any:
        """A parameter of the net where it is used: in a block, which knows no such symbol, the number itself."""
        if class_of(instance).parent is None:
            return value
        return self._pins.decided(_net(instance), value)

    def _same(self, name: str, own: Own, scope: Scope) -> bool:
        """Whether a name means here what the variant's parameter means, which was handed on from net to block."""
        if name not in scope.params:
            return False
        instance, value, outer = class_of(scope.instance), scope.params[name], own.values[name]
        while instance.parent and isinstance(value, Num | Real):
            arguments = instance.arguments
            if isinstance(value, Real):
                value = arguments.get(value.name)
            else:
                inner = {k: expression(v) for k, v in arguments.items() if _whole(v)}
                value = rebased(value, inner)
            instance = class_of(instance.parent)
        if isinstance(value, Real) and isinstance(outer, Real):
            return value.name == outer.name
        if isinstance(outer, Num) and _whole(value):
            return expression(value) == expression(outer)
        return name in own.handed_on and type(value) is type(outer) and bool(value == outer)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _net(instance: Instance) -> Instance:
    while instance.parent:
        instance = instance.parent
    return instance


def _path(instance: Instance, name: str) -> str:
    return f"{instance.path}.{name}" if instance.path else name

"""Counts the steps of a net before any is built: repetitions multiply, definitions are counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from incdsl.elaborate.changes import Changes
from incdsl.elaborate.expressions import Expressions
from incdsl.elaborate.names import Definition, Names
from incdsl.elaborate.naming import MAX_BLOCK_DEPTH
from incdsl.elaborate.scope import OpRef, Poisoned, Problem, Scope
from incdsl.ir.graph import Instance
from incdsl.ops import REGISTRY
from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.values import TooComplicated

MANY = 10**18
"""More than this is not told apart."""
_WORK = 50_000


class Counter:
    """Counts a lower bound: what only building tells (what flows in, loop variables) counts as little as it can.

    It stops after some work, so that counting is cheap whatever the spec; `where` is the innermost step that exceeds
    the limit by itself.
    """

    def __init__(self, changes: Changes, instance: Instance, limit: int) -> None:
        self._changes = changes
        self._scope = instance
        self._limit = limit
        self._evaluate = Expressions(lambda scope, value: None)
        self._known: dict[object, tuple[int, object]] = {}
        self._around: list[Definition] = []
        self.where: Span | None = None

    def net(self, net: tree.Net, names: Names, params: dict[str, Any]) -> int:
        """The steps of a net's chains, with these values of its parameters."""
        scope = Scope(self._scope, net.name.text, names, params=params, is_net=True)
        return self._items([item for item in net.items if not self._left_out(item)], scope)

    def _left_out(self, item: object) -> bool:
        return isinstance(item, tree.Aux) and self._changes.leaves_out(item.name.text)

    def _items(self, items: Sequence[object], scope: Scope) -> int:
        chains = [item for item in items if isinstance(item, tree.Bind | tree.Output | tree.Aux)]
        for item in items:
            if isinstance(item, tree.Bind | tree.Output):
                scope.values.update((name.text, None) for name in item.names)
            elif isinstance(item, tree.Input | tree.Aux):
                scope.values[item.name.text] = None
        return min(sum(self._pipe(chain.pipe, scope) for chain in chains), MANY)

    def _pipe(self, pipe: tree.Pipe, scope: Scope) -> int:
        return min(sum(self._step(step, scope) for step in pipe.steps), MANY)

    def _step(self, step: tree.Step, scope: Scope) -> int:
        if self._tired():
            return 0
        repeat, times = step.repeat, 1
        if isinstance(repeat, tree.Times):
            times = self._times(repeat.count, scope)
        elif isinstance(repeat, tree.Each):
            times = self._length(repeat.rows, scope)
            scope = _looping(repeat.names, scope)
        elif repeat and not self._holds(repeat.test, scope):
            return 0
        steps = min(times * self._atom(step.atom, scope), MANY)
        if steps > self._limit and self.where is None:
            self.where = step.span
        return steps

    def _atom(self, atom: tree.Atom, scope: Scope) -> int:
        if isinstance(atom, tree.Group):
            return self._pipe(atom.pipe, scope)
        if isinstance(atom, tree.Merge):
            return 1 + sum(self._rail(rail, scope) for rail in atom.rails)
        if isinstance(atom, tree.BlockInput) or atom.name in scope.values:
            return 0
        uses = len(atom.factors.items) if atom.factors else 1
        given = scope.params.get(atom.name)
        if isinstance(given, OpRef):
            arguments = self._arguments(given.args, given.scope) | self._arguments(atom.args, scope)
            return uses * self._named(given.name, given.scope.names, arguments)
        if atom.name in scope.params:
            return 0
        return uses * self._named(atom.name, scope.names, self._arguments(atom.args, scope))

    def _rail(self, rail: tree.Rail, scope: Scope) -> int:
        guard = rail.guard
        if self._tired():
            return 0
        if isinstance(guard, tree.RailsFor):
            return self._length(guard.rows, scope) * self._pipe(rail.pipe, _looping(guard.names, scope))
        if guard and not self._holds(guard.test, scope):
            return 0
        return self._pipe(rail.pipe, scope)

    def _named(self, name: str, names: Names, given: dict[str, Any]) -> int:
        definition = self._changes.unit(names, name) or names.block(name)
        if definition is None:
            return int(name in REGISTRY)
        params: dict[str, Any] = {}
        if isinstance(definition.tree, tree.Block):
            bare = Scope(self._scope, name, definition.names)
            for param in definition.tree.params:
                default = param.default
                params[param.name] = (
                    given[param.name] if param.name in given else default and self._value(default, bare)
                )
        key = (definition, *(v if isinstance(v, int) else id(v) for v in params.values()))
        if key not in self._known:  # the values are kept beside the count: nothing else may get their identity
            self._known[key] = self._inside(definition, params), params
        return self._known[key][0]

    def _inside(self, definition: Definition, params: dict[str, Any]) -> int:
        if definition in self._around or len(self._around) >= MAX_BLOCK_DEPTH:
            return 0  # building complains
        told = {name: value for name, value in params.items() if value is not None}
        scope = Scope(self._scope, definition.name, definition.names, params=told)
        scope.values.update((name, None) for name in params.keys() - told.keys())
        inside = definition.tree
        assert not isinstance(inside, tree.Net)
        self._around.append(definition)
        items = inside.items if isinstance(inside, tree.Block) else ()
        steps = self._pipe(inside.pipe, scope) if inside.pipe else self._items(items, scope)
        self._around.pop()
        return steps

    def _tired(self) -> bool:
        self._evaluate.work += 1
        return self._evaluate.work > _WORK

    # Values; nothing for those that only building tells

    def _value(self, value: tree.Value, scope: Scope) -> Any:
        try:
            return self._evaluate.value(value, scope)
        except (Problem, Poisoned, TooComplicated):
            return None

    def _arguments(self, args: tuple[tree.Arg, ...], scope: Scope) -> dict[str, Any]:
        return {arg.name: self._value(arg.value, scope) for arg in args if arg.name}

    def _times(self, count: tree.Expr, scope: Scope) -> int:
        value = self._value(count, scope)
        return int(value) if isinstance(value, int) and value >= 1 else 1

    def _length(self, rows: tree.Value, scope: Scope) -> int:
        value = self._value(rows, scope)
        return len(value) if isinstance(value, tuple) else 1

    def _holds(self, test: tree.Test, scope: Scope) -> bool:
        try:
            return self._evaluate.test(test, scope)
        except (Problem, Poisoned, TooComplicated):
            return False


def _looping(names: tuple[str, ...], scope: Scope) -> Scope:
    """The scope inside a loop, whose variables have a value for each turn."""
    params = {name: value for name, value in scope.params.items() if name not in names}
    return replace(scope, params=params, values={**scope.values, **dict.fromkeys(names)})

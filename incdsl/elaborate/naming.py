"""The naming rule: which key of the state_dict each written step gets.

Every chain has a name: its rail's label, its binding, output or head. An unlabelled step that owns parameters is `name`
if it is the only one of its chain, else `name_1`, `name_2`, … as written, each sequential factor counting one. A chain
without a name (a block's, a unit's) names its steps by their words. A step that splits adds letters: `name_2a`. After a
name that ends in a number, `features.17`, both are members of a container: `features.17.0`, `features.17.a`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from incdsl.diagnostics.limits import TooDeep
from incdsl.elaborate.changes import Changes
from incdsl.elaborate.names import Definition, Names
from incdsl.elaborate.scope import OpRef, Problem, Scope
from incdsl.ops import find
from incdsl.source import Span
from incdsl.syntax import tree

MAX_BLOCK_DEPTH = 64
"""Blocks and units that use one another."""


@dataclass(frozen=True, slots=True)
class Named:
    """A step of a chain with the names that it may use, one for each part that owns parameters in sequence."""

    step: tree.Step
    names: tuple[str, ...]
    labelled: bool

    @property
    def span(self) -> Span:
        """Its label, or the step if it has none."""
        return self.step.labels[0].span if self.step.labels else self.step.span


class Naming:
    """Plans the names of chains; it looks at definitions only, never at values, so a choice renames nobody."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._owning: dict[Definition, bool] = {}
        self._depth = 0

    def plan(self, pipe: tree.Pipe, name: str, rail: bool, scope: Scope) -> list[Named]:
        """The steps of a chain, groups spliced in, with their names."""
        steps = list(spliced(pipe))
        labels = [step.labels for step in steps]
        if rail and labels and len(labels[0]) == 1 and not labels[0][0].counts:
            labels[0] = ()
        widths = [0 if own else self._width(step, scope) for step, own in zip(steps, labels, strict=True)]
        given = iter(numbered(name, sum(widths)) if name else _by_word(steps, widths))
        planned = []
        for step, own, width in zip(steps, labels, widths, strict=True):
            if own:
                texts = tuple(label.text for label in own)
                factors = self._width(step, scope)
                names = tuple(numbered(texts[0], factors)) if len(texts) == 1 and factors > 1 else texts
                planned.append(Named(step, names, True))
            else:
                planned.append(Named(step, tuple(next(given) for _ in range(width)), False))
        return planned

    def seen(self, named: Named, scope: Scope) -> str:
        """What a reader calls a step, if anything: its label, its name, or its op's word where it has no name."""
        step = named.step
        if any(label.counts for label in step.labels) or len(step.labels) > 1:
            return ""
        if named.labelled and step.labels:
            return step.labels[0].text
        repeats = isinstance(step.repeat, tree.Times | tree.Each)
        if not (named.labelled or repeats) and not _is_call(step):
            return ""  # rails and steps inside it have names, it has none
        if not named.names:
            return self._word(step.atom, scope)
        return named.names[0] if len(named.names) == 1 else ""

    def _word(self, atom: tree.Atom, scope: Scope) -> str:
        """The word of the only op that a step without parameters is made of."""
        if not isinstance(atom, tree.Call):
            return ""
        ref = scope.params.get(atom.name)
        name, names = (ref.name, ref.scope.names) if isinstance(ref, OpRef) else (atom.name, scope.names)
        if unit := self._changes.unit(names, name):
            assert isinstance(unit.tree, tree.Unit)
            steps = spliced(unit.tree.pipe)
            only = steps[0].atom if len(steps) == 1 else None
            name = only.name if isinstance(only, tree.Call) else ""
        op = find(name)
        return op.word if op else ""

    def _owns(self, atom: tree.Atom, names: Names, params: Mapping[str, Any]) -> bool:
        """Whether an atom owns parameters, in any of its choices."""
        if isinstance(atom, tree.Call):
            ref = params.get(atom.name)
            if isinstance(ref, OpRef):
                return self._name_owns(ref.name, ref.scope.names)
            return self._name_owns(atom.name, names)
        if isinstance(atom, tree.Merge):
            return any(self._pipe_owns(rail.pipe, names, params) for rail in atom.rails)
        return isinstance(atom, tree.Group) and self._pipe_owns(atom.pipe, names, params)

    def _name_owns(self, name: str, names: Names) -> bool:
        if names.block(name):
            return True  # a block is a module of its own
        if op := find(name):
            return op.owns_parameters()
        unit = self._changes.unit(names, name)
        if unit is None:
            return False
        if unit not in self._owning:
            self._owning[unit] = False  # while a recursive unit is being looked at
            assert isinstance(unit.tree, tree.Unit)
            if self._depth >= MAX_BLOCK_DEPTH:
                raise Problem(TooDeep(span=unit.tree.name.span, what="units", limit=MAX_BLOCK_DEPTH))
            self._depth += 1
            try:
                self._owning[unit] = self._pipe_owns(unit.tree.pipe, unit.names, {})
            finally:
                self._depth -= 1
        return self._owning[unit]

    def _pipe_owns(self, pipe: tree.Pipe, names: Names, params: Mapping[str, Any]) -> bool:
        return any(self._owns(step.atom, names, params) for step in pipe.steps)

    def _width(self, step: tree.Step, scope: Scope) -> int:
        if isinstance(step.repeat, tree.Times | tree.Each):
            return 1  # a repetition is an nn.Sequential
        if not self._owns(step.atom, scope.names, scope.params):
            return 0
        factors = step.atom.factors if isinstance(step.atom, tree.Call) else None
        return len(factors.items) if factors and not factors.parallel else 1


def spliced(pipe: tree.Pipe) -> list[tree.Step]:
    """The steps of a chain, those of plain groups in parentheses among them."""
    steps: list[tree.Step] = []
    for step in pipe.steps:
        if isinstance(step.atom, tree.Group) and not step.repeat and not step.labels:
            inner = spliced(step.atom.pipe)
            if step.shape and not inner[-1].shape:
                inner[-1] = replace(inner[-1], shape=step.shape)
            steps.extend(inner)
        else:
            steps.append(step)
    return steps


def lettered(name: str, index: int) -> str:
    """The name of one part of a step that splits: `x_2` gives `x_2a`, `stem` gives `stem_a`, `f.2` gives `f.2.a`."""
    letters = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        letters = chr(ord("a") + letter) + letters
    if _ends_in_number(name):
        return f"{name}.{letters}"
    head, _, last = name.rpartition("_")
    return f"{name}{letters}" if head and last.isdigit() else f"{name}_{letters}"


def _is_call(step: tree.Step) -> bool:
    """Whether a step is one use of a name, not split into parallel factors."""
    return isinstance(step.atom, tree.Call) and not (step.atom.factors and step.atom.factors.parallel)


def word_of(step: tree.Step) -> str:
    """What a step is called where its chain has no name."""
    if isinstance(step.atom, tree.Call):
        return step.atom.name.rpartition(".")[2]
    return "branch" if isinstance(step.atom, tree.Merge) else "group"


def numbered(name: str, count: int) -> list[str]:
    """The names of steps or factors: one has its chain's, others numbers, `f_1` and `f_2`, or `f.2.0` and `f.2.1`."""
    if count == 1:
        return [name]
    if _ends_in_number(name):
        return [f"{name}.{i}" for i in range(count)]
    return [f"{name}_{i}" for i in range(1, count + 1)]


def _ends_in_number(name: str) -> bool:
    """Whether a name is that of a member of a container, such as `features.17`."""
    return name.rpartition(".")[2].isdigit()


def _by_word(steps: list[tree.Step], widths: list[int]) -> list[str]:
    words = [word_of(step) for step, width in zip(steps, widths, strict=True) for _ in range(width)]
    total = Counter(words)
    seen: Counter[str] = Counter()
    names = []
    for word in words:
        seen[word] += 1
        names.append(word if total[word] == 1 else f"{word}_{seen[word]}")
    return names

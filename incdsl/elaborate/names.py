"""The naming rule: which key of the state_dict each written step gets.

Every chain has a name: its rail's label, its binding, output or head. An unlabelled step that owns parameters is `name`
if it is the only one of its chain, else `name_1`, `name_2`, … as written, each sequential factor counting one. A chain
without a name (a block's, a unit's) names its steps by their words. A step that splits adds letters: `name_2a`. After a
name that ends in a number, `features.17`, both are members of a container: `features.17.0`, `features.17.a`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from incdsl.diagnostics.limits import TooDeep
from incdsl.elaborate.expand import Link, links
from incdsl.elaborate.resolve import Definition, Names
from incdsl.elaborate.scope import OpRef, Problem, Scope
from incdsl.ops import find
from incdsl.source import Span
from incdsl.syntax import tree

MAX_BLOCK_DEPTH = 64
"""Blocks and units that use one another."""

Units: TypeAlias = Callable[[Names, str], "Definition | None"]
"""The unit that a name of a file means."""


class Named(NamedTuple):
    """A step of a chain with the names that it may use, one for each part that owns parameters in sequence."""

    link: Link
    names: tuple[str, ...]
    labelled: bool
    given: Span | None = None
    """Where a use of a unit names it, if it is a part of that unit."""

    @property
    def span(self) -> Span:
        """Its label, or the step if it has none."""
        return self.label_of(0)

    def label_of(self, part: int) -> Span:
        """The label of a part that owns parameters, or the step if that has none."""
        labels = self.link.labels
        return self.given or (labels[min(part, len(labels) - 1)].span if labels else self.link.span)

    def over(self, atom: tree.Call, names: tuple[str, ...]) -> Named:
        """The same step, for one factor of its kernel."""
        return self._replace(link=self.link._replace(atom=atom), names=names)


class Naming:
    """Plans the names of chains; it looks at definitions only, never at values, so a choice renames nobody."""

    def __init__(self) -> None:
        self._owning: dict[tuple[Definition, Units], bool] = {}
        self._depth = 0

    def plan(self, chain: tree.Chain, name: str, scope: Scope, units: Units, *, rail: bool = False) -> list[Named]:
        """The steps of a chain, groups spliced in, with their names; the first label may be that of the `rail`."""
        return self.plan_links(links(chain), name, scope, units, rail=rail)

    def plan_links(
        self, steps: list[Link], name: str, scope: Scope, units: Units, *, rail: bool = False
    ) -> list[Named]:
        """These steps as a chain of their own."""
        labels = [link.labels for link in steps]
        if rail:
            labels[0] = ()
        widths = [0 if own else self._width(link, scope, units) for link, own in zip(steps, labels, strict=True)]
        given = iter(numbered(name, sum(widths)) if name else _by_word(steps, widths))
        planned = []
        for link, own, width in zip(steps, labels, widths, strict=True):
            if own:
                texts = tuple([label.text for label in own])
                factors = self._width(link, scope, units) if len(texts) == 1 else 0
                names = tuple(numbered(texts[0], factors)) if factors > 1 else texts
                planned.append(Named(link, names, True))
            else:
                planned.append(Named(link, tuple([next(given) for _ in range(width)]), False))
        return planned

    def one_of(self, named: Named, chosen: Link, scope: Scope, units: Units) -> Named:
        """One of the steps of a choice, with as many names as it needs."""
        width = self._width(chosen, scope, units)
        if named.labelled and len(chosen.labels) == 1:
            return Named(chosen, tuple(numbered(chosen.labels[0].text, max(1, width))), True)
        return Named(chosen, named.names if named.labelled else named.names[:width], named.labelled)

    def seen(self, named: Named, scope: Scope, units: Units) -> str:
        """What a reader calls a step, if anything: its label, its name, or its op's word where it has no name."""
        link = named.link
        if any(label.counts for label in link.labels) or len(link.labels) > 1:
            return ""
        if named.labelled and link.labels:
            return link.labels[0].text
        if not (named.labelled or link.repeats) and not _is_call(link):
            return ""  # rails and steps inside it have names, it has none
        if not named.names:
            return _word_alone(link.atom, scope, units)
        return named.names[0] if len(named.names) == 1 else ""

    def _owns(self, atom: tree.Atom, names: Names, scope: Scope | None, units: Units) -> bool:
        """Whether an atom owns parameters, in any of its choices."""
        if isinstance(atom, tree.Call):
            ref = scope.params.get(atom.name.text) if scope else None
            if isinstance(ref, OpRef):
                return self._name_owns(ref.name.text, ref.scope.names, units)
            return self._name_owns(atom.name.text, names, units)
        if isinstance(atom, tree.Merge):
            return any(self._chain_owns(rail.chain, names, scope, units) for rail in atom.rails)
        return isinstance(atom, tree.Group) and self._chain_owns(atom.chain, names, scope, units)

    def _name_owns(self, name: str, names: Names, units: Units) -> bool:
        if names.block(name) or names.net(name):
            return True  # a module of its own
        if op := find(name):
            return op.owns_parameters()
        unit = units(names, name)
        if unit is None:
            return False
        key = unit, units
        if key not in self._owning:
            self._owning[key] = False  # while a recursive unit is being looked at
            if self._depth >= MAX_BLOCK_DEPTH:
                raise Problem(TooDeep(span=unit.tree.name.span, what="units", limit=MAX_BLOCK_DEPTH))
            self._depth += 1
            try:
                self._owning[key] = self._chain_owns(unit.unit.chain, unit.names, None, units)
            finally:
                self._depth -= 1
        return self._owning[key]

    def _chain_owns(self, chain: tree.Chain, names: Names, scope: Scope | None, units: Units) -> bool:
        return any(self._owns(step.atom, names, scope, units) for step in chain.steps)

    def takes(self, atom: tree.Atom, scope: Scope, units: Units) -> bool:
        """Whether something in an atom is named after the chain around it: what owns parameters and has no label."""
        if isinstance(atom, tree.Merge):
            chains = [rail.chain for rail in atom.rails if not rail_label(rail.chain, first_turn(rail))]
        elif isinstance(atom, tree.Group):
            chains = [atom.chain]
        else:
            return self._owns(atom, scope.names, scope, units)
        return any(not link.labels and self._width(link, scope, units) for chain in chains for link in links(chain))

    def vanishes(self, link: Link, scope: Scope, units: Units) -> bool:
        """Whether all that a labelled merge or chain in parentheses owns has labels of its own."""
        return self._owns(link.atom, scope.names, scope, units) and not self.takes(link.atom, scope, units)

    def _width(self, link: Link, scope: Scope, units: Units) -> int:
        """How many names a step takes; one that is chosen among several has as many as any of them needs."""
        if link.repeats:
            return 1  # a repetition is an nn.Sequential
        if isinstance(link.repeat, tree.When):
            return max(self._width(each, scope, units) for _, each in link.choices)
        if not self.takes(link.atom, scope, units):
            return 0
        return len(link.factors.items) if link.factors and not link.factors.parallel else 1


def rail_label(chain: tree.Chain, turn: int | None = None) -> str:
    """The label at the start of a rail, which names it; each turn of a `for` has a letter or number of its own.

    Several labels are those of the parts of the first step.
    """
    first = chain.steps[0]
    label = first.labels[0] if len(first.labels) == 1 else None
    if label is None or (label.counts and (turn is None or first.repeat is not None)):
        return ""
    if turn is None:
        return label.text
    return counted(label, turn) if label.counts else lettered(label.text, turn)


def first_turn(rail: tree.Rail) -> int | None:
    """The first turn of the `for` of a rail; None if it has none."""
    return 0 if isinstance(rail.guard, tree.Each) else None


def counted(label: tree.Label, turn: int) -> str:
    """A label that counts up, in a turn: `features.3..` gives `features.4`, and `layer1..` gives `layer2`. Empty if it
    does not end in a number."""
    found = re.fullmatch(r"(|.*[^0-9])(0|[1-9][0-9]*)", label.text)
    return f"{found[1]}{int(found[2]) + turn}" if found else ""


def _word_alone(atom: tree.Atom, scope: Scope, units: Units) -> str:
    """The word of the only op that a step without parameters is made of."""
    if not isinstance(atom, tree.Call):
        return ""
    ref = scope.params.get(atom.name.text)
    name, names = (ref.name.text, ref.scope.names) if isinstance(ref, OpRef) else (atom.name.text, scope.names)
    if unit := units(names, name):
        steps = links(unit.unit.chain)
        only = steps[0].atom if len(steps) == 1 else None
        name = only.name.text if isinstance(only, tree.Call) else ""
    op = find(name)
    return op.word if op else ""


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


def _is_call(link: Link) -> bool:
    """Whether a step is one use of a name, not split into parallel factors."""
    return isinstance(link.atom, tree.Call) and not (link.factors and link.factors.parallel)


def word_of(atom: tree.Atom) -> str:
    """What a step is called where its chain has no name."""
    if isinstance(atom, tree.Call):
        return atom.name.text.rpartition(".")[2]
    return "branch" if isinstance(atom, tree.Merge) else "group"


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


def _by_word(steps: Sequence[Link], widths: Sequence[int]) -> list[str]:
    words = [word_of(link.atom) for link, width in zip(steps, widths, strict=True) for _ in range(width)]
    total = Counter(words)
    seen: Counter[str] = Counter()
    names = []
    for word in words:
        seen[word] += 1
        names.append(word if total[word] == 1 else f"{word}_{seen[word]}")
    return names

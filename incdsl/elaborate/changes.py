"""What the variants of a line change: chains in place of rails, steps and heads, units, and heads that are left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import islice

from incdsl.diagnostics import Sink
from incdsl.diagnostics.names import NameTaken
from incdsl.diagnostics.reuse import UnknownPath
from incdsl.elaborate.names import Definition, Names, mentioned
from incdsl.ir.graph import Instance
from incdsl.source import Span
from incdsl.syntax import tree

_MANY = 300
"""Names among which the one that was meant is sought."""


@dataclass(frozen=True, eq=False, slots=True)
class Change:
    """A chain that stands in place of a rail, a step or a head; its names are those of the variant's file.

    `level` counts from the net that is written out: what a variant of a variant changes is of a higher level.
    """

    pipe: tree.Pipe
    names: Names
    path: str
    span: Span
    level: int
    mentions: frozenset[str]
    """Names in the chain that may be parameters."""

    def as_step(self, replaced: tree.Step) -> tree.Step:
        """The chain as one step: itself if it is one, else in parentheses. An `if` of what is replaced stays."""
        kept = replaced.repeat if isinstance(replaced.repeat, tree.When) else None
        only = self.pipe.steps[0] if len(self.pipe.steps) == 1 else None
        if only and not only.labels and not only.repeat:
            return replace(replaced, atom=only.atom, repeat=kept)
        return replace(replaced, atom=tree.Group(self.span, self.pipe), repeat=kept)


@dataclass(frozen=True, eq=False, slots=True)
class Left:
    """An auxiliary head that a variant leaves out."""

    name: tree.Name
    level: int

    @property
    def path(self) -> str:
        """The head's."""
        return self.name.text

    @property
    def span(self) -> Span:
        """Where it is said."""
        return self.name.span


class Changes:
    """All that a line of variants changes; the outermost has the last word."""

    def __init__(self, line: Sequence[Definition], sink: Sink) -> None:
        self._sink = sink
        self._line = line
        self._paths: dict[str, list[Change]] = {}
        self._left: dict[str, list[Left]] = {}
        self._units: dict[Definition, Definition] = {}
        self._redefined: dict[Definition, Span] = {}
        self._hits: Counter[Change | Left] = Counter()
        self._floor = 0
        self._changed: set[str] = set()
        for level in range(1, len(line)):
            self._note_all(level)

    def base(self, level: int) -> Definition:
        """The net that the variant of this level varies."""
        return self._line[len(self._line) - level]

    def _note_all(self, level: int) -> None:
        definition = self._line[len(self._line) - 1 - level]
        assert isinstance(definition.tree, tree.Net)
        variant = definition.tree.variant
        mine: set[tuple[bool, str]] = set()
        for change in variant.changes if variant else ():
            is_unit = isinstance(change, tree.Unit)
            name = change.path if isinstance(change, tree.Override) else change.name.text
            span = change.path_span if isinstance(change, tree.Override) else change.name.span
            if (is_unit, name) in mine:
                self._sink.add(NameTaken(span=span, name=name, taken_by="changed already"))
            mine.add((is_unit, name))
            if isinstance(change, tree.Override):
                mentions = mentioned(change.pipe)
                known = Change(change.pipe, definition.names, name, span, level, mentions)
                self._paths.setdefault(name, []).append(known)
            elif isinstance(change, tree.Without):
                self._left.setdefault(name, []).append(Left(change.name, level))
            else:
                self._redefine(change, definition, level)

    def _redefine(self, unit: tree.Unit, variant: Definition, level: int) -> None:
        """Put a unit in place of those of its name, in all files of the nets that are varied."""
        files = [each.names for each in self._line[len(self._line) - level :]]
        name = unit.name.text
        found = {known for names in files if (known := names.unit(name))}
        for known in found:
            self._units[known] = Definition(unit, variant.names)
            self._redefined[self._units[known]] = unit.name.span
        if not found and not self._sink.full:
            units = [each for names in files for each in names if names.unit(each)]
            close = get_close_matches(name, list(islice(units, _MANY)), 1)
            suggestion = close[0] if close else ""
            base = self.base(level).name
            self._sink.add(UnknownPath(span=unit.name.span, what="unit", name=name, base=base, suggestion=suggestion))

    # Units

    def unit(self, names: Names, name: str) -> Definition | None:
        """The unit that a name of a file means in this net."""
        unit = names.unit(name)
        return self._units.get(unit, unit) if unit else None

    def redefined(self, unit: Definition) -> Span | None:
        """Where a variant redefines a unit, if one does."""
        return self._redefined.get(unit)

    # Rails, steps and heads

    @property
    def replaces(self) -> bool:
        """Whether rails, steps or heads are replaced."""
        return bool(self._paths)

    @property
    def redefines(self) -> bool:
        """Whether units are defined anew."""
        return bool(self._units)

    def take(self, path: str) -> Change | None:
        """What stands in place of a rail, step or head, once: what the outermost variant says of it.

        In a chain that a variant wrote only the variants of it change something.
        """
        change = None
        for change in self._paths.get(path, ()):
            if change.level > self._floor:
                self._hits[change] += 1
        return change if change and self._hits[change] == 1 and change.level > self._floor else None

    @contextmanager
    def inside(self, change: Change) -> Iterator[None]:
        """While the chain of a change is elaborated."""
        before, self._floor = self._floor, change.level
        try:
            yield
        finally:
            self._floor = before

    def applied(self, instance: Instance) -> None:
        """Note that something was replaced in a class."""
        self._changed.add(class_of(instance).path)

    def changed(self, instance: Instance) -> bool:
        """Whether something was replaced in a class: what its definition says may be used no longer."""
        return instance.path in self._changed

    def leaves_out(self, head: str) -> bool:
        """Whether an auxiliary head is among those that are left out."""
        return head in self._left

    def drops(self, head: str) -> bool:
        """Whether an auxiliary head is left out."""
        for left in self._left.get(head, ())[:1]:
            self._hits[left] += 1
            self._changed.add("")
        return head in self._left

    # What is left over

    @property
    def all(self) -> Iterator[Change | Left]:
        """All replacements, and all heads that are left out."""
        for changes in self._paths.values():
            yield from changes
        for heads in self._left.values():
            yield from heads

    def hits(self, change: Change | Left) -> int:
        """How many rails, steps or heads a change was meant for, as far as the net was built."""
        return self._hits[change]


def class_of(instance: Instance) -> Instance:
    """The net or block that a instance belongs to: repetitions are no classes of their own."""
    while instance.kind == "sequence" and instance.parent:
        instance = instance.parent
    return instance

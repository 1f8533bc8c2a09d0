"""What variants change in a net: chains that replace rails, steps and heads, units, and heads that are left out.

One net is elaborated, the varied one. At each rail, step and head that a reader sees, the walk asks for the chain that
replaces it. What changes found nothing is known from the places seen on the way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from typing import Any, Literal, TypeAlias

from incdsl.diagnostics import Sink
from incdsl.diagnostics.names import NameTaken
from incdsl.diagnostics.reuse import UnknownPath
from incdsl.elaborate.names import Units
from incdsl.elaborate.resolve import Definition, Names, mentioned
from incdsl.elaborate.scope import Flow
from incdsl.ir.graph import Instance
from incdsl.source import Span
from incdsl.syntax import tree

MANY = 300
"""Names among which the one that was meant is sought."""
EVERYTHING = 1 << 30
"""A level above that of all variants."""

Kind: TypeAlias = Literal["rail", "step", "aux head"]


@dataclass(frozen=True, eq=False, slots=True)
class Override:
    """A chain that replaces a rail, a step or a head; its names are those of the variant's file.

    `level` counts from the net that is written out: what a variant of a variant changes is of a higher level.
    """

    chain: tree.Chain
    names: Names
    path: str
    span: Span
    level: int
    mentions: frozenset[str]
    """Names in the chain that may be parameters."""


@dataclass(frozen=True, eq=False, slots=True)
class Tap:
    """An output that a variant adds; its chain starts with the name of a value or step of the net."""

    item: tree.Output
    chain: Override


@dataclass(frozen=True, eq=False, slots=True)
class Omission:
    """An auxiliary head or an output that a variant leaves out."""

    path: str
    span: Span
    level: int


Change: TypeAlias = Override | Omission


@dataclass(eq=False, slots=True)
class Place:
    """A rail, a step or a head: what it is inside of, and where its nodes stand in the graph."""

    kind: Kind
    name: str
    path: str
    around: tuple[str, ...]
    start: int
    word: bool
    """Whether it has no name but its op's word."""
    end: int = -1
    times: int = 0
    replaced: bool = False
    hidden: bool = False
    """Whether it lies inside of what is replaced."""


@dataclass(frozen=True, slots=True)
class Part:
    """A name that a reader sees but that is only a part of a written step."""

    of: str
    around: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Own:
    """The parameters of a variant itself, and those that the net that is written out knows by the same name."""

    owner: Definition
    values: Mapping[str, Any]
    handed_on: frozenset[str]


@dataclass(eq=False)
class Overrides:
    """All that a line of variants changes in one net; the outermost has the last word."""

    line: Sequence[Definition]
    root: Instance
    places: dict[str, Place] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)
    absent: set[str] = field(default_factory=set)
    """Rails and steps that an `if` leaves out, or a variant of a net around replaces, and what nothing is known of."""
    own: dict[int, Own] = field(default_factory=dict)
    """The parameters of each variant, by its level."""

    def __post_init__(self) -> None:
        self.chains: dict[str, list[Override]] = {}
        self.omissions: dict[str, list[Omission]] = {}
        self.taps: list[Tap] = []
        self.came: dict[str, tuple[Instance, Flow]] = {}
        """What comes out of steps and rails, if outputs are added: the instance in which they stand, and the value."""
        self.hits: Counter[Change] = Counter()
        self._redefinitions: dict[int, dict[Definition, Definition]] = {}
        self._spans: dict[Definition, Span] = {}
        self._open: list[Place] = []
        self._floor = 0
        self._namings: list[tuple[Units, range]] = []

    # What is said

    def gather(self, sink: Sink) -> None:
        """Read the changes of the whole line."""
        for level in range(1, len(self.line)):
            definition = self.line[len(self.line) - 1 - level]
            variant = definition.net.variant
            mine: set[tuple[bool, str]] = set()
            for change in variant.items if variant else ():
                if isinstance(change, tree.Override | tree.Unit | tree.Without):
                    self._note(change, definition, level, mine, sink)
                elif isinstance(change, tree.Output):
                    self._tap(change, definition, level)
                elif isinstance(change, tree.Input):
                    self._hold_input(change, level, sink)
        self._namings = list(self._by_naming())

    def _note(
        self, change: tree.Override | tree.Unit | tree.Without, variant: Definition, level: int,
        mine: set[tuple[bool, str]], sink: Sink,
    ) -> None:  # fmt: skip
        name = change.path if isinstance(change, tree.Override) else change.name
        if not name.text:
            return
        key = isinstance(change, tree.Unit), name.text
        if key in mine:
            sink.add(NameTaken(span=name.span, name=name.text, taken_by="changed already"))
        mine.add(key)
        if isinstance(change, tree.Override):
            mentions = mentioned(change.chain)
            known = Override(change.chain, variant.names, name.text, name.span, level, mentions)
            self.chains.setdefault(name.text, []).append(known)
        elif isinstance(change, tree.Without):
            self.omissions.setdefault(name.text, []).append(Omission(name.text, name.span, level))
        else:
            self._redefine(change, variant, level, sink)

    def _tap(self, item: tree.Output, variant: Definition, level: int) -> None:
        chain, span = item.chain, item.chain.steps[0].span
        mentions = mentioned(chain)
        self.taps.append(Tap(item, Override(chain, variant.names, span.text, span, level, mentions)))

    def _hold_input(self, item: tree.Input, level: int, sink: Sink) -> None:
        """Refuse an input that the net does not have."""
        known = [each.name.text for each in self.line[-1].net.items if isinstance(each, tree.Input)]
        if item.name.text and item.name.text not in known:
            close = get_close_matches(item.name.text, known, 1)
            suggestion = close[0] if close else known[0] if len(known) == 1 else ""
            base = self.base(level).name
            sink.add(UnknownPath(
                span=item.name.span, what="input", name=item.name.text, base=base, suggestion=suggestion,
            ))  # fmt: skip

    def _redefine(self, unit: tree.Unit, variant: Definition, level: int, sink: Sink) -> None:
        """Replace the units of this name, in all files of the nets that are varied."""
        files = [each.names for each in self.line[len(self.line) - level :]]
        name = unit.name.text
        found = {known for names in files if (known := names.unit(name))}
        for known in found:
            new = Definition(unit, variant.names)
            self._redefinitions.setdefault(level, {})[known] = new
            self._spans[new] = unit.name.span
        if not found and not sink.full:
            units = [each for names in files for each in names if names.unit(each)]
            close = get_close_matches(name, list(islice(units, MANY)), 1)
            base = self.base(level).name
            suggestion = close[0] if close else ""
            sink.add(UnknownPath(span=unit.name.span, what="unit", name=name, base=base, suggestion=suggestion))

    def base(self, level: int) -> Definition:
        """The net that the variant of this level varies."""
        return self.line[len(self.line) - level]

    @property
    def all(self) -> Iterator[Change]:
        """All replacements, and all heads that are left out."""
        for changes in self.chains.values():
            yield from changes
        for heads in self.omissions.values():
            yield from heads

    # Units

    def unit(self, unit: Definition, below: int = EVERYTHING) -> Definition:
        """What a unit is in this net, or in the one that the variant of a level varies."""
        for level in sorted(self._redefinitions, reverse=True):
            if level < below and unit in self._redefinitions[level]:
                return self._redefinitions[level][unit]
        return unit

    def redefined(self, unit: Definition) -> Span | None:
        """Where a variant redefines a unit, if one does."""
        return self._spans.get(unit)

    def _by_naming(self) -> Iterator[tuple[Units, range]]:
        """Levels of changes, by what units mean in the nets that they vary: names follow from units."""
        start = 1
        for end in (*sorted(self._redefinitions), EVERYTHING):
            yield self._units_below(start), range(start, end + 1)
            start = end + 1

    def _units_below(self, level: int) -> Units:
        def units(names: Names, name: str) -> Definition | None:
            unit = names.unit(name)
            return self.unit(unit, level) if unit else None

        return units

    # Rails, steps and heads

    def path(self, instance: Instance, name: str) -> str:
        """The path of something in an instance, from this net."""
        if instance is self.root:
            return name
        path = instance.path
        if self.root.parent is not None:
            path = path[len(self.root.path) + 1 :]
        return f"{path}.{name}" if path else name

    def at(
        self, kind: Kind, instance: Instance, name: Callable[[Units], str], word: bool, index: int, looked_at: bool
    ) -> tuple[Place | None, Override | None]:  # fmt: skip
        """The place that the walk has come to, and the chain that replaces it, if one does.

        In a chain that a variant wrote only the variants of it change something.
        """
        found: Override | None = None
        place: Place | None = None
        if self._floor >= EVERYTHING:
            return None, None
        for units, levels in self._namings:
            text = name(units)
            path = self.path(instance, text) if text else ""
            if not path or any(each.path == path for each in self._open):
                continue  # a rail or a step and its only part
            if place is None or place.path != path:
                place = self._seen(kind, text, path, word, index, looked_at)
            for change in () if looked_at else self.chains.get(path, ()):
                if change.level in levels and change.level > self._floor:
                    self.hits[change] += 1
                    if self.hits[change] == 1:
                        found = change
                    elif found and found.path == change.path:
                        found = None
        return place, found

    def _seen(self, kind: Kind, name: str, path: str, word: bool, index: int, looked_at: bool) -> Place:
        place = self.places.get(path)
        if place is None or (place.hidden and not looked_at):
            around = tuple(each.path for each in self._open)
            place = self.places[path] = Place(kind, name, path, around, index, word, hidden=looked_at)
        place.times += not looked_at
        return place

    def note(self, instance: Instance, name: str, flow: Flow) -> None:
        """Note what comes out of a step or rail, which an added output may name."""
        if name and self.taps:
            self.came.setdefault(self.path(instance, name), (instance, flow))

    def leave_out(self, instance: Instance, name: str) -> None:
        """Note a rail or step that is not there because of its `if`, or of which nothing can be known."""
        if name:
            path = self.path(instance, name)
            for change in self.chains.get(path, ()):
                self.hits[change] += 1
            self.absent.add(path)

    def lose(self, instance: Instance, name: str) -> None:
        """Note a step that is wrong: nobody knows what stands inside of it."""
        if name:
            self.absent.add(self.path(instance, name))

    def note_part(self, instance: Instance, name: str, of: str, own: str) -> None:
        """Note a name that is only a part of a step, which goes by its own name if it has one."""
        around = tuple(place.path for place in self._open)
        around += (self.path(instance, own),) if own else ()
        self.parts.setdefault(self.path(instance, name), Part(of, around))

    @contextmanager
    def inside(self, place: Place | None, floor: int | None) -> Iterator[None]:
        """While a place is elaborated; `floor` is the level of what replaces it."""
        before = self._floor
        if place:
            self._open.append(place)
        if floor is not None:
            self._floor = max(floor, before)
        try:
            yield
        finally:
            self._floor = before
            if place:
                self._open.pop()

    def drops(self, instance: Instance, head: str) -> bool:
        """Whether an auxiliary head of this net, or of one inside it, is left out: it goes by its name outside."""
        head = self.path(instance, head).replace(".", "_")
        for left in self.omissions.get(head, ())[:1]:
            self.hits[left] += 1
        return head in self.omissions

    def met_output(self, name: str) -> None:
        """Note that an output of this name is there, for a change that leaves it out."""
        for left in self.omissions.get(name, ())[:1]:
            self.hits[left] += 1

    def heads_below(self, level: int) -> list[str]:
        """The auxiliary heads of the net that the variant of a level varies."""
        items = self.line[-1].net.items
        gone = {path for path, lefts in self.omissions.items() if any(left.level < level for left in lefts)}
        return [item.name.text for item in items if isinstance(item, tree.Aux) and item.name.text not in gone]

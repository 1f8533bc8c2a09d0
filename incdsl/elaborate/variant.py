"""Nets that are made of other nets: what a variant takes over, and what it changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import islice

from incdsl.diagnostics import CompileError, Diagnostic, Sink
from incdsl.diagnostics.limits import TooDeep
from incdsl.diagnostics.names import NameTaken, Recursion
from incdsl.diagnostics.reuse import NotANet, UnknownPath
from incdsl.elaborate.names import Definition, Names
from incdsl.ir.graph import Scope
from incdsl.source import Span
from incdsl.syntax import tree

MAX_VARIANTS = 64
_MANY = 300


def lineage(net: Definition, sink: Sink) -> tuple[Definition, ...]:
    """A net, the one that it varies, and so on to the one that is written out.

    Raises:
        CompileError: if a net varies itself, or what is no net.
    """
    line = [net]
    while variant := _net(line[-1]).variant:
        base = line[-1].names.net(variant.base.text)
        if base is None:
            nets = [name for name in line[-1].names if line[-1].names.net(name)]
            close = get_close_matches(variant.base.text, nets, 1)
            suggestion = close[0] if close else ""
            sink.add(NotANet(span=variant.base.span, name=variant.base.text, suggestion=suggestion))
            raise CompileError(tuple(sink))
        if len(line) > MAX_VARIANTS:
            sink.add(TooDeep(span=variant.base.span, what="variants", limit=MAX_VARIANTS))
            raise CompileError(tuple(sink))
        if base in line:
            chain = (*(each.name for each in line[line.index(base) :]), base.name)
            sink.add(Recursion(span=variant.base.span, chain=chain))
            raise CompileError(tuple(sink))
        line.append(base)
    return tuple(line)


Interface = dict[str, tuple[tree.Param, Names]]
"""The parameters of a net, and what names mean in their defaults."""


def interfaces(line: Sequence[Definition]) -> list[Interface]:
    """The parameters of each net of a line: its own, and those of the net that it varies and gives no value."""
    found: list[Interface] = []
    for definition in reversed(line):
        net = _net(definition)
        params = {param.name: (param, definition.names) for param in net.params}
        if net.variant:
            given = {arg.name for arg in net.variant.args}
            for name, param in found[-1].items():
                if name not in given:
                    params.setdefault(name, param)
        found.append(params)
    return found[::-1]


@dataclass(frozen=True, slots=True)
class Change:
    """A chain that stands in place of a rail or a step; its names are those of the variant's file."""

    pipe: tree.Pipe
    names: Names
    path: str
    span: Span

    def as_step(self, replaced: tree.Step) -> tree.Step:
        """The chain as one step: itself if it is one, else in parentheses."""
        only = self.pipe.steps[0] if len(self.pipe.steps) == 1 else None
        if only and not only.labels and not only.repeat:
            return replace(replaced, atom=only.atom)
        return replace(replaced, atom=tree.Group(self.span, self.pipe))


class Changes:
    """All that a line of variants changes; the outermost has the last word."""

    def __init__(self, line: Sequence[Definition], sink: Sink) -> None:
        self._sink = sink
        self._base = line[1].name if len(line) > 1 else ""
        self._paths: dict[str, Change] = {}
        self._units: dict[Definition, Definition] = {}
        self._dropped: dict[str, tree.Name] = {}
        self._seen: dict[str, None] = {}
        self._heads: list[str] = []
        self._changed: set[str] = set()
        for definition in reversed(line):
            variant = _net(definition).variant
            mine: set[str] = set()
            for change in variant.changes if variant else ():
                self._note(change, definition, line[-1].names, mine)

    def _note(
        self, change: tree.Override | tree.Unit | tree.Without, variant: Definition, base: Names, mine: set[str]
    ) -> None:
        name = change.path if isinstance(change, tree.Override) else change.name.text
        if name in mine:
            span = change.path_span if isinstance(change, tree.Override) else change.name.span
            self._sink.add(NameTaken(span=span, name=name, taken_by="changed already"))
        mine.add(name)
        if isinstance(change, tree.Override):
            self._paths[name] = Change(change.pipe, variant.names, name, change.path_span)
        elif isinstance(change, tree.Without):
            self._dropped[name] = change.name
        elif unit := base.unit(name):
            self._units[unit] = Definition(change, variant.names)
        else:
            units = [each for each in base if base.unit(each)]
            self._sink.add(self._unknown("unit", name, change.name.span, units))

    def unit(self, names: Names, name: str) -> Definition | None:
        """The unit that a name of a file means in this net."""
        unit = names.unit(name)
        return self._units.get(unit, unit) if unit else None

    def take(self, scope: Scope, labels: Sequence[str]) -> Change | None:
        """What stands in place of the rail or step of these labels in a class, once."""
        if not self._paths or not labels:
            return None
        above = scope.path
        paths = [f"{above}.{label}" if above else label for label in labels]
        self._seen.update(dict.fromkeys(paths))
        change = self._paths.pop(paths[0], None) if len(paths) == 1 else None
        if change:
            self._changed.add(above)
        return change

    def changed(self, scope: Scope) -> bool:
        """Whether something was replaced in a class: what its definition says may be used no longer."""
        return scope.path in self._changed

    @property
    def replaces(self) -> bool:
        """Whether rails or steps are replaced."""
        return bool(self._paths)

    def leaves_out(self, head: str) -> bool:
        """Whether an auxiliary head is among those that are left out."""
        return head in self._dropped

    def drops(self, head: str) -> bool:
        """Whether an auxiliary head is left out."""
        self._heads.append(head)
        return self._dropped.pop(head, None) is not None

    def missing(self) -> Iterator[Diagnostic]:
        """Complaints about changes of what the net does not have, once it is built."""
        for change in self._paths.values():
            yield self._unknown("rail or step", change.path, change.span, self._seen)
        for name in self._dropped.values():
            yield self._unknown("aux head", name.text, name.span, self._heads)

    def _unknown(self, what: str, name: str, span: Span, known: Sequence[str] | dict[str, None]) -> UnknownPath:
        close = get_close_matches(name, list(islice(known, _MANY)), 1)
        return UnknownPath(span=span, what=what, name=name, base=self._base, suggestion=close[0] if close else "")


def _net(definition: Definition) -> tree.Net:
    assert isinstance(definition.tree, tree.Net)
    return definition.tree

"""What the names of a file mean: its own units, blocks and nets, and those that it imports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from itertools import islice

from incdsl.diagnostics import Sink
from incdsl.diagnostics.names import BadName, NameTaken
from incdsl.diagnostics.reuse import NothingToImport
from incdsl.diagnostics.unused import Unused
from incdsl.elaborate.functions import FUNCTIONS
from incdsl.elaborate.reserved import why_no_identifier
from incdsl.files import SpecFile
from incdsl.ops import REGISTRY
from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.syntax.tree import Block, Net, Unit

_MANY = 300
"""Names among which the one that was meant is sought."""


@dataclass(frozen=True, eq=False)
class Definition:
    """A unit, block or net, and the names that its inside may use."""

    tree: tree.Definition
    names: Names

    @property
    def name(self) -> str:
        """As it was defined; an import keeps it."""
        return self.tree.name.text

    @property
    def unit(self) -> Unit:
        """Its tree, which must be that of a unit."""
        assert isinstance(self.tree, Unit)
        return self.tree

    @property
    def block(self) -> Block:
        """Its tree, which must be that of a block."""
        assert isinstance(self.tree, Block)
        return self.tree

    @property
    def net(self) -> Net:
        """Its tree, which must be that of a net."""
        assert isinstance(self.tree, Net)
        return self.tree

    @cached_property
    def broken(self) -> bool:
        """Whether some of its text makes no sense."""
        return self.names.broken and any(isinstance(node, tree.Error) for node in tree.nodes(self.tree))

    @cached_property
    def comments(self) -> tuple[str, ...]:
        """The comment lines right above it."""
        return self.tree.comments

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands among all definitions: the order of the generated classes."""
        return self.names.order, self.tree.span.start


class Names:
    """The meaning of every name of one file. Files that are imported come before those that import them."""

    def __init__(self, order: int, broken: bool) -> None:
        self.order = order
        self.broken = broken
        """Whether some of the file's text makes no sense."""
        self.missing: set[str] = set()
        """Names that an import should have brought, and did not."""
        self._known: dict[str, Definition] = {}
        self._spans: dict[str, Span] = {}

    def __getitem__(self, name: str) -> Definition:
        return self._known[name]

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def get(self, name: str) -> Definition | None:
        """What a name means, if it means something."""
        return self._known.get(name)

    def unit(self, name: str) -> Definition | None:
        """The unit of this name."""
        found = self._known.get(name)
        return found if found and isinstance(found.tree, tree.Unit) else None

    def block(self, name: str) -> Definition | None:
        """The block of this name."""
        found = self._known.get(name)
        return found if found and isinstance(found.tree, tree.Block) else None

    def net(self, name: str) -> Definition | None:
        """The net of this name."""
        found = self._known.get(name)
        return found if found and isinstance(found.tree, tree.Net) else None

    def define(self, name: tree.Name, meaning: Definition, sink: Sink) -> None:
        """Give a name its meaning."""
        if not name.text:
            return
        if name.text in REGISTRY or name.text == "split":
            sink.add(NameTaken(span=name.span, name=name.text, taken_by="the name of an op"))
        elif name.text in FUNCTIONS:
            sink.add(NameTaken(span=name.span, name=name.text, taken_by="the name of a function"))
        elif before := self._spans.get(name.text):
            where = f"defined already, in line {before.line}"
            hint = f"an import can rename it: `use {name.text} as …`"
            sink.add(
                NameTaken(
                    span=name.span, name=name.text, taken_by=where, hint=hint if meaning.names is not self else ""
                )
            )
        elif reason := why_no_identifier(name.text):
            sink.add(BadName(span=name.span, name=name.text, reason=reason))
        self._known[name.text] = meaning
        self._spans[name.text] = name.span


def resolve(file: SpecFile, sink: Sink) -> Names:
    """The names of a file and, inside their definitions, of all files that it imports; problems go to the sink."""
    return _resolved(file, sink, {})


def _resolved(file: SpecFile, sink: Sink, done: dict[SpecFile, Names]) -> Names:
    if file in done:
        return done[file]
    sources = [_resolved(imported, sink, done) if imported else None for _, imported in file.imports]
    names = done[file] = Names(len(done), bool(file.parsed.problems))
    for (item, imported), source in zip(file.imports, sources, strict=True):
        if imported and source:
            _import(item, imported, source, names, sink)
        else:
            names.missing.update(each.own.text for each in item.names)
    for definition in file.file.definitions:
        names.define(definition.name, Definition(definition, names), sink)
        _params(definition.params, sink)
    if file.imports and not sink.errors:
        _unused_imports(file.file, names, sink)
    return names


def _import(item: tree.Import, imported: SpecFile, source: Names, names: Names, sink: Sink) -> None:
    """Give the names of an import their meaning."""
    own = {definition.name.text for definition in imported.file.definitions}
    for each in item.names:
        name = each.name
        if sink.full:
            return
        if name.text not in own and sink.errors:  # what is missing may stand where the text makes no sense
            names.missing.add(each.own.text)
        elif name.text in own:
            names.define(each.own, source[name.text], sink)
        else:
            names.missing.add(each.own.text)
            close = get_close_matches(name.text, list(islice(own, _MANY)), 1)
            shown = imported.source.name
            suggestion = close[0] if close else ""
            sink.add(NothingToImport(span=name.span, name=name.text, file=shown, suggestion=suggestion))


def _params(params: tuple[tree.Param, ...], sink: Sink) -> None:
    seen: set[str] = set()
    for param in params:
        if not param.name.text:
            continue
        if reason := why_no_identifier(param.name.text):
            sink.add(BadName(span=param.span, name=param.name.text, reason=reason))
        if param.name.text in seen:
            sink.add(NameTaken(span=param.span, name=param.name.text, taken_by="a parameter already"))
        seen.add(param.name.text)


def _unused_imports(file: tree.File, names: Names, sink: Sink) -> None:
    known = mentioned(file.definitions)
    for item in file.imports:
        for each in item.names:
            if each.own.text in names and each.own.text not in known:
                sink.add(Unused(span=each.own.span, what="the import", name=each.own.text))


def mentioned(part: object) -> frozenset[str]:
    """Names in a part of a spec that may stand for a unit, a block, a net, a parameter or a value."""
    return frozenset(name for node in tree.nodes(part) for name in _mentions(node))


def _mentions(node: tree.Tree) -> tuple[str, ...]:
    match node:
        case tree.Variable(name=text) | tree.Call(name=tree.Name(text=text)) | tree.Nested(name=tree.Name(text=text)):
            return (text,)
        case tree.Bundle(names=names):
            return tuple([name.text for name in names])
        case tree.Variant(base=base):
            return (base.text,)
        case tree.Error():  # whatever it was meant to be
            return tuple([token.text for token in node.tokens if token.type == "NAME"])
    return ()

"""Every place of a text where a name stands, and what it means there.

The language is lexical and nothing shadows: inside a definition a name is its parameter or value, else a unit, block or
net of the file, else an op. So a text that is half written can be asked, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from incdsl.analysis.cost import FACTS
from incdsl.elaborate.expand import main_of
from incdsl.elaborate.functions import FUNCTIONS
from incdsl.elaborate.resolve import Definition, Names
from incdsl.elaborate.scope import Poisoned, Problem
from incdsl.elaborate.variant import interfaces, lineage
from incdsl.files import SpecFile
from incdsl.ops import Op, find
from incdsl.ops.reference import choices
from incdsl.source import Span
from incdsl.syntax import tree

Kind = Literal[
    "net", "block", "unit", "op", "parameter", "value", "label", "head", "setting", "word", "choice", "fact", "file"
]


@dataclass(frozen=True, slots=True)
class Target:
    """What a name means: `place` is where it is declared, if a text declares it."""

    kind: Kind
    name: str
    place: Span | None = None
    node: tree.Tree | None = None
    """The node that declares a parameter, a value or a label."""
    definition: Definition | None = None
    """The unit, block or net that it is, or that a parameter belongs to."""
    op: type[Op] | None = None
    """The op that it is, or that a setting belongs to."""

    @property
    def key(self) -> tuple[object, ...]:
        """The same for whatever means the same, in analyses of other texts too."""
        place = self.place
        if place is None:
            return (self.kind, self.name, self.op.word if self.op else "")
        return (self.kind, str(place.source.path or place.source.name), place.start)


class Mention(NamedTuple):
    """A name where it stands."""

    span: Span
    target: Target
    declares: bool = False


Inside = Mapping[str, Target]
"""What names mean inside a definition, besides those of its file."""


def mentions(spec: SpecFile, names: Names) -> Iterator[Mention]:
    """All mentions of a file, in no order."""
    reader = _Reader(spec, names)
    for item in spec.file.items:
        if isinstance(item, tree.Import):
            yield from reader.imported(item)
        elif isinstance(item, tree.Unit | tree.Block | tree.Net):
            yield from reader.definition(item)


def definition_target(found: Definition) -> Target:
    """What the name of a unit, block or net means."""
    return Target(kind_of(found.tree), found.name, found.tree.name.span, found.tree, found)


def kind_of(written: tree.Definition) -> Literal["net", "block", "unit"]:
    """Which of the three it is."""
    if isinstance(written, tree.Net):
        return "net"
    return "block" if isinstance(written, tree.Block) else "unit"


def parameters(found: Definition) -> dict[str, tree.Param]:
    """The parameters of a unit, block or net; of a variant those, too, that it keeps."""
    if isinstance(found.tree, tree.Net):
        try:
            return {name: param for name, (param, _) in interfaces(lineage(found))[0].items()}
        except (Problem, Poisoned):
            pass
    return {param.name.text: param for param in found.tree.params}


def main_op(unit: Definition) -> type[Op] | None:
    """The op of a unit that its uses speak to."""
    if not unit.unit.chain.steps:
        return None
    try:
        return main_of(unit).op
    except Problem:
        return None


def written_out(net: Definition) -> Definition:
    """The net that a variant varies in the end, or the net itself."""
    try:
        return lineage(net)[-1]
    except (Problem, Poisoned):
        return net


def insides(found: Definition) -> dict[str, Target]:
    """What the names mean that a definition declares: parameters, values, loop variables."""
    inside: dict[str, Target] = {}
    for name, param in parameters(found).items():
        inside[name] = Target("parameter", name, param.name.span, param, found)
    owners = [found] if not isinstance(found.tree, tree.Net) else [written_out(found), found]
    for owner in dict.fromkeys(owners):
        for node in tree.nodes(owner.tree):
            for kind, declared in _declared(node):
                text = declared.text
                if text and text != "_":
                    inside.setdefault(text, Target(kind, text, declared.span, node, owner))
    return inside


def _declared(node: tree.Tree) -> Iterator[tuple[Kind, tree.Name]]:
    match node:
        case tree.Bind(names=names) | tree.Output(names=names) | tree.Inputs(names=names):
            yield from (("value", name) for name in names)
        case tree.Input(name=name):
            yield "value", name
        case tree.Aux(name=name):
            yield "head", name
        case tree.Let(name=name):
            yield "parameter", name
        case tree.Each(names=names):
            yield from (("parameter", name) for name in names)


def steps_called(found: Definition) -> dict[str, tree.Step]:
    """The steps of a unit, block or net by their labels; those of a rail by the rail's."""
    labelled: dict[str, tree.Step] = {}
    for node in sorted(tree.nodes(found.tree), key=lambda each: each.span.start):
        if isinstance(node, tree.Step):
            for label in node.labels:
                labelled.setdefault(label.text.removesuffix(".."), node)
    return labelled


class _Reader:
    """Looks at the items of one file."""

    def __init__(self, spec: SpecFile, names: Names) -> None:
        self._spec = spec
        self._names = names
        self._aliases = {
            used.own.text: Target("unit", used.own.text, used.own.span, used, names.get(used.own.text))
            for item in spec.file.imports
            for used in item.names
            if used.own.span != used.name.span and used.own.text in names
        }
        self._steps: dict[Definition, dict[str, tree.Step]] = {}

    def imported(self, item: tree.Import) -> Iterator[Mention]:
        """The file of an import, and the names that it brings."""
        file = next((file for each, file in self._spec.imports if each is item), None)
        if file and item.file.parts:
            place = Span(file.source, 0, 0)
            yield Mention(item.file.span, Target("file", item.file.value, place))
        for used in item.names:
            found = self._names.get(used.own.text)
            if found is None or not used.name.parts:
                continue
            yield Mention(used.name.span, definition_target(found))
            if used.own.span != used.name.span:
                alias = self._global(used.own.text)
                if alias:
                    yield Mention(used.own.span, alias, True)

    def definition(self, written: tree.Definition) -> Iterator[Mention]:
        """The names in a unit, block or net, with its own."""
        found = self._names.get(written.name.text)
        if found is None or found.tree is not written:
            found = Definition(written, self._names)
        if written.name.parts:
            yield Mention(written.name.span, definition_target(found), True)
        inside = insides(found)
        yield from self._declarations(written, inside)
        for node in tree.nodes(written):
            yield from self._node(node, inside, found)
        if isinstance(written, tree.Net) and written.variant:
            yield from self._variant(written.variant, found, inside)

    def _declarations(self, written: tree.Definition, inside: Inside) -> Iterator[Mention]:
        for node in tree.nodes(written):
            own = [("parameter", node.name)] if isinstance(node, tree.Param) else _declared(node)
            for _, name in own:
                target = inside.get(name.text)
                if name.parts and target:
                    yield Mention(name.span, target, target.place == name.span)

    def _global(self, name: str) -> Target | None:
        """What a name means outside all definitions."""
        found = self._names.get(name)
        if found is None:
            return None
        if alias := self._aliases.get(name):
            return Target(kind_of(found.tree), name, alias.place, alias.node, found)
        return definition_target(found)

    def _meaning(self, name: str, inside: Inside) -> Target | None:
        """What a name means that a step or an expression mentions."""
        if found := inside.get(name) or self._global(name):
            return found
        if op := find(name):
            return Target("op", name, op=op)
        return Target("word", name) if name in FUNCTIONS or name == "split" else None

    def _called(self, name: str, inside: Inside) -> Target | None:
        """What a step or an op with settings means by its name: a parameter that is called like an op is a number."""
        found, op = self._meaning(name, inside), find(name)
        return Target("op", name, op=op) if op and found and found.kind == "parameter" else found

    def _mention(self, name: tree.Name | tree.Variable, inside: Inside) -> Iterator[Mention]:
        text = name.text if isinstance(name, tree.Name) else name.name
        if name.parts and (target := self._meaning(text, inside)):
            yield Mention(name.span, target)

    def _node(self, node: tree.Tree, inside: Inside, around: Definition) -> Iterator[Mention]:
        match node:
            case tree.Variable():
                yield from self._mention(node, inside)
            case tree.Aux(args=args):
                yield from self._own_words(args, ("weight",))
            case tree.Unit(name=name) if node is not around.tree and name.parts:
                yield Mention(name.span, Target("unit", name.text, name.span, node), True)
            case tree.Bundle(names=names):
                yield from (mention for name in names for mention in self._mention(name, inside))
            case tree.Merge(word=word) if word.parts:
                yield Mention(word.span, Target("op", word.text, op=find(word.text)))
                yield from self._own_words(node.args, ("split",))
            case tree.Call() | tree.Nested():
                target = self._called(node.name.text, inside)
                if target and node.name.parts:
                    yield Mention(node.name.span, target)
                yield from self._arguments(node, target)
            case tree.Step(labels=labels):
                yield from (Mention(named(label), _label(label.text, label, around), True) for label in labels)
            case tree.Words(names=names):
                yield from (Mention(n.span, Target("choice", n.text, n.span, node, around), True) for n in names)
            case tree.Expect(fact=fact) if fact.text in FACTS:
                yield Mention(fact.span, Target("fact", fact.text))

    def _own_words(self, args: tuple[tree.Arg | tree.Error, ...], words: tuple[str, ...]) -> Iterator[Mention]:
        """The names of settings that belong to the language."""
        for arg in args:
            name = arg.name if isinstance(arg, tree.Arg) else None
            if name and name.parts and name.text in words:
                yield Mention(name.span, Target("setting", name.text))

    def _arguments(self, call: tree.Call | tree.Nested | tree.Variant, callee: Target | None) -> Iterator[Mention]:
        """The names of settings and arguments."""
        for arg in call.args:
            name = arg.name if isinstance(arg, tree.Arg) else None
            target = setting_target(callee, name.text) if name and callee and name.parts else None
            if name and target:
                yield Mention(name.span, target)
                yield from _choice(target, arg)

    def _variant(self, variant: tree.Variant, found: Definition, inside: Inside) -> Iterator[Mention]:
        base = self._global(variant.base.text)
        if base is None or base.definition is None or not isinstance(base.definition.tree, tree.Net):
            return
        if variant.base.parts:
            yield Mention(variant.base.span, base)
        yield from self._arguments(variant, base)
        for item in variant.items:
            if isinstance(item, tree.Override):
                yield from self._path(item.path, base.definition)
            elif isinstance(item, tree.Without) and (target := inside.get(item.name.text)) and item.name.parts:
                yield Mention(item.name.span, target)
            elif isinstance(item, tree.Output) and item.chain.steps:
                first = item.chain.steps[0].atom
                if isinstance(first, tree.Call) and first.name.text not in inside:
                    yield from self._path(first.name, base.definition)

    def _path(self, path: tree.Name, base: Definition) -> Iterator[Mention]:
        """The parts of a path: labels of the net that is varied, and of what it uses."""
        at, around = path.span.start, written_out(base)
        parts = path.text.split(".")
        while parts and path.parts:
            known = self._steps.setdefault(around, steps_called(around))
            text = next((t for n in range(len(parts), 0, -1) if (t := ".".join(parts[:n])) in known), "")
            if not text:
                head = insides(around).get(parts[0])
                if head and head.kind in ("head", "value"):
                    yield Mention(Span(path.span.source, at, at + len(parts[0])), head)
                return
            step = known[text]
            label = next(label for label in step.labels if label.text.removesuffix("..") == text)
            yield Mention(Span(path.span.source, at, at + len(text)), _label(label.text, label, around))
            at += len(text) + 1
            parts = parts[text.count(".") + 1 :]
            inner = around.names.get(step.atom.name.text) if isinstance(step.atom, tree.Call) else None
            if inner is None:
                return
            around = written_out(inner) if isinstance(inner.tree, tree.Net) else inner


def _choice(setting: Target, arg: tree.Arg | tree.Error) -> Iterator[Mention]:
    """One of the words that a setting takes."""
    value = arg.value if isinstance(arg, tree.Arg) else None
    if isinstance(value, tree.Variable) and value.name in words_of(setting):
        yield Mention(value.span, Target("choice", value.name))


def words_of(setting: Target) -> tuple[str, ...]:
    """The words that a setting of an op, or a parameter, takes, if it is one of a few."""
    if isinstance(setting.node, tree.Param):
        return setting.node.words
    return choices(setting.op, setting.name) if setting.op else ()


def named(label: tree.Label) -> Span:
    """The name of a label, without the dots by which it counts up."""
    return Span(label.span.source, label.span.start, label.span.start + len(label.text))


def _label(text: str, label: tree.Label, around: Definition) -> Target:
    return Target("label", text, named(label), label, around)


def setting_target(callee: Target, name: str) -> Target | None:
    """What the name of a setting or an argument means, of what is called."""
    if callee.op:
        return Target("setting", name, op=callee.op) if name in callee.op.settings else None
    if callee.definition is None or callee.kind not in ("unit", "block", "net"):
        return None
    param = parameters(callee.definition).get(name)
    if param:
        return Target("parameter", name, param.name.span, param, callee.definition)
    if callee.kind == "unit" and (op := main_op(callee.definition)) and name in op.settings:
        return Target("setting", name, op=op)
    return None

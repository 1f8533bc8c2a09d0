"""The constructor of a class: the arguments that it takes, and the attributes that it makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from incdsl.codegen.bodies import Item
from incdsl.codegen.expr_writer import ExprWriter
from incdsl.codegen.flow import Flow
from incdsl.codegen.layout import Bracketed, Clauses, Doc, flat
from incdsl.codegen.model import Attribute, Parameter
from incdsl.codegen.plan import Class, Plan, main_op
from incdsl.codegen.runs import Run, Tree, tree
from incdsl.ops.code import Setting
from incdsl.values import Pair, Shape
from incdsl.values.num import constant, described

AUX = Parameter("aux", "bool", "True", keyword_only=True)
"""Whether a module has its auxiliary heads."""

_POSITIONAL = frozenset({"in_channels", "out_channels", "kernel_size"})


@dataclass(frozen=True, slots=True)
class Constructor:
    """What `__init__` of one class does."""

    plan: Plan
    params: Mapping[Class, tuple[Parameter, ...]]
    """What other classes take."""
    helpers: dict[str, None]
    """Modules that PyTorch lacks; those that this one needs are added."""
    of: Class
    shapes: Mapping[str, Shape]
    writer: ExprWriter
    flow: Flow
    runs: Mapping[str, Run]
    """Containers that run as one, by their paths."""

    def members(self) -> tuple[Attribute, ...]:
        """The attributes."""
        return tuple([self._attribute(name, member) for name, member in tree(self.of.body.items).items()])

    def _attribute(self, name: str, member: Tree | Item) -> Attribute:
        doc = self._member(name, member)
        if not isinstance(member, Item):
            return Attribute(name, doc)
        return Attribute(name, Clauses((doc, "if aux", "else None")) if member.is_head else doc, member.note)

    def _member(self, path: str, member: Tree | Item) -> Doc:
        if isinstance(member, Item):
            return self._call(member)
        if path in self.runs:
            return self._run(self.runs[path])
        docs = {name: self._member(f"{path}.{name}", part) for name, part in member.items()}
        if list(docs) == [str(i) for i in range(len(docs))]:
            return Bracketed("nn.ModuleList", (Bracketed("", tuple(docs.values()), "[]"),))
        entries = tuple(_entry(name, doc) for name, doc in docs.items())
        return Bracketed("nn.ModuleDict", (Bracketed("", entries, "{}"),))

    def _run(self, run: Run) -> Doc:
        return Bracketed("nn.Sequential", self.chained(run))

    def chained(self, run: Run) -> tuple[Doc, ...]:
        """The modules of a container that runs as one."""
        return tuple([self._run(part) if isinstance(part, Run) else self._call(part) for part in run.parts])

    def _call(self, item: Item) -> Doc:
        """The call that makes a module."""
        if item.node:
            op = item.node.op
            lowering = op.lower(*[self.shapes[name] for name in item.inputs])
            assert lowering.module is not None
            if lowering.helper:
                self.helpers[lowering.helper] = None
            doc = self.writer.construction(lowering.module, op.signature)
            overwrites = not item.label and op.in_place and self.flow.may_overwrite(item)
            return replace(doc, items=(*doc.items, "inplace=True")) if overwrites else doc
        assert item.instance is not None
        found = self.plan.class_of.get(item.instance)
        return self._instance(found, item) if found else self._repetition(item)

    def _repetition(self, item: Item) -> Bracketed:
        assert item.instance is not None
        members = self.plan.bodies[item.instance].items
        if item.instance in self.plan.repeated:
            length = self.of.count(item.instance.count)
            if not constant(length):
                return _times(self._call(members[0]), self.writer.value(length))
        docs = [self._call(member) for member in members]
        texts = [flat(doc) for doc in docs]
        if len(docs) > 2 and len(set(texts)) == 1:
            return _times(docs[0], str(len(docs)))
        return Bracketed("nn.Sequential", tuple(docs))

    def _instance(self, found: Class, item: Item) -> Bracketed:
        assert item.instance is not None
        defaults = found.defaults
        arguments = dict(item.instance.arguments)
        channels = {
            port.symbol: self.shapes[name].channels for port, name in zip(found.body.inputs, item.inputs, strict=True)
        }
        arguments |= {name: self.of.count(arguments[name]) for name in found.counts} | channels
        names = [param.name for param in self.params[found] if param is not AUX]
        settings = [
            Setting(name, arguments[name], name in channels or name in _POSITIONAL)
            for name in names
            if not (name in defaults and constant(arguments[name]) and arguments[name] == defaults[name])
        ]
        call = self.writer.call(found.name, settings, names)
        return Bracketed(call.head, (*call.items, "aux=aux")) if found.body.has_heads else call

    def parameters(self) -> tuple[Parameter, ...]:
        """The symbols that the class uses, in the order of PyTorch's constructor or of the block's parameters."""
        body, writer = self.of.body, self.writer
        defaults = self.of.defaults
        order = list(dict.fromkeys([*(port.symbol for port in body.inputs), *body.instance.arguments]))
        if op := main_op(body):
            signature = op.signature
            places = {name: i for i, name in enumerate(signature)}
            order.sort(key=lambda name: (name in defaults, places.get(name, len(signature))))
        params = [
            Parameter(name, self._type(name), writer.value(defaults[name]) if name in defaults else "")
            for name in order
            if name in writer.used
        ]
        return (*params, AUX) if body.has_heads else tuple(params)

    def _type(self, name: str) -> str:
        """The type of an argument, as wide as its uses need."""
        return type_of([body.instance.arguments.get(name, 0) for body in self.of.instances])


def type_of(values: Iterable[Any]) -> str:
    """The type of what takes these values: sizes that are alike in height and width are plain numbers."""
    kinds = {_kind(value) for value in values}
    return next(kind for kind in ("int | tuple[int, int]", "float", "int") if kind in kinds)


def _kind(value: Any) -> str:
    if isinstance(value, Pair):
        return "int" if described(value[0]) == described(value[1]) else "int | tuple[int, int]"
    return "float" if isinstance(value, float) else "int"


def dropped(each: Class) -> dict[str, Any]:
    """Symbols of a unit that no use ever changes: they are written as the default, and are no arguments."""
    return {
        name: default
        for name, default in each.defaults.items()
        if all(
            constant(value) and value == default for value in (body.instance.arguments[name] for body in each.instances)
        )
    }


def _times(member: Doc, length: str) -> Bracketed:
    return Bracketed("nn.Sequential", (Bracketed("*", (Clauses((member, f"for _ in range({length})")),)),))


def _entry(name: str, doc: Doc) -> Doc:
    if isinstance(doc, Bracketed):
        return Bracketed(f'"{name}": {doc.head}', doc.items, doc.brackets, doc.tail)
    return f'"{name}": {flat(doc)}'

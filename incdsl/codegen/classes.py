"""The classes of the generated file: constructors, docstrings, and `forward` laid out in paragraphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from incdsl.codegen.comments import Comments
from incdsl.codegen.expr_writer import ExprWriter
from incdsl.codegen.forward import Forward, Statement
from incdsl.codegen.layout import INDENT, WIDTH, Bracketed, Doc, flat, lines
from incdsl.codegen.plan import Body, Class, Item, Plan
from incdsl.codegen.runs import runs
from incdsl.ir.graph import Instance
from incdsl.ops import Op
from incdsl.ops.code import Setting
from incdsl.values import Extent, Image, Num, Shape, expression
from incdsl.values.num import Linear, constant, described, rebased

_DOCSTRING = WIDTH - len(INDENT) - 6
_POSITIONAL = ("in_channels", "out_channels", "kernel_size")


class Classes:
    """Writes the classes of a plan; constructors that a class calls are known before the class is written."""

    def __init__(self, plan: Plan, comment: Comments) -> None:
        self.plan = plan
        self.comment = comment
        self.helpers: dict[str, None] = {}
        self._shapes: dict[Instance, dict[str, Shape]] = {}
        self._dropped = {each: _dropped(each) for each in plan.classes}
        self._params: dict[Class, tuple[str, ...]] = {}
        self._texts: dict[Class, list[str]] = {}

    def text(self, each: Class) -> list[str]:
        """The lines of one class."""
        if each not in self._texts:
            self._texts[each] = self._write(each)
        return self._texts[each]

    def _write(self, each: Class) -> list[str]:
        body = each.body
        writer = ExprWriter(self._dropped[each], {item.label for item in body.items})
        shapes = self.shapes(body)
        found = runs(body, shapes)
        forward = Forward(body, shapes, writer, access(body, found), found)
        statements = forward.statements(dict.fromkeys(body.inputs, "x"), {})
        returned = _paragraphs(statements, forward.output, apart=body.instance.kind == "block")
        members = self.members(body, shapes, writer, found)
        params = self._parameters(each, writer)
        self._params[each] = params
        written = [self.comment(line) for line in body.instance.comments]
        written += [f"class {each.name}(nn.Module):", f'{INDENT}"""{self._docstring(each, shapes)}"""', ""]
        stored = [f"{INDENT * 2}self.{writer.attribute(name)} = {name}" for name in writer.stored]
        if members or stored:
            defaults = _defaults(body)
            signature = ", ".join(f"{p}={writer.value(defaults[p])}" if p in defaults else p for p in params)
            written += [f"{INDENT}def __init__(self{', ' if signature else ''}{signature}):"]
            written += [f"{INDENT * 2}super().__init__()", *stored, *members, ""]
        written += [f"{INDENT}def forward(self, x: Tensor) -> Tensor:", *returned]
        return written

    def params(self, each: Class) -> tuple[str, ...]:
        """The constructor arguments of a class."""
        self.text(each)
        return self._params[each]

    def _parameters(self, each: Class, writer: ExprWriter) -> tuple[str, ...]:
        """The symbols that the class uses, in the order of PyTorch's constructor or of the block's parameters."""
        body = each.body
        order = list(body.instance.arguments)
        if op := _main(body):
            signature = op.signature
            order.sort(key=lambda name: signature.index(name) if name in signature else len(signature))
        return tuple(name for name in order if name in writer.used)

    # Shapes

    def shapes(self, body: Body) -> dict[str, Shape]:
        """Shapes of all values of a body in the symbols of its class, sizes as functions of its own input's."""
        if body.instance in self._shapes:
            return self._shapes[body.instance]
        known = self._shapes[body.instance] = dict[str, Shape]()
        for name in body.inputs:
            shape = self.plan.shapes[name]
            if body.instance.kind != "net":
                shape = shape.with_channels(Num.symbol(int(shape.channels), "in_channels"))
                if isinstance(shape, Image):
                    axes = ((shape.height, "H"), (shape.width, "W"))
                    shape = Image(shape.channels, *(e if e.is_fixed else Extent.of(axis) for e, axis in axes))
            known[name] = shape
        self._sweep(body, known)
        return known

    def _sweep(self, body: Body, known: dict[str, Shape]) -> None:
        for item in body.items:
            if item.node:
                known[item.output] = item.node.op.infer(*(known[name] for name in item.inputs))
                continue
            assert item.instance is not None
            inner = self.plan.bodies[item.instance]
            if item.instance.kind == "sequence":
                self._sweep(inner, known)
            else:
                known[item.output] = self._leaving(inner, item.instance, known[item.inputs[0]])

    def _leaving(self, inner: Body, instance: Instance, flowing: Shape) -> Shape:
        """What comes out of an instance, in the symbols of the class around it."""
        shape = self.shapes(inner)[inner.output]
        outer = {k: expression(v) for k, v in instance.arguments.items() if isinstance(v, int)}
        outer["in_channels"] = expression(flowing.channels)
        channels = rebased(shape.channels, outer)
        if isinstance(shape, Image) and isinstance(flowing, Image):
            return Image(channels, shape.height.after(flowing.height), shape.width.after(flowing.width))
        return shape.with_channels(channels)

    def _docstring(self, each: Class, shapes: Mapping[str, Shape]) -> str:
        body = each.body
        if body.instance.kind == "unit":
            words = [
                item.node.op.display_name if item.node else (item.instance.word if item.instance else "")
                for item in body.items
            ]
            return " -> ".join(words) + "."
        dropped = {k: Linear(int(v)) for k, v in self._dropped[each].items() if isinstance(v, int)}
        given = shapes[body.output] if self._same_grid(each) else _any_grid(shapes[body.output])
        flow = f"{shown(shapes[body.inputs[0]], dropped)} -> {shown(given, dropped)}"
        where = f"{flow}; for {_listed([found.instance.path for found in each.instances])}"
        return flow if each.is_first or len(where) > _DOCSTRING else where

    def _same_grid(self, each: Class) -> bool:
        """Whether all instances make the same of the height and width that flow in: a stride may be an argument."""
        kinds = {tuple(map(described, body.instance.arguments.values())): body for body in each.instances}
        outputs = [self.shapes(body)[body.output] for body in kinds.values()]
        return len({(o.height, o.width) if isinstance(o, Image) else None for o in outputs}) == 1

    # Constructors

    def members(
        self, body: Body, shapes: Mapping[str, Shape], writer: ExprWriter, found: Mapping[str, list[Item]]
    ) -> list[str]:
        """The lines of `__init__` that make the attributes; `found` are containers that run as one."""
        tree: dict[str, Any] = {}
        for item in body.items:
            if item.label:
                *above, last = item.label.split(".")
                branch = tree
                for part in above:
                    branch = branch.setdefault(part, {})
                branch[last] = item
        written: list[str] = []
        for name, member in tree.items():
            doc = self._member(member, shapes, writer, runs_through=name in found)
            note = member.note if isinstance(member, Item) else ""
            if isinstance(member, Item) and member.instance and member.instance.optional:
                doc = f"{flat(doc)} if aux else None"
            made = lines(f"self.{name} = ", doc, "", 2)
            if note and len(made) == 1 and len(made[0]) + len(note) + 4 <= WIDTH:
                made[0] += f"  {self.comment(note)}"
            elif note:
                made.insert(0, f"{INDENT * 2}{self.comment(note)}")
            written += made
        return written

    def _member(
        self, member: Any, shapes: Mapping[str, Shape], writer: ExprWriter, *, runs_through: bool = False
    ) -> Doc:
        if isinstance(member, Item):
            return self._constructor(member, shapes, writer)
        docs = {name: self._member(part, shapes, writer) for name, part in member.items()}
        if runs_through:
            return Bracketed("nn.Sequential", tuple(docs.values()))
        if list(docs) == [str(i) for i in range(len(docs))]:
            return Bracketed("nn.ModuleList", (Bracketed("", tuple(docs.values()), "[]"),))
        entries = tuple(_entry(name, doc) for name, doc in docs.items())
        return Bracketed("nn.ModuleDict", (Bracketed("", entries, "{}"),))

    def _constructor(self, item: Item, shapes: Mapping[str, Shape], writer: ExprWriter) -> Doc:
        if item.node:
            op = item.node.op
            lowering = op.lower(*(shapes[name] for name in item.inputs))
            assert lowering.module is not None
            assert lowering.module.callee is not None
            if lowering.helper:
                self.helpers[lowering.helper] = None
            operands = [writer.code(part, (), "") for part in lowering.module.operands]
            call = writer.call(lowering.module.callee, lowering.module.settings, op.signature)
            return Bracketed(call.head, (*operands, *call.items))
        assert item.instance is not None
        found = self.plan.class_of.get(item.instance)
        if found:
            return self._instantiation(found, item, shapes, writer)
        inner = self.plan.bodies[item.instance]
        docs = [self._constructor(part, shapes, writer) for part in inner.items]
        texts = [flat(doc) for doc in docs]
        if len(docs) > 2 and len(set(texts)) == 1:
            return Bracketed("nn.Sequential", (f"*({texts[0]} for _ in range({len(docs)}))",))
        return Bracketed("nn.Sequential", tuple(docs))

    def _instantiation(self, each: Class, item: Item, shapes: Mapping[str, Shape], writer: ExprWriter) -> Bracketed:
        assert item.instance is not None
        defaults = _defaults(each.body)
        arguments = {**item.instance.arguments, "in_channels": shapes[item.inputs[0]].channels}
        params = self.params(each)
        settings = [
            Setting(name, arguments[name], name in _POSITIONAL)
            for name in params
            if not (name in defaults and constant(arguments[name]) and arguments[name] == defaults[name])
        ]
        return writer.call(each.name, settings, params)


def access(body: Body, found: Mapping[str, list[Item]]) -> dict[str, str]:
    """How each label is reached in `forward`: an attribute, or an entry of a container."""
    labels = [item.label for item in body.items if item.label]
    children: dict[str, list[str]] = {}
    for label in labels:
        parts = label.split(".")
        for i in range(1, len(parts)):
            known = children.setdefault(".".join(parts[:i]), [])
            if parts[i] not in known:
                known.append(parts[i])
    reached = {label: f"self.{label}" for label in found}
    for label in labels:
        first, *rest = label.split(".")
        text, path = f"self.{first}", first
        for part in rest:
            listed = children[path] == [str(i) for i in range(len(children[path]))]
            text += f"[{part}]" if listed else f'["{part}"]'
            path += f".{part}"
        reached[label] = text
    return reached


def shown(shape: Shape, constants: Mapping[str, Linear] = {}) -> str:
    """A shape with its batch, for docstrings: `[N, 224 + pool, H, W]`."""
    channels = expression(shape.channels).substitute(constants)
    if isinstance(shape, Image):
        return f"[N, {channels}, {shape.height}, {shape.width}]"
    return f"[N, {channels}]"


def _any_grid(shape: Shape) -> Shape:
    """A shape whose height and width follow from the arguments."""
    return Image(shape.channels, Extent.of("H'"), Extent.of("W'")) if isinstance(shape, Image) else shape


def _paragraphs(statements: list[Statement], output: str, apart: bool) -> list[str]:
    """The statements of a block: an empty line between chains, the last one returned."""
    written: list[str] = []
    previous = None
    for i, statement in enumerate(statements):
        if apart and previous is not None and statement.chain is not previous:
            written.append("")
        previous = statement.chain
        last = i == len(statements) - 1 and statement.value == output
        written += lines("return " if last else f"{statement.target} = ", statement.doc, "", 2)
    if not statements or statements[-1].value != output:
        held = {value: name for s in statements for value, name in s.holds.items()}
        written.append(f"{INDENT * 2}return {held.get(output, 'x')}")
    return written


def _listed(names: list[str]) -> str:
    """A few names, and how many there are."""
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _entry(name: str, doc: Doc) -> Doc:
    if isinstance(doc, Bracketed):
        return Bracketed(f'"{name}": {doc.head}', doc.items, doc.brackets, doc.tail)
    return f'"{name}": {flat(doc)}'


def _main(body: Body) -> Op | None:
    """The op of a unit that takes the arguments of its constructor."""
    ops = [item.node.op for item in body.items if item.node and body.instance.kind == "unit"]
    taking = [op for op in ops if any(op.keyword(name) in body.instance.arguments for name in type(op).model_fields)]
    return next(iter(taking), None)


def _defaults(body: Body) -> dict[str, Any]:
    """Defaults of a unit's arguments: those of its main op."""
    main = _main(body)
    if main is None:
        return {}
    op = type(main)
    return {
        op.keyword(name): field.default
        for name, field in op.model_fields.items()
        if not field.is_required() and op.keyword(name) in body.instance.arguments
    }


def _dropped(each: Class) -> dict[str, Any]:
    """Symbols of a unit that no use ever changes: they are written as the default, and are no arguments."""
    return {
        name: default
        for name, default in _defaults(each.body).items()
        if all(
            constant(value) and value == default
            for value in (instance.instance.arguments[name] for instance in each.instances)
        )
    }

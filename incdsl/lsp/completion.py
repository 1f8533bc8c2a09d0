"""What may be typed next: the grammar says which words may stand there, the file which names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from incdsl.analysis.cost import FACTS
from incdsl.elaborate.functions import FUNCTIONS
from incdsl.elaborate.resolve import Definition
from incdsl.frontend import Analysis
from incdsl.highlight.words import terminal_of
from incdsl.lsp.cursor import Context, around, callee_of, context, meaning
from incdsl.lsp.mentions import (
    Target,
    insides,
    kind_of,
    main_op,
    parameters,
    steps_called,
    written_out,
)
from incdsl.lsp.reading import Reading
from incdsl.ops import REGISTRY, Op
from incdsl.ops.merge import Joining
from incdsl.ops.reference import choices, default_of, how_written, op_reference
from incdsl.resources import shipped_specs
from incdsl.syntax import tree
from incdsl.syntax.tokens import Token
from incdsl.words import WORDS

Sort = Literal[
    "keyword", "op", "unit", "block", "net", "parameter", "value", "setting", "label", "file", "fact", "word"
]


class Choice(NamedTuple):
    """Something that may be typed: what is shown, what it is, what is put in, and a page about it."""

    label: str
    sort: Sort
    text: str = ""
    """What is put in; the label if it is empty. `$1` is where the cursor goes, if it holds one."""
    detail: str = ""
    page: str = ""


def completions(reading: Reading, offset: int, analysis: Analysis | None = None) -> tuple[int, list[Choice]]:
    """Where the word at an offset starts, and what may stand there; `analysis` is the last one that was whole."""
    token = reading.tokens[max(reading.token(offset - 1), 0)] if offset else None
    if token and any(span.start < offset <= span.end for each in _around(reading, offset) for span in each.comments):
        return offset, []
    if (quote := _in_string(reading, offset)) is not None:
        return quote + 1, list(_files(reading))
    where = context(reading, offset)
    found: dict[str, Choice] = {}
    for choice in _Completer(reading, offset, where, analysis).choices():
        found.setdefault(choice.label, choice)
    return where.start, list(found.values())


def _around(reading: Reading, offset: int) -> tuple[Token, ...]:
    at = max(reading.token(offset), 0)
    return tuple(reading.tokens[at : at + 2])


def _in_string(reading: Reading, offset: int) -> int | None:
    """Where the string starts that an offset is in, perhaps one that does not end."""
    text = reading.source.text
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    if "#" in line.split('"', 1)[0] or line.count('"') % 2 == 0 or "from" not in line:
        return None
    return offset - (len(line) - line.rindex('"'))


def _files(reading: Reading) -> Iterator[Choice]:
    """The specs beside a file, below its folder, and those that ship with incdsl."""
    path = reading.source.path
    if path and path.parent.is_dir():
        for folder, inner, names in os.walk(path.parent):
            inner[:] = sorted(each for each in inner if not each.startswith("."))[:20]
            for name in sorted(names):
                found = os.path.join(folder, name)  # noqa: PTH118 - what `os.walk` gives are texts
                if name.endswith(".inc") and found != str(path):
                    yield Choice(os.path.relpath(found, path.parent).replace(os.sep, "/"), "file")
    for shipped in sorted(shipped_specs().rglob("*.inc")):
        yield Choice(f"specs/{shipped.relative_to(shipped_specs()).as_posix()}", "file", detail="ships with incdsl")


class _Completer:
    def __init__(self, reading: Reading, offset: int, where: Context, analysis: Analysis | None) -> None:
        self._reading = reading
        self._offset = offset
        self._where = where
        self._analysis = analysis
        self._last = where.back(1)
        self._around = around(reading, where.tokens, where.start)

    def choices(self) -> Iterator[Choice]:
        """Everything, the most likely first."""
        where, last = self._where, self._last
        kind = last.type if last else ""
        if kind == "USE" or (kind == "COMMA" and self._in_import()):
            yield from self._imported()
            return
        if kind == "EXPECT":
            yield from self._facts()
            return
        if kind == "EQUAL" and (fact := where.back(2)) and (word := where.back(3)) and word.type == "EXPECT":
            yield from self._fact(fact.text)
            return
        if kind == "WITHOUT":
            yield from self._without()
            return
        if kind == "WITH" or self._in_variant_body():
            yield from self._changes()
        if call := self._argument():
            yield from call
            return
        if "NAME" in where.accepts and kind in _STEPS:
            yield from self._steps()
        elif "NAME" in where.accepts and kind in _NUMBERS:
            yield from self._numbers()
        yield from self._words()

    # Words of the language

    def _words(self) -> Iterator[Choice]:
        """The words that the grammar takes here."""
        for word in sorted(WORDS, key=lambda word: terminal_of(word) not in _OF_STEPS):
            (meaning, shown), terminal = WORDS[word], terminal_of(word)
            if terminal in self._where.accepts and self._makes_sense(terminal):
                snippet = _SNIPPETS.get(word, "") if self._at_item() else ""
                yield Choice(word, "keyword", snippet, meaning, f"```inc\n{shown}\n```")

    def _makes_sense(self, terminal: str) -> bool:
        """Whether a word is more than a label that might stand here, and fits the op in front of it."""
        kind = self._last.type if self._last else ""
        if "NAME" in self._where.accepts and kind in _STEPS:
            return terminal in _STARTS or (kind == "VBAR" and terminal in ("IF", "ELSE", "FOR"))
        op = self._op_behind()
        if op is None:
            return True
        if terminal in ("VALID", "SAME", "HALF", "PAD"):
            return "padding" in op.sigils
        if terminal == "CEIL":
            return "ceil" in op.sigils
        return terminal != "AS" or op.word == "conv2d"

    def _at_item(self) -> bool:
        return bool({"INPUT", "UNIT", "BLOCK"} & self._where.accepts)

    def _op_behind(self) -> type[Op] | None:
        """The op of the step in front of the cursor."""
        for token in reversed(self._where.tokens[-8:]):
            if token.type in ("ARROW", "EQUAL", "VBAR", "LBRACE"):
                return None
            if token.type in ("NAME", "PATH") and (callee := meaning(token.text, self._reading)):
                return callee.op or (
                    main_op(callee.definition) if callee.kind == "unit" and callee.definition else None
                )
        return None

    # Names

    def _inside(self) -> Mapping[str, Target]:
        """What the definition around the cursor declares."""
        found = self._around
        if found is None:
            return {}
        items = () if isinstance(found.tree, tree.Unit) else found.tree.items
        last = items[-1] if items else None  # what is being bound has no value yet
        return {name: target for name, target in insides(found).items() if target.node is not last}

    def _steps(self) -> Iterator[Choice]:
        """What a step may be."""
        inside, own = self._inside(), self._around
        starts = self._last is not None and self._last.type in ("EQUAL", "VBAR", "COMMA", "LPAR")
        for name, target in inside.items():
            if (starts and target.kind == "value") or (target.kind == "parameter" and _may_be_op(target)):
                yield Choice(name, "value" if target.kind == "value" else "parameter", detail=self._shape(target))
        for name in self._reading.names:
            found = self._reading.names[name]
            if own is None or name != own.name:
                yield _use(name, found)
        for word, op in sorted(REGISTRY.items()):
            if not issubclass(op, Joining):
                yield Choice(word, "op", detail=(op.__doc__ or "").split(".")[0], page=op_reference(op))

    def _shape(self, target: Target) -> str:
        """The shape of a value, as it was last known."""
        if self._analysis is None or target.kind != "value":
            return ""
        from incdsl.lsp.shapes import Shapes

        shapes = Shapes(self._analysis)
        names = (node for node in self._analysis.steps if isinstance(node, tree.Name) and node.text == target.name)
        return next((text for name in names if (text := shapes.text(name))), "")

    def _numbers(self) -> Iterator[Choice]:
        """What an expression may name: parameters, values, functions."""
        for name, target in self._inside().items():
            if target.kind in ("parameter", "value"):
                yield Choice(name, "value" if target.kind == "value" else "parameter", detail=_default(target))
        for name in FUNCTIONS:
            yield Choice(name, "word", f"{name}($1)", WORDS[name][0] if name in WORDS else "")

    # Settings and arguments

    def _argument(self) -> list[Choice]:
        """The settings of what is called, or the values of the one that was named."""
        tokens = self._where.tokens
        found = callee_of(tokens, self._reading)
        if found is None:
            return []
        callee, _, written = found
        last = tokens[-1]
        if last.type == "COLON":
            return list(self._values(callee, tokens[-2].text))
        if last.type not in ("LPAR", "COMMA"):
            return []
        return [each for each in arguments(callee) if each.label not in written]

    def _values(self, callee: Target, name: str) -> Iterator[Choice]:
        op = callee.op or (main_op(callee.definition) if callee.kind == "unit" and callee.definition else None)
        param = parameters(callee.definition).get(name) if callee.definition else None
        if param and param.words:
            yield from (Choice(word, "word") for word in param.words)
            return
        if op and name in op.settings and param is None:
            if words := choices(op, name):
                yield from (Choice(word, "word") for word in words)
                return
            if name == "padding":
                yield from (Choice(word, "word", detail=WORDS[word][0]) for word in ("valid", "half", "same", "tfsame"))
            if isinstance(op.model_fields[name].default, bool):
                yield from (Choice(word, "word") for word in ("true", "false"))
                return
        elif param and isinstance(param.default, tree.Boolean):
            yield from (Choice(word, "word") for word in ("true", "false"))
        elif param and isinstance(param.default, tree.Variable | tree.Nested):
            yield from (Choice(word, "op") for word, each in sorted(REGISTRY.items()) if each.kind == "pointwise")
        yield from self._numbers()

    # Imports, facts, variants

    def _in_import(self) -> bool:
        line = [token.type for token in self._where.tokens[-12:]]
        return "USE" in line and not {"EQUAL", "LBRACE", "RPAR"} & set(line[line.index("USE") :])

    def _imported(self) -> Iterator[Choice]:
        items = [item for item in self._reading.file.imports if item.span.start < self._where.start]
        file = next((file for item, file in self._reading.spec.imports if items and item is items[-1]), None)
        for each in file.file.definitions if file else ():
            yield Choice(each.name.text, kind_of(each), detail=" ".join(each.comments))

    def _facts(self) -> Iterator[Choice]:
        for fact in FACTS:
            value = next((choice.label for choice in self._fact(fact)), "")
            yield Choice(fact, "fact", f"{fact} = {value}" if value else fact, value)

    def _fact(self, fact: str) -> Iterator[Choice]:
        """What the net around the cursor has, as it was last known."""
        own = self._around
        for net in self._analysis.nets if self._analysis and own else ():
            if own and net.name == own.name and net.complete and fact in FACTS:
                value = net.cost.fact(fact)
                if value is not None:
                    yield Choice(f'"{value}"' if isinstance(value, str) else f"{value:_}", "fact")

    def _in_variant_body(self) -> bool:
        own = self._around
        variant = own.tree.variant if own and isinstance(own.tree, tree.Net) else None
        return variant is not None and "WITHOUT" in self._where.accepts

    def _base(self) -> Definition | None:
        own = self._around
        variant = own.tree.variant if own and isinstance(own.tree, tree.Net) else None
        return self._reading.names.net(variant.base.text) if variant else None

    def _without(self) -> Iterator[Choice]:
        base = self._base()
        for name, target in insides(base).items() if base else ():
            if target.kind == "head" or isinstance(target.node, tree.Output):
                yield Choice(name, "value", detail="aux" if target.kind == "head" else "output")

    def _changes(self) -> Iterator[Choice]:
        """The labels that a variant may change: those of the net, or of the block that the typed path leads to."""
        owner = self._base()
        typed = self._reading.source.text[self._where.start : self._offset].split(".")[:-1]
        prefix = ""
        while owner:
            owner = written_out(owner) if isinstance(owner.tree, tree.Net) else owner
            known = steps_called(owner)
            name = next((t for n in range(len(typed), 0, -1) if (t := ".".join(typed[:n])) in known), "")
            if not name:
                break
            prefix, typed = f"{prefix}{name}.", typed[name.count(".") + 1 :]
            atom = known[name].atom
            owner = owner.names.get(atom.name.text) if isinstance(atom, tree.Call) else None
        for name in steps_called(owner) if owner else ():
            yield Choice(f"{prefix}{name}", "label", f"{prefix}{name}: $1")


_STARTS = ("MERGE", "IN", "PAD", "TRUE", "FALSE", "NOT")
"""Words that a step or a value may start with."""
_STEPS = ("ARROW", "VBAR", "EQUAL", "COLON", "LPAR", "ELSE", "COMMA")
_OF_STEPS = ("VALID", "SAME", "HALF", "PAD", "CEIL", "AS", "TIMES", "FOR", "IF", "ELSE")
_NUMBERS = (
    "AT", "EQUAL", "PLUS", "MINUS", "STAR", "FLOOR", "MODULO", "CMP", "IF", "AND", "OR", "NOT", "LPAR", "LSQB",
    "COMMA", "TIMES", "COLON", "ASCRIBE", "IN", "SLASH",
)  # fmt: skip
_SNIPPETS = {
    "unit": "unit ${1:conv} = $0", "block": "block ${1:Name}(${2:width}) = $0", "net": "net ${1:Name} {\n  $0\n}",
    "input": "input ${1:image} [${2:3, 224, 224}]", "output": "output ${1:logits} = $0",
    "aux": "aux ${1:head} (weight: ${2:0.3}) = $0", "expect": "expect ${1|params,macs,keys|} = $0",
    "from": 'from "$1" use $0', "without": "without $0", "let": "let ${1:width} = $0",
}  # fmt: skip


def arguments(callee: Target) -> Iterator[Choice]:
    """The settings or parameters of what is called, with their defaults and ranges."""
    found = callee.definition
    if found and callee.kind in ("unit", "block", "net"):
        for name, param in parameters(found).items():
            text = " ".join(param.default.span.text.split()) if param.default else ""
            yield Choice(name, "parameter", f"{name}: $1", text or "required")
    op = callee.op or (main_op(found) if found and callee.kind == "unit" else None)
    for name in op.settings if op else ():
        assert op is not None
        usual = f", usual {op.usual[name].least:g} to {op.usual[name].most:g}" if name in op.usual else ""
        written = how_written(op, name).replace("`", "")
        detail = f"{default_of(op, name).replace('`', '')}{usual}{f' · {written}' if written else ''}"
        yield Choice(name, "setting", f"{name}: $1", detail)


def _use(name: str, found: Definition) -> Choice:
    """A use of a unit, block or net, with the arguments that it needs."""
    kind = kind_of(found.tree)
    needed = [param.name.text for param in parameters(found).values() if param.default is None]
    args = ", ".join(f"{param}: ${at}" for at, param in enumerate(needed, 1))
    page = f"```inc\n{' '.join(found.tree.span.text.split())[:200]}\n```"
    return Choice(name, kind, f"{name}({args})" if args else "", " ".join(found.tree.comments), page)


def _may_be_op(target: Target) -> bool:
    node = target.node
    default = node.default if isinstance(node, tree.Param) else None
    return default is None or isinstance(default, tree.Nested | tree.Variable)


def _default(target: Target) -> str:
    node = target.node
    return " ".join(node.default.span.text.split()) if isinstance(node, tree.Param) and node.default else ""

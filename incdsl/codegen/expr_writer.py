"""Writes values, constructors and expressions in the symbols of one class, and notes which symbols it used."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from math import isinf
from typing import Any

from incdsl.codegen.layout import Bracketed, Doc, Joined, flat
from incdsl.diagnostics import CompilerBug
from incdsl.ops.code import (
    AsFloat,
    Call,
    Cells,
    Channels,
    Code,
    Infix,
    Method,
    Operand,
    Operands,
    Owned,
    Place,
    Setting,
    Size,
    Value,
)
from incdsl.values import Num, Pair, Real, SymbolPair
from incdsl.values.num import Linear, constant, is_operation, named, spelled


class ExprWriter:
    """`constants` are symbols that are written as numbers, `labels` the attributes that hold modules.

    `lets` are products and quotients that the spec gives names; they are written as these.
    """

    def __init__(self, constants: Mapping[str, Any], labels: Container[str], lets: Mapping[str, Any] = {}) -> None:
        self._constants = constants
        self._labels = labels
        self._linear = {k: Linear(int(v)) for k, v in constants.items() if isinstance(v, int)}
        found = {name: value.expr.substitute(self._linear) for name, value in lets.items() if isinstance(value, Num)}
        self._exprs = {name: expr for name, expr in found.items() if is_operation(expr)}
        self._names = {expr: name for name, expr in reversed(self._exprs.items())}
        self.used: dict[str, None] = {}
        self.stored: dict[str, None] = {}

    # Values

    def value(self, value: Any, forward: bool = False) -> str:
        """Python source of a setting."""
        if isinstance(value, SymbolPair | Real):
            if value.name in self._constants:
                return self.value(self._constants[value.name])
            return self._symbol(value.name, forward)
        if isinstance(value, Num):
            expr = named(spelled(value).substitute(self._linear), self._names)
            return expr.show(lambda name: self._symbol(name, forward))
        if isinstance(value, AsFloat):
            number = self.value(value.number, forward)
            return f"{number}.0" if number.isdigit() else f"float({number})"
        if isinstance(value, Pair):
            height, width = (self.value(part, forward) for part in value)
            return height if height == width else f"({height}, {width})"
        if isinstance(value, tuple):
            items = ", ".join(self.value(part, forward) for part in value)
            return f"({items},)" if len(value) == 1 else f"({items})"
        if isinstance(value, str):
            return f'"{value}"'
        if isinstance(value, float) and isinf(value):
            return "torch.inf" if value > 0 else "-torch.inf"
        if value is None or isinstance(value, bool | int | float):
            return repr(value)
        raise CompilerBug(f"no way to write {value!r}")

    def _symbol(self, name: str, forward: bool) -> str:
        self.used[name] = None
        if forward:
            self.stored[name] = None
            return f"self.{self.attribute(name)}"
        return name

    def locals(self) -> list[tuple[str, str]]:
        """The names of `lets` that were used, with their values, those first that others are made of."""
        found: dict[str, str] = {}
        waiting = [name for name in self.used if name in self._exprs]
        while waiting:
            name = waiting.pop(0)
            others = {expr: other for expr, other in self._names.items() if other != name}
            found[name] = named(self._exprs[name], others).show(lambda each: self._symbol(each, forward=False))
            waiting += [each for each in self.used if each in self._exprs and each not in found and each not in waiting]
        return [(name, found[name]) for name in self._exprs if name in found]

    def attribute(self, name: str) -> str:
        """The attribute that keeps a constructor argument for `forward`."""
        return f"{name}_value" if name in self._labels else name

    def repeats_default(self, setting: Setting) -> bool:
        """Whether a setting says only what PyTorch takes for granted."""
        if setting.default is None:
            return False
        value = setting.value
        if isinstance(value, SymbolPair | Real):
            value = self._constants.get(value.name, value)
        elif isinstance(value, Num):
            expr = value.expr.substitute(self._linear)
            value = value if expr.terms else expr.constant
        return constant(value) and bool(value == setting.default)

    # Calls

    def call(self, callee: str, settings: Sequence[Setting], signature: Sequence[str] = ()) -> Bracketed:
        """A constructor call: names are left out where engineers do, or where the value already says them."""
        items: list[Doc] = []
        in_order = True
        written = [setting for setting in settings if not self.repeats_default(setting)]
        for i, setting in enumerate(written):
            text = self.value(setting.value)
            says_itself = i < len(signature) and signature[i] == setting.name == text
            in_order = in_order and (setting.positional or says_itself)
            items.append(text if in_order else f"{setting.name}={text}")
        return Bracketed(callee, tuple(items))

    def construction(self, call: Call, signature: Sequence[str] = ()) -> Bracketed:
        """A constructor call, and those inside it."""
        assert call.callee is not None
        operands: list[Doc] = []
        for part in call.operands:
            assert isinstance(part, Call | Value)
            operands.append(self.construction(part, signature) if isinstance(part, Call) else self.value(part.value))
        written = self.call(call.callee, call.settings, signature)
        return Bracketed(written.head, (*operands, *written.items))

    def code(self, code: Code, operands: Sequence[Doc], module: str) -> Doc:
        """An op's expression over its operands; `module` is how its own module is reached."""
        write: Callable[[Code], Doc] = lambda part: self.code(part, operands, module)  # noqa: E731
        match code:
            case Operand(index=index):
                return operands[index]
            case Operands():
                return Bracketed("", tuple(operands), "[]")
            case Owned():
                return module
            case Value(value=value):
                return self.value(value, forward=True)
            case Call(callee=callee, operands=parts, settings=settings):
                return Bracketed(callee or module, (*map(write, parts), *self._settings(settings, write)))
            case Method(target=target, name=name, operands=parts, settings=settings):
                items = (*map(write, parts), *self._settings(settings, write))
                return Bracketed(f"{flat(_atom(write(target)))}.{name}", items)
            case Infix(operator=operator, parts=parts):
                return Joined(operator, tuple(_atom(write(part)) for part in parts))
            case Channels(target=target, start=start, stop=stop):
                first = self.value(start, forward=True) if int(start) or isinstance(start, Num) else ""
                last = "" if stop is None else self.value(stop, forward=True)
                return f"{flat(_atom(write(target)))}[:, {_slice(first, last)}]"
            case Place(target=target, index=index):
                return f"{flat(_atom(write(target)))}[{index}]"
            case Cells(target=target):
                return f"{flat(_atom(write(target)))}[:, :, {self._cells(code)}]"

    @staticmethod
    def _cells(cells: Cells) -> str:
        """The slices of both axes."""
        axes = ((cells.top, cells.bottom), (cells.left, cells.right))
        return ", ".join(f"{first or ''}:{-last if last else ''}" for first, last in axes)

    def _settings(self, settings: Sequence[Setting], write: Callable[[Code], Doc]) -> list[Doc]:
        texts: list[Doc] = []
        for setting in settings:
            if self.repeats_default(setting):
                continue
            if isinstance(setting.value, Size):
                text = f"{flat(_atom(write(setting.value.target)))}.shape[2:]"
            else:
                text = self.value(setting.value, forward=True)
            texts.append(text if setting.positional else f"{setting.name}={text}")
        return texts


def _atom(doc: Doc) -> Doc:
    """The expression, in parentheses if an operator stands in it."""
    return f"({flat(doc)})" if isinstance(doc, Joined) else doc


def _slice(first: str, last: str) -> str:
    """Bounds of a slice, spaced as ruff spaces them: tight around names and numbers, loose around expressions."""
    simple = all(part.replace("_", "").isalnum() or not part for part in (first, last))
    if simple:
        return f"{first}:{last}"
    return f"{first} : {last}".strip()

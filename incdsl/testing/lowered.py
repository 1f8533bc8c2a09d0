"""What an op lowers to, built and run as it stands: one module, without generated text."""

from __future__ import annotations

import operator
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

from incdsl.ops import Op
from incdsl.ops.code import Call, Cells, Channels, Code, Infix, Method, Operand, Operands, Owned, Setting, Size, Value
from incdsl.runtime.load import load_text
from incdsl.values import Shape

_SPACES = {"nn": nn, "F": nn.functional, "torch": torch}
_SIGNS = {"+": operator.add, "*": operator.mul}
_HEAD = "import torch\nfrom torch import Tensor, nn\nfrom torch.nn import functional as F\n\n\n"


class Lowered(nn.Module):
    """An op on inputs of certain shapes, as a module where it has one, else as a function."""

    def __init__(self, op: Op, inputs: tuple[Shape, ...], function: bool = False) -> None:
        super().__init__()
        lowering = op.lower(*inputs)
        self._helpers = op.helpers
        self.own: Any = None
        if lowering.module is not None and not function:
            self.own = self._run(lowering.module, ())
        code = lowering.forward if self.own is not None else lowering.function
        assert code is not None, "an op that owns no module has a function"
        self._code = code

    def forward(self, *operands: Tensor) -> Tensor:
        """The op's value."""
        result: Tensor = self._run(self._code, operands)
        return result

    def _run(self, code: Code, operands: tuple[Tensor, ...]) -> Any:
        match code:
            case Operand(index=index):
                return operands[index]
            case Operands():
                return list(operands)
            case Owned():
                return self.own
            case Value(value=value):
                return _plain(value)
            case Call(callee=callee, operands=parts, settings=settings):
                positional, named = _arguments(settings)
                sizes = [each for each in settings if isinstance(each.value, Size)]
                named |= {each.name: self._run(each.value.target, operands).shape[2:] for each in sizes}
                given = [self._run(part, operands) for part in parts]
                return self._callee(callee)(*given, *positional, **named)
            case Method(target=target, name=name, operands=parts, settings=settings):
                positional, named = _arguments(settings)
                given = [self._run(part, operands) for part in parts]
                return getattr(self._run(target, operands), name)(*given, *positional, **named)
            case Cells(target=target, top=top, left=left, bottom=bottom, right=right):
                return self._run(target, operands)[:, :, top : -bottom or None, left : -right or None]
            case Infix(operator=sign, parts=parts):
                return reduce(_SIGNS[sign], (self._run(part, operands) for part in parts))
            case Channels(target=target, start=start, stop=stop):
                return self._run(target, operands)[:, int(start) : None if stop is None else int(stop)]

    def _callee(self, name: str | None) -> Any:
        if name is None:
            return self.own
        if name in self._helpers:
            return getattr(load_text(_HEAD + self._helpers[name] + "\n", name), name)
        space, _, word = name.partition(".")
        return getattr(_SPACES[space], word)


def _arguments(settings: tuple[Setting, ...]) -> tuple[list[Any], dict[str, Any]]:
    positional = [_plain(each.value) for each in settings if each.positional]
    return positional, {each.name: _plain(each.value) for each in settings if not each.positional}


def _plain(value: Any) -> Any:
    """A setting without the expression behind it."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return int(value) if isinstance(value, int) else float(value)

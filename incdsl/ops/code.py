"""What an op lowers to: expressions as data, with no names of any particular module in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Operand:
    """An input of the op, by position."""

    index: int = 0


@dataclass(frozen=True, slots=True)
class Operands:
    """All inputs of the op, as a list."""


@dataclass(frozen=True, slots=True)
class Owned:
    """The op's own parameter, where it owns one and no module."""


@dataclass(frozen=True, slots=True)
class Size:
    """`target.shape[2:]`, as the value of a setting."""

    target: Code


@dataclass(frozen=True, slots=True)
class Value:
    """A number, boolean, string, None, pair or tuple of them; numbers may be symbolic."""

    value: Any


@dataclass(frozen=True, slots=True)
class AsFloat:
    """A whole number, which may be symbolic, where TorchScript takes none: `2.0`, `float(self.factor)`."""

    number: int


@dataclass(frozen=True, slots=True)
class Setting:
    """An argument with its PyTorch name; `positional` when engineers leave the name out.

    One that equals its `default` is not written.
    """

    name: str
    value: Any
    positional: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class Call:
    """`callee(arguments)`: a constructor, a function of torch, or with callee None the op's own module."""

    callee: str | None
    operands: tuple[Code, ...] = ()
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class Method:
    """`target.name(arguments)`."""

    target: Code
    name: str
    operands: tuple[Code, ...] = ()
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class Infix:
    """`a + b + c`."""

    operator: str
    parts: tuple[Code, ...]


@dataclass(frozen=True, slots=True)
class Channels:
    """`target[:, start:stop]`."""

    target: Code
    start: int
    stop: int | None


@dataclass(frozen=True, slots=True)
class Place:
    """`target[index]`."""

    target: Code
    index: int


@dataclass(frozen=True, slots=True)
class Cells:
    """`target[:, :, top:-bottom, left:-right]`."""

    target: Code
    top: int
    left: int
    bottom: int
    right: int


Code: TypeAlias = Operand | Operands | Owned | Value | Call | Method | Infix | Channels | Place | Cells

SELF = Call(None, (Operand(),))
"""The op's module applied to its input."""
CHANNELS_LAST = Method(
    Call(None, (Method(Operand(), "permute", (Value(0), Value(2), Value(3), Value(1))),)),
    "permute",
    (Value(0), Value(3), Value(1), Value(2)),
)
"""The op's module applied to an image whose channels it wants last."""


@dataclass(frozen=True, slots=True)
class Lowering:
    """How PyTorch runs an op.

    `module` constructs the `nn.Module` that holds its parameters, or that a label makes an attribute; `forward` applies
    it; `function` does without a module, for ops that own no parameters. `helper` names a class that the generated file
    must define because PyTorch has none.
    """

    module: Call | None
    function: Code | None = None
    forward: Code = SELF
    helper: str | None = None

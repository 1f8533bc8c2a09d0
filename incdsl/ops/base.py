"""The contract of an op: typed settings, shape rule, cost, lowering, all in one class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict

from incdsl.ops.code import Lowering
from incdsl.values import Extent, Image, Shape, Vector

Sigil = Literal["kernel", "stride", "width", "padding", "ceil", "number"]
Sizes: TypeAlias = tuple[int, ...]

REGISTRY: dict[str, type[Op]] = {}


class ShapeError(Exception):
    """A shape rule does not hold, told without knowing where: the elaborator adds the place."""

    def __init__(self, kind: Literal["rank", "divide", "channels"], reason: str, help: str = "") -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.help = help


class Tensor(NamedTuple):
    """An entry of the module's state_dict."""

    name: str
    shape: Sizes
    trainable: bool = True


class Window(NamedTuple):
    """How one axis is swept: what receptive fields and strides are made of."""

    kernel: int
    stride: int
    padding: int = 0
    dilation: int = 1
    ceil: bool = False

    @property
    def span(self) -> int:
        """Cells from the first to the last one that a position reads."""
        return self.dilation * (self.kernel - 1) + 1

    def arithmetic(self, size: int) -> str:
        """The size of the output, worked out for people: `(35 + 2·1 − 3)//2 + 1 = 18`.

        Where rounding up makes a last window that would start outside the input, it is not counted: `+ 0`.
        """
        result = Extent.fixed(size).window(*self).offset
        room = size + 2 * self.padding - self.span
        padded = f" + 2·{self.padding}" if self.padding else ""
        inside = f"({size}{padded} − {self.span})"
        division = f"⌈{inside}/{self.stride}⌉" if self.ceil else f"{inside}//{self.stride}"
        quotient = -(-room // self.stride) if self.ceil else room // self.stride
        return f"{division} + {result - quotient} = {result}"


@dataclass(frozen=True)
class Demand:
    """A condition that a shape rule adds: along one axis `extent` is at least, or exactly, `size`."""

    axis: Literal["height", "width"]
    extent: Extent
    size: int
    reason: str
    exact: bool = False

    def holds(self, size: int) -> bool:
        """Whether an extent of this size meets it."""
        return size == self.size if self.exact else size >= self.size


class Op(BaseModel):
    """An operation on images or vectors.

    Fields are its settings, under the names that a spec writes. `sigils` says which field each sigil of a step fills;
    a sigil that is not listed is an error. A docstring's first line is the description, and `example` a step that
    compiles after an input `[8, 16, 16]` (or `[8]`, where `example_rank` is 1).
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", arbitrary_types_allowed=True)

    word: ClassVar[str] = ""
    public: ClassVar[bool] = True
    """Whether a spec can name it."""
    example: ClassVar[str] = ""
    example_rank: ClassVar[int] = 3
    torch: ClassVar[str] = ""
    """The PyTorch name whose documentation defines it."""
    sigils: ClassVar[Mapping[Sigil, str]] = {}
    keywords: ClassVar[Mapping[str, str]] = {}
    """Fields whose PyTorch argument has another name."""
    signature: ClassVar[tuple[str, ...]] = ()
    """Arguments of PyTorch's constructor in order, where positions may stand for names."""
    runtime_args: ClassVar[frozenset[str]] = frozenset()
    """Fields that a constructor argument of the generated net may set: no other shape or legality depends on them."""
    helpers: ClassVar[Mapping[str, str]] = {}
    """Of an op of another package: the text of each class that the generated file must define for it."""
    calls: ClassVar[frozenset[str]] = frozenset()
    """Of an op of another package: functions and modules that its code uses beyond our own, such as `F.conv2d`."""
    owns_output: ClassVar[bool] = False
    """Whether its output is its own and its backward pass does not read it: an activation may overwrite it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.word and cls.public and cls.__module__.startswith("incdsl.ops."):
            REGISTRY[cls.word] = cls

    @classmethod
    def keyword(cls, field: str) -> str:
        """The PyTorch argument that a field sets."""
        return cls.keywords.get(field, field)

    @property
    def display_name(self) -> str:
        """What it is called where people read of it."""
        return self.word

    def infer(self, *inputs: Shape) -> Shape:
        """The shape of the output; raises `ShapeError`. An extent below 1 means that the input is too small."""
        return inputs[0]

    def demands(self, *inputs: Shape) -> Iterable[Demand]:
        """Conditions on sizes beyond every extent being at least 1."""
        return ()

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        """Parameters and buffers, in the order of PyTorch's state_dict."""
        return ()

    def macs(self, inputs: tuple[Sizes, ...], output: Sizes) -> int:
        """Multiply-accumulates at batch 1; convolutions and linear layers count, all else is 0."""
        return 0

    def windows(self) -> tuple[Window, Window] | None:
        """How height and width are swept; nothing for ops that keep every position."""
        return None

    def form(self, *inputs: Shape) -> object:
        """What its code depends on beside its settings; instances of a block that differ in it share no class."""
        return None

    def lower(self, *inputs: Shape) -> Lowering:
        """How PyTorch runs it."""
        raise NotImplementedError

    @classmethod
    def owns_parameters(cls) -> bool:
        """Whether its module has entries in the state_dict."""
        return cls.tensors is not Op.tensors

    def parameters(self, *inputs: Shape) -> int:
        """How many numbers training changes."""
        return sum(prod(t.shape) for t in self.tensors(*inputs) if t.trainable)


def image(word: str, shape: Shape) -> Image:
    """The shape, which must be an image."""
    if isinstance(shape, Image):
        return shape
    raise ShapeError("rank", f"`{word}` needs an image [C, H, W], but {shape} flows in")


def vector(word: str, shape: Shape) -> Vector:
    """The shape, which must be a vector."""
    if isinstance(shape, Vector):
        return shape
    raise ShapeError("rank", f"`{word}` needs a vector [C], but {shape} flows in", "put `gap` or `flatten` before it")


def divides(what: str, divisor: int, whole: str, number: int) -> None:
    """Raise unless a number of groups or parts divides a number of channels."""
    if int(number) % int(divisor):
        raise ShapeError("divide", f"{int(divisor)} {what} do not divide {int(number)} {whole}")

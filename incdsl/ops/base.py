"""The contract of an op: one class owns its settings, shape rule, cost, lowering, meaning, and every other fact."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict

from incdsl.ops.code import Lowering
from incdsl.ops.meaning import Own, PrimeField, Torch, Values
from incdsl.ops.sweep import SAME, Reach, Sweep
from incdsl.values import Extent, Image, Shape, Vector

Kind = Literal["convolution", "linear", "pool", "norm", "pointwise", "copy", "view"]
"""What PyTorch launches for an op; convolutions and linear layers are what depth counts, views launch nothing."""
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
    """An entry of the module's state_dict; without a name it is a parameter of the class, whose key is the label."""

    name: str
    shape: Sizes
    trainable: bool = True

    def key(self, path: str) -> str:
        """Its key, where the step has this path."""
        return f"{path}.{self.name}" if self.name else path


@dataclass(frozen=True)
class Demand:
    """A condition that a shape rule adds: along one axis `extent` is at least, or exactly, `size`, and a multiple."""

    axis: Literal["height", "width"]
    extent: Extent
    size: int
    reason: str
    exact: bool = False
    multiple: int = 1

    def holds(self, size: int) -> bool:
        """Whether an extent of this size meets it."""
        return (size == self.size if self.exact else size >= self.size) and size % self.multiple == 0


class Usual(NamedTuple):
    """The range in which published networks have a setting. Beyond it a value is legal, and probably a slip."""

    least: float
    most: float
    advice: str = ""
    """What helps where the opposite may have been meant; `{value}` is the number, and `{rest}` what it lacks of 1."""


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
    kind: ClassVar[Kind] = "pointwise"
    """What it is to those who count kernels, layers and memory: a view shares the memory of what it reads."""
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
    calls: ClassVar[frozenset[str]] = frozenset()
    """Names of PyTorch that its code uses, as `nn.Conv2d`, `F.relu`, `torch.cat`: generated files may use no others."""
    paddings: ClassVar[str] = "`valid`, `same`, `tfsame`, `half`, `pad N`"
    """How its padding is written, if it has one; for its page."""
    usual: ClassVar[Mapping[str, Usual]] = {}
    """Fields whose values beyond a range give a warning."""
    helpers: ClassVar[Mapping[str, str]] = {}
    """The text of each class that the generated file must define for it, because PyTorch has none."""
    owns_output: ClassVar[bool] = False
    """Whether its output is its own and its backward pass does not read it: an activation may overwrite it."""
    in_place: ClassVar[bool] = False
    """Whether its function takes `inplace`, and its backward pass needs only its output."""
    is_parameter: ClassVar[bool] = False
    """Whether what it owns is one parameter of the class around it, and no module."""
    cuts: ClassVar[str] = "groups"
    """The field that says into how many parts it cuts the channels; beyond 1, these are decided at compile time."""
    sized_by: ClassVar[tuple[str, ...]] = ()
    """Settings that name another value; these are its last operands, of which it takes the height and width alone."""
    nominal_size: ClassVar[str] = ""
    """The field that, if a step leaves it out, is the height and width that flow in."""

    settings: ClassVar[tuple[str, ...]] = ()
    """The names of its fields."""
    structural: ClassVar[tuple[str, ...]] = ()
    """Those on which shapes or legality depend: all but `runtime_args`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.word and cls.public and cls.is_own():
            REGISTRY[cls.word] = cls

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.settings = tuple(cls.model_fields)
        cls.structural = tuple([name for name in cls.settings if name not in cls.runtime_args])

    @classmethod
    def is_own(cls) -> bool:
        """Whether it is one of the language's; others belong to other packages."""
        return cls.__module__.startswith("incdsl.")

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

    @property
    def targets(self) -> int:
        """How many of its inputs, the last ones, it does not read but write into."""
        return 0

    def refuses_one(self, *inputs: Shape) -> Literal["", "training", "always"]:
        """When PyTorch refuses a batch of one image with one value in each channel, since a norm needs more."""
        return ""

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        """Parameters and buffers, in the order of PyTorch's state_dict."""
        return ()

    def macs(self, inputs: tuple[Sizes, ...], output: Sizes) -> int:
        """Multiply-accumulates at batch 1; convolutions and linear layers count, all else is 0."""
        return 0

    @classmethod
    def resolve_padding(cls, settings: Mapping[str, Any], name: str) -> Any:
        """Its padding in numbers, which the settings give as numbers, as a word, or not at all.

        None leaves it as it is. Raises `PaddingError`; `name` is what the step calls the op.
        """
        return None

    def placed(self) -> tuple[Op, ...]:
        """The ops that a step places for it, one behind the other: what PyTorch's module cannot do stands before it."""
        return (self,)

    @classmethod
    def flattens_points(cls, settings: Mapping[str, Any]) -> bool:
        """Whether, with these settings, an image [C, 1, 1] that flows in is flattened first."""
        return False

    def windows(self) -> tuple[Sweep, Sweep] | None:
        """How height and width are swept; None for ops that have no window."""
        return None

    def reach(self, *inputs: Shape) -> tuple[Reach, Reach]:
        """How much of the height and width that flow in one value sees, and how far apart neighbours look."""
        windows = self.windows()
        return (windows[0].reach, windows[1].reach) if windows else SAME

    def constants(self, *inputs: Shape) -> int:
        """How many numbers its kernel reads beside its operands and tensors."""
        return 0

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        """What it computes in evaluation, from its fields, its tensors and its operands; None where it does not say.

        In the words of PyTorch's documentation and in any floating type, without its shape rule and its lowering: what
        the generated module computes is compared with it.
        """
        return None

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        """What stands for it in a prime field, by which rewritten nets are certified; None where it does not say."""
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


def numbers(shape: Shape) -> str:
    """A shape with its channels as a number, not as the symbol that a class knows them by."""
    return str(shape.with_channels(int(shape.channels)))


def image(word: str, shape: Shape) -> Image:
    """The shape, which must be an image."""
    if isinstance(shape, Image):
        return shape
    raise ShapeError("rank", f"`{word}` needs an image [C, H, W], but {numbers(shape)} flows in")


def vector(word: str, shape: Shape, help: str = "put `gap` or `flatten` before it") -> Vector:
    """The shape, which must be a vector; `help` is for where it is none."""
    if isinstance(shape, Vector):
        return shape
    raise ShapeError("rank", f"`{word}` needs a vector [C], but {numbers(shape)} flows in", help)


def divides(what: str, divisor: int, whole: str, number: int) -> None:
    """Raise unless a number of groups or parts divides a number of channels."""
    if int(number) % int(divisor):
        raise ShapeError("divide", f"{int(divisor)} {what} do not divide {int(number)} {whole}")

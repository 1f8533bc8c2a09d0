"""Pointwise non-linearities, and softmax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, final

from incdsl.ops.base import Op, Sigil, Tensor, divides
from incdsl.ops.code import Call, Lowering, Operand, Setting
from incdsl.ops.fields import Number, Positive
from incdsl.values import Shape


class Activation(Op):
    """What pointwise ops share: the module and the function that PyTorch has for them."""

    function: ClassVar[str] = ""
    in_place: ClassVar[bool] = False
    """Whether the function takes `inplace` and its backward pass needs only its output."""

    def lower(self, *inputs: Shape) -> Lowering:
        settings = self._settings()
        return Lowering(
            Call(self.torch.removeprefix("torch."), settings=settings),
            Call(self.function, (Operand(),), settings),
        )

    def _settings(self) -> tuple[Setting, ...]:
        return ()


@final
class ReLU(Activation):
    """max(x, 0)."""

    word: ClassVar[str] = "relu"
    example: ClassVar[str] = "relu"
    torch: ClassVar[str] = "torch.nn.ReLU"
    function: ClassVar[str] = "F.relu"
    in_place: ClassVar[bool] = True


@final
class ReLU6(Activation):
    """min(max(x, 0), 6)."""

    word: ClassVar[str] = "relu6"
    example: ClassVar[str] = "relu6"
    torch: ClassVar[str] = "torch.nn.ReLU6"
    function: ClassVar[str] = "F.relu6"
    in_place: ClassVar[bool] = True


@final
class LeakyReLU(Activation):
    """x, and below zero `slope` times x."""

    slope: Number = 0.01

    word: ClassVar[str] = "leakyrelu"
    example: ClassVar[str] = "leakyrelu 0.1"
    torch: ClassVar[str] = "torch.nn.LeakyReLU"
    function: ClassVar[str] = "F.leaky_relu"
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "slope"}
    keywords: ClassVar[Mapping[str, str]] = {"slope": "negative_slope"}

    def _settings(self) -> tuple[Setting, ...]:
        return (Setting("negative_slope", self.slope, positional=True, default=0.01),)


@final
class PReLU(Op):
    """x, and below zero a learned slope times x: one slope for each of `slopes` (1, or as many as channels)."""

    slopes: Positive = 1
    init: Number = 0.25

    word: ClassVar[str] = "prelu"
    example: ClassVar[str] = "prelu (slopes: 8)"
    torch: ClassVar[str] = "torch.nn.PReLU"
    keywords: ClassVar[Mapping[str, str]] = {"slopes": "num_parameters"}

    def infer(self, *inputs: Shape) -> Shape:
        if self.slopes != 1:
            divides("slopes", self.slopes, "channels", inputs[0].channels)
            divides("channels", inputs[0].channels, "slopes", self.slopes)
        return inputs[0]

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        return (Tensor("weight", (int(self.slopes),)),)

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("num_parameters", self.slopes, positional=True, default=1),
            Setting("init", self.init, default=0.25),
        )
        return Lowering(Call("nn.PReLU", settings=settings))


@final
class Sigmoid(Activation):
    """1 / (1 + exp(−x))."""

    word: ClassVar[str] = "sigmoid"
    example: ClassVar[str] = "sigmoid"
    torch: ClassVar[str] = "torch.nn.Sigmoid"
    function: ClassVar[str] = "torch.sigmoid"


@final
class SiLU(Activation):
    """x · sigmoid(x), also called swish."""

    word: ClassVar[str] = "silu"
    example: ClassVar[str] = "silu"
    torch: ClassVar[str] = "torch.nn.SiLU"
    function: ClassVar[str] = "F.silu"


@final
class GELU(Activation):
    """x · Φ(x), exact or by the tanh formula."""

    approximate: Literal["none", "tanh"] = "none"

    word: ClassVar[str] = "gelu"
    example: ClassVar[str] = "gelu (approximate: tanh)"
    torch: ClassVar[str] = "torch.nn.GELU"
    function: ClassVar[str] = "F.gelu"

    def _settings(self) -> tuple[Setting, ...]:
        return (Setting("approximate", self.approximate, default="none"),)


@final
class Tanh(Activation):
    """tanh(x)."""

    word: ClassVar[str] = "tanh"
    example: ClassVar[str] = "tanh"
    torch: ClassVar[str] = "torch.nn.Tanh"
    function: ClassVar[str] = "torch.tanh"


@final
class Hardswish(Activation):
    """x · relu6(x + 3) / 6."""

    word: ClassVar[str] = "hardswish"
    example: ClassVar[str] = "hardswish"
    torch: ClassVar[str] = "torch.nn.Hardswish"
    function: ClassVar[str] = "F.hardswish"


@final
class Hardsigmoid(Activation):
    """relu6(x + 3) / 6."""

    word: ClassVar[str] = "hardsigmoid"
    example: ClassVar[str] = "hardsigmoid"
    torch: ClassVar[str] = "torch.nn.Hardsigmoid"
    function: ClassVar[str] = "F.hardsigmoid"


@final
class Softmax(Activation):
    """exp(x) over its sum along the channels."""

    word: ClassVar[str] = "softmax"
    example: ClassVar[str] = "softmax"
    torch: ClassVar[str] = "torch.nn.Softmax"
    function: ClassVar[str] = "torch.softmax"

    def _settings(self) -> tuple[Setting, ...]:
        return (Setting("dim", 1),)

"""Pointwise non-linearities, and softmax."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, final

from incdsl.ops.base import Op, Sigil, Tensor, divides
from incdsl.ops.code import Call, Lowering, Method, Operand, Setting, Value
from incdsl.ops.fields import Number, Positive
from incdsl.ops.meaning import Own, PrimeField, Torch, Values, by_channel
from incdsl.values import Shape


class Activation(Op):
    """What pointwise ops share: the module and the function that PyTorch has for them."""

    function: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.calls = frozenset({cls.torch.removeprefix("torch."), cls.function})

    def lower(self, *inputs: Shape) -> Lowering:
        settings = self._settings()
        return Lowering(
            Call(self.torch.removeprefix("torch."), settings=settings),
            Call(self.function, (Operand(),), settings),
        )

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        """Some fixed map of each residue."""
        return field.fixed(self, inputs[0])

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

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return inputs[0].clamp(min=0)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return field.rectified(inputs[0])


@final
class ReLU6(Activation):
    """min(max(x, 0), 6)."""

    word: ClassVar[str] = "relu6"
    example: ClassVar[str] = "relu6"
    torch: ClassVar[str] = "torch.nn.ReLU6"
    function: ClassVar[str] = "F.relu6"
    in_place: ClassVar[bool] = True

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return inputs[0].clamp(0, 6)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return field.rectified(inputs[0]).clamp(max=field.floor + field.prime // 4)


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

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return torch.nn.functional.leaky_relu(inputs[0], float(self.slope))


@final
class PReLU(Op):
    """x, and below zero a learned slope times x: one slope for each of `slopes` (1, or as many as channels)."""

    slopes: Positive = 1
    init: Number = 0.25

    word: ClassVar[str] = "prelu"
    example: ClassVar[str] = "prelu (slopes: 8)"
    torch: ClassVar[str] = "torch.nn.PReLU"
    calls: ClassVar[frozenset[str]] = frozenset({"nn.PReLU"})
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

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        x = inputs[0]
        return torch.where(x > 0, x, x * by_channel(own["weight"], x))

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        x = inputs[0]
        return field.torch.where(x < field.floor, field.reduced(x * by_channel(own["weight"], x)), x)


@final
class Sigmoid(Activation):
    """1 / (1 + exp(−x))."""

    word: ClassVar[str] = "sigmoid"
    example: ClassVar[str] = "sigmoid"
    torch: ClassVar[str] = "torch.nn.Sigmoid"
    function: ClassVar[str] = "torch.sigmoid"

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return 1 / (1 + (-inputs[0]).exp())

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        """Some fixed map to what ReLU leaves alone."""
        return field.rectified(field.fixed(self, inputs[0]))


@final
class SiLU(Activation):
    """x · sigmoid(x), also called swish."""

    word: ClassVar[str] = "silu"
    example: ClassVar[str] = "silu"
    torch: ClassVar[str] = "torch.nn.SiLU"
    function: ClassVar[str] = "F.silu"

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return inputs[0] / (1 + (-inputs[0]).exp())


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

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return torch.nn.functional.gelu(inputs[0], approximate=self.approximate)


@final
class Tanh(Activation):
    """tanh(x)."""

    word: ClassVar[str] = "tanh"
    example: ClassVar[str] = "tanh"
    torch: ClassVar[str] = "torch.nn.Tanh"
    function: ClassVar[str] = "torch.tanh"

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return torch.nn.functional.tanh(inputs[0])


@final
class Hardswish(Activation):
    """x · relu6(x + 3) / 6."""

    word: ClassVar[str] = "hardswish"
    example: ClassVar[str] = "hardswish"
    torch: ClassVar[str] = "torch.nn.Hardswish"
    function: ClassVar[str] = "F.hardswish"

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return inputs[0] * (inputs[0] + 3).clamp(0, 6) / 6


@final
class Hardsigmoid(Activation):
    """relu6(x + 3) / 6."""

    word: ClassVar[str] = "hardsigmoid"
    example: ClassVar[str] = "hardsigmoid"
    torch: ClassVar[str] = "torch.nn.Hardsigmoid"
    function: ClassVar[str] = "F.hardsigmoid"

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return (inputs[0] + 3).clamp(0, 6) / 6

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        """Some fixed map to what ReLU leaves alone."""
        return field.rectified(field.fixed(self, inputs[0]))


@final
class Softmax(Activation):
    """exp(x) over its sum along the channels.

    With `across: n` the channels are n groups of the same size, one after the other, and the sum runs across the
    groups, at each of their channels by itself: the weights of n paths, as in SKNet and ResNeSt.
    """

    across: Positive | None = None

    word: ClassVar[str] = "softmax"
    example: ClassVar[str] = "softmax"
    torch: ClassVar[str] = "torch.nn.Softmax"
    function: ClassVar[str] = "torch.softmax"
    cuts: ClassVar[str] = "across"

    def infer(self, *inputs: Shape) -> Shape:
        if self.across is not None:
            divides("groups", self.across, "channels", inputs[0].channels)
        return inputs[0]

    def lower(self, *inputs: Shape) -> Lowering:
        if self.across is None:
            return super().lower(*inputs)
        groups = Method(Operand(), "unflatten", (Value(1), Value((self.across, -1))))
        return Lowering(None, Method(Call(self.function, (groups,), self._settings()), "flatten", (Value(1), Value(2))))

    def _settings(self) -> tuple[Setting, ...]:
        return (Setting("dim", 1),)

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        """Group i of n has the channels from `i·C / n` on."""
        x = inputs[0]
        if self.across is None:
            return torch.nn.functional.softmax(x, dim=1)
        powers = [part.exp() for part in x.chunk(int(self.across), 1)]
        return torch.cat([power / sum(powers) for power in powers], 1)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        torch, groups = field.torch, int(self.across or inputs[0].shape[1])
        return field.across(inputs[0], lambda x: torch.softmax(x.unflatten(1, (groups, -1)), 1).flatten(1, 2))

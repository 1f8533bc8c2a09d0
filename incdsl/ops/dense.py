"""Vectors, and ops that change nothing or little."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any, ClassVar, final

from incdsl.ops.base import Demand, Kind, Op, Sigil, Sizes, Tensor, Usual, image, vector
from incdsl.ops.code import CHANNELS_LAST, SELF, Call, Infix, Lowering, Method, Operand, Setting, Value
from incdsl.ops.fields import Flag, Fraction, Number, Positive, Sizes as PairOfSizes
from incdsl.ops.meaning import Own, PrimeField, Torch, Values, by_channel
from incdsl.ops.sweep import EVERYTHING, Reach
from incdsl.values import Pair, Shape, Vector


@final
class Linear(Op):
    """A fully connected layer of `width` outputs; [C, 1, 1] is flattened first.

    With `pointwise: true` the same layer at every position of an image [C, H, W], as ConvNeXt has `pwconv1`: a 1x1
    convolution with the weights of `nn.Linear`.
    """

    width: Positive
    bias: Flag = True
    pointwise: Flag = False

    word: ClassVar[str] = "linear"
    kind: ClassVar[Kind] = "linear"
    example: ClassVar[str] = "linear @10"
    example_rank: ClassVar[int] = 1
    torch: ClassVar[str] = "torch.nn.Linear"
    sigils: ClassVar[Mapping[Sigil, str]] = {"width": "width"}
    keywords: ClassVar[Mapping[str, str]] = {"width": "out_features"}
    runtime_args: ClassVar[frozenset[str]] = frozenset({"width"})
    calls: ClassVar[frozenset[str]] = frozenset({"nn.Linear"})
    owns_output: ClassVar[bool] = True

    @classmethod
    def flattens_points(cls, settings: Mapping[str, Any]) -> bool:
        return not settings.get("pointwise", False)

    def infer(self, *inputs: Shape) -> Shape:
        if self.pointwise:
            return image("linear (pointwise: true)", inputs[0]).with_channels(self.width)
        help = "put `gap` or `flatten` before it, or write `(pointwise: true)` for the same layer at every position"
        return vector(self.word, inputs[0], help).with_channels(self.width)

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        weight = Tensor("weight", (int(self.width), int(inputs[0].channels)))
        return (weight, Tensor("bias", (int(self.width),))) if self.bias else (weight,)

    def macs(self, inputs: tuple[Sizes, ...], output: Sizes) -> int:
        return inputs[0][0] * prod(output)

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("in_features", inputs[0].channels, positional=True),
            Setting("out_features", self.width, positional=True),
            Setting("bias", self.bias, default=True),
        )
        return Lowering(Call("nn.Linear", settings=settings), forward=CHANNELS_LAST if self.pointwise else SELF)

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        bias = own["bias"] if self.bias else None
        return torch.nn.functional.linear(inputs[0].movedim(1, -1), own["weight"], bias).movedim(-1, 1)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        weight = own["weight"]
        y = field.bilinear(lambda x, w: (x.movedim(1, -1) @ w.T).movedim(-1, 1), inputs[0], weight, weight.shape[1])
        return field.reduced(y + by_channel(own["bias"], y)) if "bias" in own else y


@final
class Flatten(Op):
    """[C, H, W] as a vector; the input must be of its nominal size from here on, unless H = W = 1."""

    size: PairOfSizes = Pair(1, 1)

    word: ClassVar[str] = "flatten"
    kind: ClassVar[Kind] = "view"
    example: ClassVar[str] = "flatten"
    torch: ClassVar[str] = "torch.nn.Flatten"
    calls: ClassVar[frozenset[str]] = frozenset({"nn.Flatten"})
    nominal_size: ClassVar[str] = "size"

    def infer(self, *inputs: Shape) -> Shape:
        return Vector(image(self.word, inputs[0]).channels * int(self.size[0]) * int(self.size[1]))

    def demands(self, *inputs: Shape) -> Iterable[Demand]:
        x = image(self.word, inputs[0])
        yield Demand("height", x.height, int(self.size[0]), "`flatten` fixes the size", exact=True)
        yield Demand("width", x.width, int(self.size[1]), "`flatten` fixes the size", exact=True)

    def lower(self, *inputs: Shape) -> Lowering:
        return Lowering(Call("nn.Flatten"), Method(Operand(), "flatten", (Value(1),)))

    def reach(self, *inputs: Shape) -> tuple[Reach, Reach]:
        return EVERYTHING

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return inputs[0].reshape(len(inputs[0]), -1)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return inputs[0].flatten(1)


@final
class Dropout(Op):
    """In training, values set to zero with probability `p` and the rest scaled up."""

    p: Fraction

    word: ClassVar[str] = "dropout"
    kind: ClassVar[Kind] = "view"
    example: ClassVar[str] = "dropout 0.5"
    torch: ClassVar[str] = "torch.nn.Dropout"
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "p"}
    runtime_args: ClassVar[frozenset[str]] = frozenset({"p"})
    usual: ClassVar[Mapping[str, Usual]] = {
        "p": Usual(0, 0.8, "it is the share that is dropped; to keep {value}, write {rest}"),
    }
    calls: ClassVar[frozenset[str]] = frozenset({"nn.Dropout"})

    def lower(self, *inputs: Shape) -> Lowering:
        return Lowering(Call("nn.Dropout", settings=(Setting("p", self.p, positional=True),)))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return torch.nn.functional.dropout(inputs[0], float(self.p), training=False)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return inputs[0]


@final
class Identity(Op):
    """What flows in."""

    word: ClassVar[str] = "identity"
    kind: ClassVar[Kind] = "view"
    example: ClassVar[str] = "identity"
    torch: ClassVar[str] = "torch.nn.Identity"
    calls: ClassVar[frozenset[str]] = frozenset({"nn.Identity"})

    def lower(self, *inputs: Shape) -> Lowering:
        return Lowering(Call("nn.Identity"), Operand())

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return inputs[0]

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return inputs[0]


@final
class Scale(Op):
    """Everything times a constant, such as the scale of a residual."""

    factor: Number

    word: ClassVar[str] = "scale"
    example: ClassVar[str] = "scale 0.17"
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "factor"}
    runtime_args: ClassVar[frozenset[str]] = frozenset({"factor"})
    owns_output: ClassVar[bool] = True

    def lower(self, *inputs: Shape) -> Lowering:
        return Lowering(None, Infix("*", (Operand(), Value(self.factor))))

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return inputs[0] * float(self.factor)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return field.reduced(inputs[0] * field.number(float(self.factor)))

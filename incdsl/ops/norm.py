"""Normalizations and per-channel scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

from incdsl.ops.base import Op, ShapeError, Sigil, Tensor, divides, image
from incdsl.ops.code import SELF, Call, Code, Lowering, Method, Operand, Setting, Value
from incdsl.ops.fields import Fraction, Number, Numbers, Positive, PositiveNumber
from incdsl.values import Image, Shape


@final
class BatchNorm2d(Op):
    """Each channel normalized over the batch in training, by running statistics in evaluation."""

    eps: PositiveNumber = 1e-5
    momentum: Fraction = 0.1

    word: ClassVar[str] = "batchnorm"
    example: ClassVar[str] = "batchnorm (eps: 1e-3)"
    torch: ClassVar[str] = "torch.nn.BatchNorm2d"
    owns_output: ClassVar[bool] = True

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        channels = (int(inputs[0].channels),)
        return (
            Tensor("weight", channels),
            Tensor("bias", channels),
            Tensor("running_mean", channels, trainable=False),
            Tensor("running_var", channels, trainable=False),
            Tensor("num_batches_tracked", (), trainable=False),
        )

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("num_features", inputs[0].channels, positional=True),
            Setting("eps", self.eps, default=1e-5),
            Setting("momentum", self.momentum, default=0.1),
        )
        callee = "nn.BatchNorm2d" if isinstance(inputs[0], Image) else "nn.BatchNorm1d"
        return Lowering(Call(callee, settings=settings))


@final
class LayerNorm(Op):
    """Channels normalized at every position, as ConvNeXt does; a vector as `nn.LayerNorm` does."""

    eps: PositiveNumber = 1e-5

    word: ClassVar[str] = "layernorm"
    example: ClassVar[str] = "layernorm (eps: 1e-6)"
    torch: ClassVar[str] = "torch.nn.LayerNorm"

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        channels = (int(inputs[0].channels),)
        return Tensor("weight", channels), Tensor("bias", channels)

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("normalized_shape", inputs[0].channels, positional=True),
            Setting("eps", self.eps, default=1e-5),
        )
        forward: Code = SELF
        if isinstance(inputs[0], Image):
            last = Method(Operand(), "permute", (Value(0), Value(2), Value(3), Value(1)))
            forward = Method(Call(None, (last,)), "permute", (Value(0), Value(3), Value(1), Value(2)))
        return Lowering(Call("nn.LayerNorm", settings=settings), forward=forward)


@final
class GroupNorm(Op):
    """Groups of channels normalized together, for each image by itself."""

    groups: Positive
    eps: PositiveNumber = 1e-5

    word: ClassVar[str] = "groupnorm"
    example: ClassVar[str] = "groupnorm 4"
    torch: ClassVar[str] = "torch.nn.GroupNorm"
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "groups"}
    keywords: ClassVar[Mapping[str, str]] = {"groups": "num_groups"}

    def infer(self, *inputs: Shape) -> Shape:
        divides("groups", self.groups, "channels", inputs[0].channels)
        return inputs[0]

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        channels = (int(inputs[0].channels),)
        return Tensor("weight", channels), Tensor("bias", channels)

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("num_groups", self.groups, positional=True),
            Setting("num_channels", inputs[0].channels, positional=True),
            Setting("eps", self.eps, default=1e-5),
        )
        return Lowering(Call("nn.GroupNorm", settings=settings))


@final
class LayerScale(Op):
    """Each channel times a learned number that starts at `init` (CaiT, arXiv:2103.17239)."""

    init: Number = 1e-6

    word: ClassVar[str] = "layerscale"
    example: ClassVar[str] = "layerscale 1e-6"
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "init"}

    def infer(self, *inputs: Shape) -> Shape:
        return image(self.word, inputs[0])

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        return (Tensor("gamma", (int(inputs[0].channels),)),)

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (Setting("channels", inputs[0].channels, positional=True), Setting("init", self.init))
        return Lowering(Call("LayerScale", settings=settings), helper="LayerScale")


@final
class LocalResponseNorm(Op):
    """Each value divided by a sum over `size` neighbouring channels (AlexNet, GoogLeNet)."""

    size: Positive
    alpha: Number = 1e-4
    beta: Number = 0.75
    k: Number = 1.0

    word: ClassVar[str] = "lrn"
    example: ClassVar[str] = "lrn 5 (alpha: 1e-4, beta: 0.75)"
    torch: ClassVar[str] = "torch.nn.LocalResponseNorm"
    sigils: ClassVar[Mapping[Sigil, str]] = {"number": "size"}

    def infer(self, *inputs: Shape) -> Shape:
        return image(self.word, inputs[0])

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("size", self.size, positional=True),
            Setting("alpha", self.alpha, default=1e-4),
            Setting("beta", self.beta, default=0.75),
            Setting("k", self.k, default=1.0),
        )
        return Lowering(
            Call("nn.LocalResponseNorm", settings=settings), Call("F.local_response_norm", (Operand(),), settings)
        )


@final
class Normalize(Op):
    """Each channel of the input times its own constant, plus its own constant."""

    scale: Numbers
    shift: Numbers

    word: ClassVar[str] = "normalize"
    example: ClassVar[str] = "normalize (scale: [1, 2, 3, 4, 5, 6, 7, 8], shift: [0, 0.5, 0, 0.5, 0, 0.5, 0, 0.5])"

    def infer(self, *inputs: Shape) -> Shape:
        x = image(self.word, inputs[0])
        for what, values in (("scale", self.scale), ("shift", self.shift)):
            if len(values) != x.channels:
                raise ShapeError("channels", f"`{what}` has {len(values)} numbers for {int(x.channels)} channels")
        return x

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (Setting("scale", self.scale, positional=True), Setting("shift", self.shift, positional=True))
        return Lowering(Call("Normalize", settings=settings), helper="Normalize")

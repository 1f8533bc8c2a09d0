"""Ops that only rewrites make: no spec can name them."""

from __future__ import annotations

from typing import ClassVar, final

from incdsl.ops.base import Op, Tensor, image
from incdsl.ops.code import Call, Lowering, Setting
from incdsl.ops.fields import Flag, Positive
from incdsl.ops.window import Conv2d
from incdsl.values import Shape


@final
class ChannelBias(Op):
    """A number of its own added to each channel: the bias of a convolution that something linear now follows."""

    word: ClassVar[str] = "channelbias"
    public: ClassVar[bool] = False
    owns_output: ClassVar[bool] = True

    def infer(self, *inputs: Shape) -> Shape:
        return image(self.word, inputs[0])

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        return (Tensor("bias", (int(inputs[0].channels),)),)

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (Setting("channels", inputs[0].channels, positional=True),)
        return Lowering(Call("ChannelBias", settings=settings), helper="ChannelBias")


@final
class ActivationFloor(Op):
    """max(x, lo) with lo = 0 for the first `active` channels and −∞ for the others: ReLU for some of them."""

    active: Positive

    word: ClassVar[str] = "activationfloor"
    public: ClassVar[bool] = False

    def infer(self, *inputs: Shape) -> Shape:
        return image(self.word, inputs[0])

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("active", self.active, positional=True),
            Setting("channels", inputs[0].channels, positional=True),
        )
        return Lowering(Call("ActivationFloor", settings=settings), helper="ActivationFloor")


@final
class PackedConv2d(Conv2d):
    """A convolution, and the ReLU behind it, as one call of oneDNN on the CPU with weights in its own order."""

    relu: Flag = False

    word: ClassVar[str] = "packedconv2d"
    public: ClassVar[bool] = False

    @property
    def display_name(self) -> str:
        return "conv2d -> relu, packed" if self.relu else "conv2d, packed"

    def lower(self, *inputs: Shape) -> Lowering:
        call = super().lower(*inputs).module
        assert call is not None
        settings = (*call.settings, Setting("relu", self.relu, default=False))
        return Lowering(Call("PackedConv2d", settings=settings), helper="PackedConv2d")

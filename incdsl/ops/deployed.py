"""Ops that only rewrites make: no spec can name them."""

from __future__ import annotations

from typing import ClassVar, final

from incdsl.ops.base import Op, Tensor, image
from incdsl.ops.code import Call, Lowering, Setting
from incdsl.ops.fields import Positive
from incdsl.types import Shape


@final
class ChannelBias(Op):
    """A number of its own added to each channel: the bias of a convolution that something linear now follows."""

    word: ClassVar[str] = "channelbias"
    public: ClassVar[bool] = False
    fresh: ClassVar[bool] = True

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

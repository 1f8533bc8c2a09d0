"""Ops that only rewrites make, for any device: no spec can name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

from incdsl.ops.base import Op, Tensor, image
from incdsl.ops.code import Call, Lowering, Setting
from incdsl.ops.fields import Positive
from incdsl.ops.meaning import Own, PrimeField, Torch, Values, by_channel
from incdsl.values import Shape


@final
class ChannelBias(Op):
    """A number of its own added to each channel: the bias of a convolution that something linear now follows."""

    word: ClassVar[str] = "channelbias"
    public: ClassVar[bool] = False
    calls: ClassVar[frozenset[str]] = frozenset({"nn.Parameter", "torch.zeros"})
    helpers: ClassVar[Mapping[str, str]] = {
        "ChannelBias": '''class ChannelBias(nn.Module):
    """A number of its own added to each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias.view(-1, 1, 1)'''
    }
    owns_output: ClassVar[bool] = True

    def infer(self, *inputs: Shape) -> Shape:
        return image(self.word, inputs[0])

    def tensors(self, *inputs: Shape) -> tuple[Tensor, ...]:
        return (Tensor("bias", (int(inputs[0].channels),)),)

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (Setting("channels", inputs[0].channels, positional=True),)
        return Lowering(Call("ChannelBias", settings=settings), helper="ChannelBias")

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        return inputs[0] + by_channel(own["bias"], inputs[0])

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        return field.reduced(inputs[0] + by_channel(own["bias"], inputs[0]))


@final
class ActivationFloor(Op):
    """max(x, lo) with lo = 0 for the first `active` channels and −∞ for the others: ReLU for some of them."""

    active: Positive

    word: ClassVar[str] = "activationfloor"
    public: ClassVar[bool] = False
    calls: ClassVar[frozenset[str]] = frozenset({"torch.full", "torch.inf", "torch.maximum"})
    helpers: ClassVar[Mapping[str, str]] = {
        "ActivationFloor": '''class ActivationFloor(nn.Module):
    """ReLU for the first `active` channels; the others pass."""

    def __init__(self, active: int, channels: int) -> None:
        super().__init__()
        floor = torch.full((channels, 1, 1), -torch.inf)
        floor[:active] = 0.0
        self.register_buffer("floor", floor, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(x, self.floor)'''
    }

    def infer(self, *inputs: Shape) -> Shape:
        return image(self.word, inputs[0])

    def lower(self, *inputs: Shape) -> Lowering:
        settings = (
            Setting("active", self.active, positional=True),
            Setting("channels", inputs[0].channels, positional=True),
        )
        return Lowering(Call("ActivationFloor", settings=settings), helper="ActivationFloor")

    def constants(self, *inputs: Shape) -> int:
        return int(inputs[0].channels)

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        active = int(self.active)
        return torch.cat((inputs[0][:, :active].clamp(min=0), inputs[0][:, active:]), 1)

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        active = int(self.active)
        return field.torch.cat((field.rectified(inputs[0][:, :active]), inputs[0][:, active:]), 1)

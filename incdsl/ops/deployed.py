"""Ops that only rewrites make: no spec can name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

from incdsl.ops.base import Op, Tensor, image
from incdsl.ops.code import Call, Lowering, Setting
from incdsl.ops.fields import Flag, Positive
from incdsl.ops.meaning import Own, PrimeField, Torch, Values, by_channel
from incdsl.ops.window import Conv2d
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


@final
class PackedConv2d(Conv2d):
    """A convolution, and the ReLU behind it, as one call of oneDNN on the CPU with weights in its own order."""

    relu: Flag = False

    word: ClassVar[str] = "packedconv2d"
    public: ClassVar[bool] = False
    calls: ClassVar[frozenset[str]] = frozenset({
        "nn.Conv2d", "F.relu", "torch.backends", "torch.bfloat16", "torch.compiler", "torch.float32",
        "torch.is_grad_enabled", "torch.jit", "torch.ops",
    })  # fmt: skip
    helpers: ClassVar[Mapping[str, str]] = {
        "PackedConv2d": '''class PackedConv2d(nn.Conv2d):
    """A convolution, and the ReLU behind it, as one call of oneDNN on the CPU with weights in its own order.

    Without gradients only; under torch.compile, on other devices and in other types it is what PyTorch makes of it.
    """

    def __init__(
        self, *args: int | tuple[int, int], relu: bool = False, **kwargs: int | tuple[int, int]
    ) -> None:
        super().__init__(*args, **kwargs)
        self.relu = relu
        self.packed, self.source = None, None

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled() or not self.is_native(x) or self.weight.is_inference():
            y = super().forward(x)
            return F.relu(y, inplace=True) if self.relu else y
        weight, where = self.weight, (self.padding, self.stride, self.dilation, self.groups)
        source = (weight.data_ptr(), weight.dtype, weight._version)
        if self.source != source:
            packed = torch.ops.mkldnn._reorder_convolution_weight(weight, *where, x.shape)
            self.packed, self.source = packed, source
        after = "relu" if self.relu else "none"
        return torch.ops.mkldnn._convolution_pointwise(x, self.packed, self.bias, *where, after, [], "")

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "packed": None, "source": None}

    def is_native(self, x: Tensor) -> bool:
        if torch.compiler.is_compiling() or torch.jit.is_tracing() or not x.is_cpu:
            return False
        if x.dtype == torch.bfloat16:
            return torch.ops.mkldnn._is_mkldnn_bf16_supported()
        return x.dtype == torch.float32 and torch.backends.mkldnn.is_available()'''
    }

    @property
    def display_name(self) -> str:
        return "conv2d -> relu, packed" if self.relu else "conv2d, packed"

    def lower(self, *inputs: Shape) -> Lowering:
        call = super().lower(*inputs).module
        assert call is not None
        settings = (*call.settings, Setting("relu", self.relu, default=False))
        return Lowering(Call("PackedConv2d", settings=settings), helper="PackedConv2d")

    def interpret(self, torch: Torch, own: Own, *inputs: Values) -> Values | None:
        y = super().interpret(torch, own, *inputs)
        return torch.relu(y) if self.relu else y

    def on_residues(self, field: PrimeField, own: Own, *inputs: Values) -> Values | None:
        y = super().on_residues(field, own, *inputs)
        return field.rectified(y) if self.relu else y

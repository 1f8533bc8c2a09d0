"""Modules that PyTorch lacks; a generated file defines those that it uses."""

from __future__ import annotations

HELPERS = {
    "ActivationFloor": '''class ActivationFloor(nn.Module):
    """ReLU for the first `active` channels; the others pass."""

    def __init__(self, active: int, channels: int) -> None:
        super().__init__()
        floor = torch.full((channels, 1, 1), -torch.inf)
        floor[:active] = 0.0
        self.register_buffer("floor", floor, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(x, self.floor)''',
    "ChannelBias": '''class ChannelBias(nn.Module):
    """A number of its own added to each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias.view(-1, 1, 1)''',
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
        return x.dtype == torch.float32 and torch.backends.mkldnn.is_available()''',
    "LayerScale": '''class LayerScale(nn.Module):
    """Each channel times a learned number."""

    def __init__(self, channels: int, init: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((channels,), init))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma.view(-1, 1, 1)''',
    "Normalize": '''class Normalize(nn.Module):
    """Each channel times its own constant, plus its own constant."""

    def __init__(self, scale: tuple[float, ...], shift: tuple[float, ...]) -> None:
        super().__init__()
        self.scale = scale
        self.shift = shift

    def forward(self, x: Tensor) -> Tensor:
        channels = [x[:, i : i + 1] * a + b for i, (a, b) in enumerate(zip(self.scale, self.shift, strict=True))]
        return torch.cat(channels, dim=1)''',
}

"""Modules that PyTorch lacks; a generated file defines those that it uses."""

from __future__ import annotations

HELPERS = {
    "ActivationFloor": '''class ActivationFloor(nn.Module):
    """ReLU for the first `active` channels; the others pass."""

    def __init__(self, active, channels):
        super().__init__()
        floor = torch.full((channels, 1, 1), -torch.inf)
        floor[:active] = 0.0
        self.register_buffer("floor", floor, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(x, self.floor)''',
    "ChannelBias": '''class ChannelBias(nn.Module):
    """A number of its own added to each channel."""

    def __init__(self, channels):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias.view(-1, 1, 1)''',
    "LayerScale": '''class LayerScale(nn.Module):
    """Each channel times a learned number."""

    def __init__(self, channels, init):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((channels,), init))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gamma.view(-1, 1, 1)''',
    "Normalize": '''class Normalize(nn.Module):
    """Each channel times its own constant, plus its own constant."""

    def __init__(self, scale, shift):
        super().__init__()
        self.scale = scale
        self.shift = shift

    def forward(self, x: Tensor) -> Tensor:
        channels = [x[:, i : i + 1] * a + b for i, (a, b) in enumerate(zip(self.scale, self.shift, strict=True))]
        return torch.cat(channels, dim=1)''',
}

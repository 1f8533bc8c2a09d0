"""Modules that PyTorch lacks; a generated file defines those that it uses."""

from __future__ import annotations

HELPERS = {
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

"""Tensors inside memory that is watched: what is read around them spoils the result, what is written is noticed."""

from dataclasses import dataclass

import torch
from torch import Tensor

MARGIN = 64
"""Cells before and behind a tensor."""


@dataclass(frozen=True)
class Framed:
    """A view into memory, all of which holds one number elsewhere."""

    memory: Tensor
    view: Tensor
    fill: float

    def frame(self) -> Tensor:
        """What the memory holds around the view."""
        around = torch.ones_like(self.memory, dtype=torch.bool)
        around.as_strided(self.view.shape, self.view.stride(), self.view.storage_offset()).fill_(False)
        return self.memory[around]

    def is_intact(self) -> bool:
        """Whether nothing was written around the view."""
        return bool((self.frame() == self.fill).all())


def channel_range(values: Tensor, before: int, after: int, fill: float = torch.nan) -> Framed:
    """Values as a range of more channels, in channels_last memory."""
    batch, channels, height, width = values.shape
    pixel = before + channels + after
    memory = values.new_full((batch * height * width * pixel + 2 * MARGIN,), fill)
    strides = (height * width * pixel, 1, width * pixel, pixel)
    view = memory.as_strided(values.shape, strides, MARGIN + before)
    return Framed(memory, view.copy_(values), fill)


def alone(values: Tensor) -> Tensor:
    """Values with a margin of NaN: filters in channels_last memory, or a bias."""
    if values.dim() == 4:
        return channel_range(values, 0, 0).view
    memory = values.new_full((len(values) + 2 * MARGIN,), torch.nan)
    return memory[MARGIN:-MARGIN].copy_(values)

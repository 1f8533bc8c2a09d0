"""What contenders are built from and judged by: a net, a type of numbers, a batch, and what float64 says of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.gpu.device import Device
from benchmarks.gpu.images import images
from benchmarks.gpu.prepared import PreparedNet

TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
LIMITS = {"fp32": 1e-4, "fp16": 1e-2, "bf16": 5e-2}
"""Distances from float64 above which a result is wrong."""
INPUTS = 3
JUDGED = 8
"""Images, at most, that are compared with float64."""


class Case:
    """A net with a batch of images; `dtype` is one of `TYPES`."""

    def __init__(self, net: PreparedNet, dtype: str, batch: int, device: Device) -> None:
        self.net, self.dtype, self.batch, self.device = net, dtype, batch, device
        self._made: dict[object, Any] = {}

    @property
    def images(self) -> list[Tensor]:
        """Inputs to take in turn, [batch, C, H, W] in float32 on the device."""
        return _images(self.net.image, self.batch, self.device.name)

    @property
    def truths(self) -> list[Tensor]:
        """What the training module says in float64 of the first images of two inputs."""
        return _truths(self.net, self.batch, self.device.name)

    def module(self, form: str, dtype: str, *, channels_last: bool) -> nn.Module:
        """A form of the net on the device, a copy of its own."""
        layout = torch.channels_last if channels_last else torch.contiguous_format
        return self.net.module(form).to(self.device.name, TYPES[dtype], memory_format=layout)

    def once(self, key: object, make: Callable[[], Any]) -> Any:
        """What was made under this key, or is made now: for what is costly and shared by contenders of the case."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]


@lru_cache(maxsize=8)
def _images(shape: tuple[int, int, int], batch: int, device: str) -> list[Tensor]:
    return [images(shape, batch, seed).to(device) for seed in range(1, INPUTS + 1)]


@lru_cache(maxsize=8)
def _truths(net: PreparedNet, batch: int, device: str) -> list[Tensor]:
    module = net.module("training").double().to(device)
    with torch.no_grad():
        return [module(image[:JUDGED].double()) for image in _images(net.image, batch, device)[:2]]

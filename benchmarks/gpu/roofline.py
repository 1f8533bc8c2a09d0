"""How fast the device is at best: a large copy, and a large product of matrices."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

import torch

from benchmarks.gpu.case import TYPES
from benchmarks.gpu.device import Device

RUNS = 10


@dataclass(frozen=True, slots=True)
class Roofline:
    """Bytes a second that a copy reads and writes together, and FLOPs a second of a product of matrices."""

    bytes: float
    flops: float

    def seconds(self, bytes: float, flops: float) -> float:
        """What so much work takes at least."""
        return max(bytes / self.bytes, flops / self.flops)


def roofline(device: Device, dtype: str) -> Roofline:
    """Measure both: 1 GiB copied and 8192³ multiplied on a GPU, 32 MiB and 512³ on a CPU; medians."""
    volume, side = (1 << 30, 8192) if device.is_cuda else (1 << 25, 512)
    source = torch.ones(volume, dtype=torch.uint8, device=device.name)
    target = torch.empty_like(source)
    squares = [torch.randn(side, side, device=device.name).to(TYPES[dtype]) for _ in range(3)]
    copied = [device.seconds(target.copy_, [source], 2) for _ in range(RUNS)]
    multiplied = [device.seconds(squares[0].matmul, squares[1:], 2) for _ in range(RUNS)]
    return Roofline(2 * volume / statistics.median(copied), 2 * side**3 / statistics.median(multiplied))

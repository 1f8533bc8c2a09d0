"""Random convolutions and pools compared with float64: what every kernel is held to, and every broken one fails."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import torch
from torch import Tensor
from torch.nn import functional as F

from tests.kernels.framed import Framed, alone, channel_range

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5, torch.float16: 2e-3, torch.bfloat16: 1.6e-2}
"""Of numbers about as large as 1. Half precision rounds a result once; Triton's interpreter cuts bfloat16 off."""
SENTINEL = 77.0
KERNELS = [(1, 1), (1, 1), (3, 3), (1, 7), (7, 1), (1, 3), (3, 1), (5, 5), (2, 3)]


@dataclass(frozen=True)
class Case:
    """An image, a window, what follows it, and where it is read from and written to."""

    seed: int
    batch: int
    in_channels: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    parts: tuple[int, ...]
    active: int
    with_bias: bool
    with_added: bool
    count_include_pad: bool
    around: tuple[int, int]
    """Channels of other values before and behind each tensor."""
    splits: int
    """Programs that share a tile."""

    @property
    def channels(self) -> int:
        return sum(self.parts)


def draw(seed: int, parts: int = 1) -> Case:
    """A case that PyTorch accepts."""
    choices = random.Random(seed)
    kernel = choices.choice(KERNELS)
    padding = tuple(choices.choice((0, k // 2)) for k in kernel)
    size = tuple(choices.randint(max(1, k - 2 * p), k + 5) for k, p in zip(kernel, padding, strict=True))
    widths = tuple(choices.choice((1, 3, 8, 16, 21)) for _ in range(parts))
    return Case(
        seed=seed,
        batch=choices.randint(1, 3),
        in_channels=choices.choice((1, 3, 8, 16, 19, 33)),
        size=size,
        kernel=kernel,
        stride=(choices.randint(1, 2), choices.randint(1, 2)),
        padding=padding,
        parts=widths,
        active=choices.choice((0, sum(widths), choices.randint(0, sum(widths)))),
        with_bias=choices.random() < 0.7,
        with_added=choices.random() < 0.4,
        count_include_pad=choices.random() < 0.5,
        around=choices.choice(((0, 0), (8, 16), (5, 2))),
        splits=choices.choice((1, 1, 2, 3, 5)),
    )


class Mismatch(AssertionError):
    """A kernel computes something else, or writes where it must not."""


def check_convolution(kernels: ModuleType, case: Case, dtype: torch.dtype, device: str = "cpu", config=None) -> None:
    """Compare a convolution, all its parts and what is around them, with float64.

    Raises:
        Mismatch: if they differ.
    """
    noise = _noise(case.seed, dtype, device)
    x = noise(case.batch, case.in_channels, *case.size)
    weight = noise(case.channels, case.in_channels, *case.kernel) / (case.in_channels * 3) ** 0.5
    bias = noise(case.channels) if case.with_bias else None
    sums = F.conv2d(x.double(), weight.double(), None, case.stride, case.padding)
    added = noise(*sums.shape) if case.with_added and len(case.parts) == 1 else None
    expected = _finished(sums, bias, added, case.active)

    outs = [_target(piece, dtype, case) for piece in sums.split(case.parts, 1)]
    read = channel_range(x, *case.around).view, alone(weight), None if bias is None else alone(bias)
    beside = None if added is None else channel_range(added, *case.around).view
    how = {"stride": case.stride, "padding": case.padding, "active": case.active}
    how["config"] = config or ((32, 32, 16, 4, 2, case.splits) if case.splits > 1 else None)
    if len(outs) == 1:
        kernels.convolve(*read, **how, added=beside, out=outs[0].view)
    else:
        kernels.convolve_split(*read, case.parts, [out.view for out in outs], **how)
    _compare(outs, expected, case)


def check_average(kernels: ModuleType, case: Case, dtype: torch.dtype, device: str = "cpu", config=None) -> None:
    """Compare an average pool, and what is around it, with float64.

    Raises:
        Mismatch: if they differ.
    """
    noise = _noise(case.seed, dtype, device)
    x = noise(case.batch, case.channels, *case.size)
    bias = noise(case.channels) if case.with_bias else None
    how = {"stride": case.stride, "padding": case.padding, "count_include_pad": case.count_include_pad}
    means = F.avg_pool2d(x.double(), case.kernel, **how)
    out = _target(means, dtype, case)
    read = channel_range(x, *case.around).view, case.kernel, None if bias is None else alone(bias)
    kernels.average_pool(*read, **how, active=case.active, out=out.view, config=config)
    _compare([out], _finished(means, bias, None, case.active), case)


def check_maximum(kernels: ModuleType, case: Case, dtype: torch.dtype, device: str = "cpu", config=None) -> None:
    """Compare a max pool, and what is around it, with float64.

    Raises:
        Mismatch: if they differ.
    """
    x = _noise(case.seed, dtype, device)(case.batch, case.channels, *case.size)
    expected = F.max_pool2d(x.double(), case.kernel, case.stride, case.padding)
    out = _target(expected, dtype, case)
    how = {"stride": case.stride, "padding": case.padding, "out": out.view, "config": config}
    kernels.max_pool(channel_range(x, *case.around).view, case.kernel, **how)
    _compare([out], expected, case)


def _noise(seed: int, dtype: torch.dtype, device: str) -> Callable[..., Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(shape, generator=generator).to(device, dtype)


def _finished(y: Tensor, bias: Tensor | None, added: Tensor | None, active: int) -> Tensor:
    y = y if bias is None else y + bias.double().view(-1, 1, 1)
    y = y if added is None else y + added.double()
    return torch.cat((F.relu(y[:, :active]), y[:, active:]), 1)


def _target(values: Tensor, dtype: torch.dtype, case: Case) -> Framed:
    return channel_range(torch.full_like(values, SENTINEL, dtype=dtype), *case.around, fill=SENTINEL)


def _compare(outs: list[Framed], expected: Tensor, case: Case) -> None:
    actual = torch.cat([out.view for out in outs], 1)
    near = TOLERANCE[actual.dtype]
    if not torch.allclose(actual.double(), expected, rtol=near, atol=near):
        raise Mismatch(f"{(actual.double() - expected).abs().max()} from float64 in {case}")
    if not all(out.is_intact() for out in outs):
        raise Mismatch(f"written outside of a range in {case}")

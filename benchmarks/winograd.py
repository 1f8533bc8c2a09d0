"""How fast Winograd layers are on this machine's CPU, beside oneDNN: one layer of Inception-v3 for each scheme.

Usage: python -m benchmarks.winograd [--rounds N] [--batch N] [--rest SECONDS] [--threads N]

Each round runs, in turning order, the kernel, `F.conv2d` and oneDNN's convolution with reordered weights and ReLU, each
after a rest, since threads that one of them leaves spinning disturb the next. Images are in channels_last. The first
call after a rest is not counted. Ratios are taken round by round; errors are relative to the norm, against float64.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.machine import processor
from incdsl.runtime.bench import ratio
from incdsl.runtime.kernels.convolve import convolve
from incdsl.runtime.kernels.weights import pack
from incdsl.winograd import Scheme, scheme_named

LAYERS = (
    ("F(2x2,3x3)", 448, 384, 8),
    ("F(4x4,3x3)", 32, 64, 147),
    ("F(4x4,3x3)", 64, 96, 35),
    ("F(4x4,5x5)", 48, 64, 35),
    ("F(1x4,1x7)", 160, 160, 17),
    ("F(4x1,7x1)", 192, 192, 17),
    ("F(1x4,1x3)", 384, 384, 8),
    ("F(4x1,3x1)", 384, 384, 8),
    ("F(6x6,3x3)", 64, 96, 35),
    ("F(1x6,1x7)", 160, 160, 17),
    ("F(6x1,7x1)", 192, 192, 17),
)
"""Scheme, input channels, filters, height and width."""
Call = Callable[[], Tensor]


def calls_for(x: Tensor, weight: Tensor, bias: Tensor, scheme: Scheme) -> dict[str, Call]:
    """The contenders; each computes the convolution that keeps the size, and its ReLU."""
    padding = (scheme.taps[0] // 2, scheme.taps[1] // 2)
    packed = pack(weight, bias, scheme, active=len(weight))
    where = (padding, (1, 1), (1, 1), 1)
    reordered = torch.ops.mkldnn._reorder_convolution_weight(weight, *where, x.shape)
    last = weight.to(memory_format=torch.channels_last)
    return {
        "winograd": lambda: convolve(x, packed, padding),
        "F.conv2d": lambda: F.relu(F.conv2d(x, last, bias, padding=padding), inplace=True),
        "oneDNN": lambda: torch.ops.mkldnn._convolution_pointwise(x, reordered, bias, *where, "relu", [], ""),
    }


def rounds_of(calls: dict[str, Call], rounds: int, rest: float) -> dict[str, list[float]]:
    """Seconds of each call in each round."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for i in range(rounds):
        turn = i % len(names)
        for name in names[turn:] + names[:turn]:
            time.sleep(rest)
            calls[name]()
            started = time.perf_counter()
            calls[name]()
            times[name].append(time.perf_counter() - started)
    return times


def row(name: str, channels: int, filters: int, size: int, given: argparse.Namespace) -> str:
    """One layer, as a line of the table."""
    generator = torch.Generator().manual_seed(0)
    scheme = scheme_named(name)
    x = torch.randn(given.batch, channels, size, size, generator=generator).relu_()
    x = x.to(memory_format=torch.channels_last)
    weight = torch.randn(filters, channels, *scheme.taps, generator=generator)
    weight *= (2 / weight[0].numel()) ** 0.5
    bias = torch.randn(filters, generator=generator)
    calls = calls_for(x, weight, bias, scheme)
    padding = (scheme.taps[0] // 2, scheme.taps[1] // 2)
    exact = F.conv2d(x.double(), weight.double(), bias.double(), padding=padding).relu_()
    errors = [f"{float((calls[each]() - exact).norm() / exact.norm()):.0e}" for each in ("winograd", "oneDNN")]
    times = rounds_of(calls, given.rounds, given.rest)
    shown = [f"{1000 * statistics.median(times[each]):.3f}" for each in calls]
    gains = [str(ratio(times[each], times["winograd"])) for each in ("F.conv2d", "oneDNN")]
    layer = f"{scheme.taps[0]}x{scheme.taps[1]} {channels} to {filters} at {size}"
    return "| " + " | ".join([name, layer, *shown, *gains, *errors]) + " |"


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rest", type=float, default=0.03, help="seconds before each turn")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(f"{processor()}, {given.threads} threads, torch {torch.__version__}; batch {given.batch}, fp32")
    print("| scheme | layer | ms | F.conv2d | oneDNN | faster than F.conv2d | than oneDNN | error | oneDNN's |")
    print("| --- | --- | --: | --: | --: | --: | --: | --: | --: |")
    with torch.no_grad():
        for layer in LAYERS:
            print(row(*layer, given), flush=True)


if __name__ == "__main__":
    main()

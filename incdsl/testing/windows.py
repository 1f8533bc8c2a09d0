"""Which cells each window reads, and what an average divides by, against a plain loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn

from incdsl.ops import Op
from incdsl.ops.code import Call
from incdsl.testing.grids import AXES, POOLS, Axis, Grid, Setting, Word, along, op_of, our_sizes
from incdsl.values import Extent, Image

SIZES = range(1, 13)
Matrix = list[list[float]]
"""What each cell of the input, by row, adds to each cell of the output, by column."""


def settings(word: Word) -> Iterator[Setting]:
    """Kernel and stride from 1 to 6, padding from 0 to 6, dilation from 1 to 3, rounding down and up.

    Of transposed convolutions only up to 4, but with 0 to 2 cells of output padding.
    """
    if word == "convtranspose2d":
        numbers = product(range(1, 5), range(1, 5), range(5), range(1, 4), (False,), range(3))
        return (Setting(*each) for each in numbers)
    dilations = (1,) if word == "avgpool" else range(1, 4)
    ceils = (False, True) if word in POOLS else (False,)
    return (Setting(*each) for each in product(range(1, 7), range(1, 7), range(7), dilations, ceils))


def windows(word: Word, axis: Axis) -> Grid:
    """Compare what PyTorch computes for a setting, by the arguments that we generate, with `by_loop`.

    Every cell is fed alone, in a batch of one-hot inputs: an average of one 1 is one over its divisor, a maximum is 1
    where the window reads the cell, and a convolution gives the number of the filter's tap that meets it.
    """
    start = perf_counter()
    grid = Grid(word, axis)
    with torch.inference_mode():
        for setting, counted in product(settings(word), (True, False) if word == "avgpool" else (True,)):
            op = op_of(word, axis, setting, **({} if word != "avgpool" else {"count_include_pad": counted}))
            sizes = our_sizes(word, axis, setting, SIZES)
            grid.configurations += len(SIZES)
            if op is None or not any(sizes):
                continue
            call = generated_call(op, axis, setting)
            for size, outputs in zip(SIZES, sizes, strict=True):
                if outputs is not None:
                    grid.accepted += 1
                    actual = _computed(call, _ONE_HOT[axis, size])
                    if actual != by_loop(word, setting, size, outputs, counted):
                        grid.mismatches.append(f"{word} on {size}, {setting}, padding counted: {counted}: {actual}")
    grid.seconds = perf_counter() - start
    return grid


def by_loop(word: Word, setting: Setting, size: int, outputs: int, counted: bool = True) -> Matrix:
    """The definition of the ops, cell by cell.

    A transposed convolution adds cell i, times tap t, to what stands at `i·stride − padding + t·dilation`. Of the
    others window i starts at `i·stride − padding` and reads every `dilation`-th cell. Padding is 0 for sums, and never
    the largest. An average divides by the cells that are read in the input and, if they count, in the padding; what
    rounding up hangs over is in neither.
    """
    matrix = [[0.0] * outputs for _ in range(size)]
    if word == "convtranspose2d":
        for cell, tap in product(range(size), range(setting.kernel)):
            written = cell * setting.stride - setting.padding + setting.dilation * tap
            if 0 <= written < outputs:
                matrix[cell][written] += tap + 1.0
        return matrix
    for i in range(outputs):
        first = i * setting.stride - setting.padding
        read = [first + setting.dilation * tap for tap in range(setting.kernel)]
        real = [cell for cell in read if 0 <= cell < size]
        padded = [cell for cell in read if -setting.padding <= cell < size + setting.padding]
        for cell in real:
            if word == "conv2d":
                matrix[cell][i] = read.index(cell) + 1.0
            else:
                matrix[cell][i] = 1.0 if word == "maxpool" else 1 / len(padded if counted else real)
    return matrix


def generated_call(op: Op, axis: Axis, setting: Setting) -> Callable[[Tensor], Tensor]:
    """PyTorch's function with the arguments that the generated module passes; a filter's taps are 1, 2, 3, …"""
    lowering = op.lower(Image(1, Extent.of("H"), Extent.of("W")))
    arguments: dict[str, Any] = {}
    function: Any
    if op.kind == "convolution":
        assert isinstance(lowering.module, Call)
        for each in lowering.module.settings:
            if each.name in ("stride", "padding", "output_padding", "dilation"):
                arguments[each.name] = _plain(each.value)
        taps = torch.arange(1, setting.kernel + 1, dtype=torch.float64).reshape(1, 1, *along(axis, setting.kernel, 1))
        function = {"nn.Conv2d": torch.conv2d, "nn.ConvTranspose2d": torch.conv_transpose2d}[
            str(lowering.module.callee)
        ]
        return lambda x: function(x, taps, None, **arguments)
    assert isinstance(lowering.function, Call)
    arguments = {each.name: _plain(each.value) for each in lowering.function.settings}
    function = getattr(nn.functional, str(lowering.function.callee).removeprefix("F."))
    return lambda x: function(x, **arguments)


def _plain(value: Any) -> Any:
    return tuple(int(part) for part in value) if isinstance(value, tuple) else value


def _computed(call: Callable[[Tensor], Tensor], inputs: Tensor) -> Matrix | str:
    try:
        matrix: Matrix = call(inputs).reshape(len(inputs), -1).tolist()
    except RuntimeError as error:
        return str(error)
    return matrix


_ONE_HOT = {
    (axis, size): torch.eye(size, dtype=torch.float64).reshape(size, 1, *along(axis, size, 1))
    for axis in AXES
    for size in SIZES
}

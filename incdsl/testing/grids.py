"""Shape rules against eager PyTorch on the CPU, for every setting and size of exhaustive grids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from time import perf_counter
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from incdsl.elaborate.scope import Problem
from incdsl.elaborate.settings import Settings, build, resolve_padding
from incdsl.ops import REGISTRY, Op
from incdsl.syntax.node import NOWHERE
from incdsl.values import Extent, Image, Pair

Word = Literal["conv2d", "convtranspose2d", "maxpool", "avgpool"]
Axis = Literal[0, 1]

WORDS: tuple[Word, ...] = ("conv2d", "convtranspose2d", "maxpool", "avgpool")
POOLS = ("maxpool", "avgpool")
AXES: tuple[Axis, ...] = (0, 1)
SIZES = range(33)


class Setting(NamedTuple):
    """How an op sweeps one axis; the other one has kernel, stride and dilation 1 and no padding."""

    kernel: int
    stride: int
    padding: int
    dilation: int = 1
    ceil: bool = False
    output_padding: int = 0


class Answer(NamedTuple):
    """What PyTorch makes of an input: the size of its output, nothing if it refuses, and whether a -inf is in it."""

    size: int | None
    infinite: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """Where we refuse what PyTorch accepts, on purpose; `holds` looks at the setting and at PyTorch's answer only."""

    name: str
    reason: str
    holds: Callable[[Word, Setting, Answer], bool]


DIFFERENCES = (
    Difference(
        "padding above half",
        "releases of PyTorch differ on padding of a dilated pool: some compare it with half the kernel, some with"
        " half of what the kernel spans; we accept what all do",
        lambda word, setting, _: word in POOLS and 2 * setting.padding > setting.kernel,
    ),
    Difference(
        "window of padding alone",
        "a dilated window can miss every cell of the input, and its largest value is then -inf",
        lambda _, __, answer: answer.infinite,
    ),
)


@dataclass
class Grid:
    """What came out of a grid along one axis: every mismatch, and how often each deliberate difference was met.

    A configuration is a setting on a size of the input; `accepted` counts those that PyTorch accepts.
    """

    word: Word
    axis: Axis
    configurations: int = 0
    accepted: int = 0
    differences: Counter[str] = field(default_factory=Counter)
    mismatches: list[str] = field(default_factory=list)
    seconds: float = 0.0


def settings(word: Word) -> Iterator[Setting]:
    """Kernel, stride and padding from 0 to 8, dilation from 0 to 4, rounding down and up, as far as the op has them.

    Of transposed convolutions only up to 5 and 3, but with 0 to 3 cells of output padding.
    """
    if word == "convtranspose2d":
        numbers = product(range(6), range(6), range(6), range(4), (False,), range(4))
        return (Setting(*each) for each in numbers)
    dilations = (1,) if word == "avgpool" else range(5)
    ceils = (False, True) if word in POOLS else (False,)
    return (Setting(*each) for each in product(range(9), range(9), range(9), dilations, ceils))


def answers(word: Word, axis: Axis, sizes: Sequence[int] = SIZES) -> Grid:
    """Compare acceptance and the size of the output, along one axis, for every setting and size.

    A mismatch is any difference that is not listed in `DIFFERENCES`, and any listed one where we accept.
    """
    start = perf_counter()
    grid = Grid(word, axis)
    with torch.inference_mode():
        for setting in settings(word):
            ours = our_sizes(word, axis, setting, sizes)
            for size, mine, theirs in zip(sizes, ours, torch_sizes(word, axis, setting, sizes), strict=True):
                expected = theirs.size
                if expected is not None:
                    grid.accepted += 1
                    listed = next((each for each in DIFFERENCES if each.holds(word, setting, theirs)), None)
                    if listed:
                        expected = None
                        grid.differences[listed.name] += 1
                if mine != expected:
                    grid.mismatches.append(f"{word} on {size}, {setting}: {mine}, PyTorch {theirs}")
            grid.configurations += len(sizes)
    grid.seconds = perf_counter() - start
    return grid


# Our answer


def op_of(word: Word, axis: Axis, setting: Setting, **more: Any) -> Op | None:
    """The op that a step with this setting becomes; nothing if the compiler refuses the setting."""
    values: dict[str, Any] = {
        "kernel": Pair(*along(axis, setting.kernel, 1)),
        "stride": Pair(*along(axis, setting.stride, 1)),
        "padding": Pair(*along(axis, setting.padding, 0)),
        **more,
    }
    if word != "avgpool":
        values["dilation"] = Pair(*along(axis, setting.dilation, 1))
    values |= {"ceil": setting.ceil} if word in POOLS else {"width": 1}
    if word == "convtranspose2d":
        values["output_padding"] = Pair(*along(axis, setting.output_padding, 0))
    written = Settings(values=values)
    try:
        resolve_padding(REGISTRY[word], written, word, NOWHERE)
        return build(REGISTRY[word], written, word, NOWHERE)
    except Problem:
        return None


def our_sizes(word: Word, axis: Axis, setting: Setting, sizes: Sequence[int]) -> list[int | None]:
    """The size of the output for each size of the input, along an axis; nothing where we refuse."""
    op = op_of(word, axis, setting)
    if op is None:
        return [None] * len(sizes)
    x = Image(1, Extent.of("H"), Extent.of("W"))
    y = op.infer(x)
    assert isinstance(y, Image)
    extent, other = (y.height, y.width) if axis == 0 else (y.width, y.height)
    demands = list(op.demands(x))

    def answer(size: int) -> int | None:
        inputs = dict(zip("HW", along(axis, size, 1), strict=True))
        fits = size >= 1 and other.within(inputs) == 1
        if not fits or not all(demand.holds(demand.extent.within(inputs)) for demand in demands):
            return None
        result = extent.at(size)
        return result if result >= 1 else None

    return [answer(size) for size in sizes]


# PyTorch's answer


def torch_sizes(word: Word, axis: Axis, setting: Setting, sizes: Sequence[int]) -> list[Answer]:
    """PyTorch's answer for each size of the input, each from a call of its own on zeros."""
    call = torch_call(word, axis, setting)
    found: list[Answer] = []
    outputs: list[Tensor] = []
    for size in sizes:
        try:
            y = call(_zeros(*along(axis, size, 1)))
        except RuntimeError:
            found.append(Answer(None))
            continue
        shape = y.shape
        assert shape[3 - axis] == 1
        found.append(Answer(shape[2 + axis]))
        outputs.append(y)
    if word == "maxpool" and outputs and torch.cat(outputs, 2 + axis).amin() < 0:
        lost = iter([bool(y.amin() < 0) for y in outputs])
        found = [answer if answer.size is None else Answer(answer.size, next(lost)) for answer in found]
    return found


def torch_call(word: Word, axis: Axis, setting: Setting) -> Callable[[Tensor], Tensor]:
    """PyTorch's function with a setting."""
    kernel, stride = along(axis, setting.kernel, 1), along(axis, setting.stride, 1)
    padding, dilation = along(axis, setting.padding, 0), along(axis, setting.dilation, 1)
    if word == "conv2d":
        filters = _zeros(*kernel)
        return lambda x: torch.conv2d(x, filters, None, stride, padding, dilation)
    if word == "convtranspose2d":
        filters, more = _zeros(*kernel), along(axis, setting.output_padding, 0)
        return lambda x: torch.conv_transpose2d(x, filters, None, stride, padding, more, 1, dilation)
    if word == "maxpool":
        return lambda x: torch.max_pool2d(x, kernel, stride, padding, dilation, setting.ceil)
    return lambda x: nn.functional.avg_pool2d(x, kernel, stride, padding, setting.ceil)


def along(axis: Axis, number: int, other: int) -> tuple[int, int]:
    """A number for one axis and another for the other, height first."""
    return (number, other) if axis == 0 else (other, number)


@cache
def _zeros(height: int, width: int) -> Tensor:
    return torch.zeros(1, 1, height, width)

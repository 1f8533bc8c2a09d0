"""Windows fit, and give the sizes, exactly as PyTorch's kernels on the CPU do."""

import math
from functools import cache
from itertools import product
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from incdsl.diagnostics import CompileError
from incdsl.elaborate.frame import Complaint
from incdsl.elaborate.settings import Settings, build, resolve_padding
from incdsl.ops import REGISTRY, Window
from incdsl.types import Extent, Image, Pair
from tests.compare import assert_near
from tests.nets import compiled, generated, predicted, spec

SIZES = range(25)
GRID = list(product(range(1, 7), range(1, 6), range(5), range(1, 4)))
"""Kernel, stride, padding, dilation."""
UNDILATED = [window for window in GRID if window[3] == 1]
CEIL_VECTORS = [
    ((9, 4, 4, 2), 3),
    ((2, 3, 3, 1), 1),
    ((5, 3, 3, 1), 2),
    ((2, 1, 2, 0), 1),
    ((1, 3, 3, 0), 1),
    ((1, 3, 2, 0), None),
]


def settled(word, values):
    """The op that a step with these settings becomes; nothing if they are refused."""
    written, frame = Settings(values=dict(values)), SimpleNamespace(title="N")
    try:
        resolve_padding(REGISTRY[word], written, word, None, frame)
        return build(REGISTRY[word], written, word, None, frame)
    except Complaint:
        return None


def verdict(op, height, width):
    """Our answer, of how many rows and columns the output has; nothing if the op or the input is refused."""
    sizes = {"H": height, "W": width}
    if op is None or min(sizes.values()) < 1:
        return None
    x = Image(1, Extent.of("H"), Extent.of("W"))
    _, *output = op.infer(x).at(sizes)
    holds = all(demand.holds(demand.extent.within(sizes)) for demand in op.demands(x))
    return tuple(output) if holds and min(output) >= 1 else None


@cache
def zeros(*shape):
    return torch.zeros(1, 1, *shape)


def torchs(word, height, width, kernel, stride, padding, dilation, ceil):
    """PyTorch's answer; where padding wins a maximum, and where PyTorch's versions differ, it counts as a refusal."""
    x = zeros(height, width)
    try:
        if word == "conv2d":
            y = torch.conv2d(x, zeros(*kernel), None, stride, padding, dilation)
        elif word == "maxpool":
            y = F.max_pool2d(x, kernel, stride, padding, dilation, ceil)
        else:
            y = F.avg_pool2d(x, kernel, stride, padding, ceil)
    except RuntimeError:
        return None
    if word != "conv2d" and any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        return None
    return tuple(y.shape[2:]) if y.isfinite().all() else None


def op_of(word, kernel, stride, padding, dilation, ceil):
    values = {"kernel": Pair(*kernel), "stride": Pair(*stride), "padding": Pair(*padding)}
    if word != "avgpool":
        values["dilation"] = Pair(*dilation)
    values |= {"width": 1} if word == "conv2d" else {"ceil": ceil}
    return settled(word, values)


def along(axis, number, other):
    return (number, other) if axis == 0 else (other, number)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(
    ("word", "grid", "ceil"),
    [
        ("conv2d", GRID, False),
        ("maxpool", GRID, False),
        ("maxpool", GRID, True),
        ("avgpool", UNDILATED, False),
        ("avgpool", UNDILATED, True),
    ],
)
def test_answers_are_pytorchs(word, grid, ceil, axis):
    wrong, accepted = [], 0
    for k, s, p, d in grid:
        window = along(axis, k, 1), along(axis, s, 1), along(axis, p, 0), along(axis, d, 1), ceil
        op = op_of(word, *window)
        for size in SIZES:
            expected = torchs(word, *along(axis, size, 1), *window)
            accepted += expected is not None
            if verdict(op, *along(axis, size, 1)) != expected:
                wrong.append((size, k, s, p, d, expected))
    assert not wrong, f"{len(wrong)} of {len(grid) * len(SIZES)} differ: {wrong[:5]}"
    assert 0.2 < accepted / (len(grid) * len(SIZES)) < 0.95


@st.composite
def rectangles(draw):
    word = draw(st.sampled_from(["conv2d", "maxpool", "avgpool"]))
    pairs = [st.tuples(n, n) for n in map(st.integers, (1, 1, 1, 0, 1), (9, 5, 4, 3, 3))]
    (height, width), kernel, stride, padding, dilation = (draw(pair) for pair in pairs)
    dilation = (1, 1) if word == "avgpool" else dilation
    return word, height, width, kernel, stride, padding, dilation, word != "conv2d" and draw(st.booleans())


@settings(derandomize=True, max_examples=400, deadline=None)
@given(rectangles())
def test_axes_are_independent(case):
    word, height, width, *window = case
    assert verdict(op_of(word, *window), height, width) == torchs(word, height, width, *window)


@settings(derandomize=True, max_examples=40, deadline=None)
@given(rectangles())
def test_specs_are_answered_alike(case):
    """The verdict of this file is that of the compiler on text."""
    word, height, width, kernel, stride, padding, dilation, ceil = case
    (kh, kw), (sh, sw), (ph, pw) = kernel, stride, padding
    width_or_ceil = "@1" if word == "conv2d" else ""
    step = f"{word} {kh}x{kw}/{sh}x{sw} {width_or_ceil} pad {ph}x{pw} {'ceil' if ceil else ''}"
    if word != "avgpool":
        step += f" (dilation: [{dilation[0]}, {dilation[1]}])"
    expected = verdict(op_of(word, kernel, stride, padding, dilation, ceil), height, width)
    text = spec(step, f"[1, {height}, {width}]")
    if expected is None:
        with pytest.raises(CompileError):
            compiled(text)
    else:
        assert predicted(compiled(text), {"H": height, "W": width})[1:] == expected


@pytest.mark.parametrize(("setting", "size"), CEIL_VECTORS)
@pytest.mark.parametrize("word", ["maxpool", "avgpool"])
def test_ceil_vectors(word, setting, size):
    height, k, s, p = setting
    text = spec(f"{word} {k}x1/{s}x1 pad {p}x0 ceil", f"[1, {height}, 1]")
    if size is None:
        with pytest.raises(CompileError):
            compiled(text)
        return
    done = compiled(text)
    assert predicted(done, {"H": height, "W": 1}) == (1, size, 1)
    assert tuple(generated(done.text)()(zeros(height, 1)).shape) == (1, 1, size, 1)


@pytest.mark.parametrize(
    ("step", "height", "code"),
    [
        ("maxpool 3x1/6x1 pad 1x0 ceil (dilation: [2, 1])", 1, "E303"),
        ("maxpool 3x1/2x1 valid", 2, "E303"),
        ("conv2d 3x1 @1 valid", 2, "E303"),
        ("conv2d 3x1 @1 valid (dilation: [2, 1])", 4, "E303"),
        ("maxpool 3x1 pad 2x0", 9, "E308"),
        ("avgpool 1x1 pad 1x0", 9, "E308"),
    ],
)
def test_refusals_have_codes(step, height, code):
    with pytest.raises(CompileError) as caught:
        compiled(spec(step, f"[1, {height}, 1]"))
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == [code]


def test_arithmetic_told_to_people_is_true():
    """`(35 + 2·1 − 3)//2 + 1 = 18`, read as Python."""
    false = []
    for (k, s, p, d), ceil, size in product(GRID, (False, True), SIZES[1:]):
        text = Window(k, s, p, d, ceil).arithmetic(size)
        left, _, right = text.partition(" = ")
        if 2 * p <= k and worked_out(left) != int(right):
            false.append(text)
    assert not false, f"{len(false)}, the first is {false[0]}"


def worked_out(text):
    """The value of an arithmetic text of ours."""
    quotient, _, one = text.rpartition(" + ")
    upwards = quotient.startswith("⌈")
    inner, _, stride = quotient.strip("⌈⌉").rpartition(")//" if not upwards else ")/")
    terms = inner.strip("(").replace("·", "*").replace("−", "- ").split()
    total, sign = 0, 1
    for term in terms:
        if term in "+-":
            sign = 1 if term == "+" else -1
        else:
            total += sign * math.prod(map(int, term.split("*")))
    return (-(-total // int(stride)) if upwards else total // int(stride)) + int(one)


@pytest.mark.parametrize(("counted", "divisors"), [("true", (3, 3, 2)), ("false", (2, 3, 1))])
def test_average_never_counts_the_overhang(counted, divisors):
    """pytorch/pytorch#183528: explicit padding counts if it is asked for, what `ceil` hangs over never does."""
    x = torch.arange(1, 17, dtype=torch.float64).reshape(1, 1, 4, 4)
    done = compiled(spec(f"avgpool 3x3/2 pad 1 ceil (count_include_pad: {counted})", "[1, 4, 4]"))
    sums = torch.tensor([[window_sum(x[0, 0], i, j) for j in range(3)] for i in range(3)], dtype=torch.float64)
    expected = sums / torch.outer(*[torch.tensor(divisors, dtype=torch.float64)] * 2)
    if counted == "true":
        golden = [[1.5556, 3.3333, 2.0], [6.3333, 11, 6], [4.5, 7.5, 4]]
        assert_near(expected, torch.tensor(golden), 1e-5)
    assert_near(generated(done.text)()(x)[0, 0], expected, 1e-15)


def window_sum(x, i, j):
    """The sum of the real cells of a 3x3 window with stride 2 and padding 1."""
    rows, columns = (slice(max(2 * at - 1, 0), 2 * at + 2) for at in (i, j))
    return int(x[rows, columns].sum())

"""Windows of both axes at once, the arithmetic told to people, and the codes of refusals."""

import math
from itertools import product

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.nn import functional as F

from incdsl.diagnostics import CompileError
from incdsl.ops import Window
from incdsl.testing.grids import Setting, along, our_sizes
from tests.modules import assert_near, generated
from tests.nets import compiled, predicted, spec

SIZES = range(1, 25)
GRID = list(product(range(1, 7), range(1, 6), range(5), range(1, 4)))
"""Kernel, stride, padding, dilation."""
CEIL_VECTORS = [
    ((9, 4, 4, 2), 3),
    ((2, 3, 3, 1), 1),
    ((5, 3, 3, 1), 2),
    ((2, 1, 2, 0), 1),
    ((1, 3, 3, 0), 1),
    ((1, 3, 2, 0), None),
]


@st.composite
def rectangles(draw):
    """An op, a height and a width, and a setting for each axis."""
    word = draw(st.sampled_from(["conv2d", "convtranspose2d", "maxpool", "avgpool"]))
    ceil = word.endswith("pool") and draw(st.booleans())
    numbers = [st.integers(1, 5), st.integers(1, 4), st.integers(0, 3), st.integers(1, 3)]
    axes = [Setting(*(draw(number) for number in numbers), ceil) for _ in "HW"]
    axes = [axis._replace(dilation=1) for axis in axes] if word == "avgpool" else axes
    if word == "convtranspose2d":
        axes = [axis._replace(output_padding=draw(st.integers(0, 2))) for axis in axes]
    return word, (draw(st.integers(1, 9)), draw(st.integers(1, 9))), tuple(axes)


def by_axis(word, sizes, axes):
    """The compiler's answers along each axis, together; nothing if it refuses one."""
    result = [our_sizes(word, axis, axes[axis], [sizes[axis]])[0] for axis in (0, 1)]
    return None if None in result else tuple(result)


def torchs(word, sizes, axes):
    """PyTorch's answer to both axes at once, where it is one that all its versions give, and finite."""
    kernel, stride, padding, dilation, ceils, more = zip(*axes, strict=True)
    x = torch.zeros(1, 1, *sizes)
    try:
        if word == "conv2d":
            return tuple(torch.conv2d(x, torch.zeros(1, 1, *kernel), None, stride, padding, dilation).shape[2:])
        if word == "convtranspose2d":
            filters = torch.zeros(1, 1, *kernel)
            return tuple(torch.conv_transpose2d(x, filters, None, stride, padding, more, 1, dilation).shape[2:])
        if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
            return None
        if word == "avgpool":
            return tuple(F.avg_pool2d(x, kernel, stride, padding, ceils[0]).shape[2:])
        y = F.max_pool2d(x, kernel, stride, padding, dilation, ceils[0])
        return tuple(y.shape[2:]) if y.isfinite().all() else None
    except RuntimeError:
        return None


@settings(max_examples=400)
@given(rectangles())
def test_axes_are_independent(case):
    assert by_axis(*case) == torchs(*case)


@settings(max_examples=200)
@given(rectangles())
def test_specs_are_answered_alike(case):
    """What the grids ask of each op, along one axis, is what the compiler says of a text with both."""
    word, sizes, axes = case
    (kh, sh, ph, dh, ceil, oh), (kw, sw, pw, dw, _, ow) = axes
    width = "" if word.endswith("pool") else "@1"
    step = f"{word} {kh}x{kw}/{sh}x{sw} {width} pad {ph}x{pw} {'ceil' if ceil else ''}"
    if word != "avgpool":
        more = f", output_padding: [{oh}, {ow}]" if word == "convtranspose2d" else ""
        step += f" (dilation: [{dh}, {dw}]{more})"
    expected = by_axis(*case)
    text = spec(step, shape=f"[1, {sizes[0]}, {sizes[1]}]")
    if expected is None:
        with pytest.raises(CompileError):
            compiled(text)
    else:
        assert predicted(compiled(text), dict(zip("HW", sizes, strict=True)))[1:] == expected


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("setting", [(0, 1, 0, 1), (1, 0, 0, 1), (1, 1, 0, 0)])
def test_zero_is_refused_as_the_grids_say(setting, axis):
    """Numbers that sigils cannot write, as settings."""
    setting = Setting(*setting)
    assert our_sizes("maxpool", axis, setting, [4]) == [None]
    names = ("kernel", "stride", "padding", "dilation")
    neutral = (1, 1, 0, 1)
    parts = [f"{n}: {list(along(axis, v, o))}" for n, v, o in zip(names, setting[:4], neutral, strict=True)]
    with pytest.raises(CompileError, match="E203"):
        compiled(spec(f"maxpool ({', '.join(parts)})", shape="[1, 4, 4]"))


@pytest.mark.parametrize(("setting", "size"), CEIL_VECTORS)
@pytest.mark.parametrize("word", ["maxpool", "avgpool"])
def test_ceil_vectors(word, setting, size):
    height, k, s, p = setting
    text = spec(f"{word} {k}x1/{s}x1 pad {p}x0 ceil", shape=f"[1, {height}, 1]")
    if size is None:
        with pytest.raises(CompileError):
            compiled(text)
        return
    done = compiled(text)
    assert predicted(done, {"H": height, "W": 1}) == (1, size, 1)
    assert tuple(generated(done.text)()(torch.zeros(1, 1, height, 1)).shape) == (1, 1, size, 1)


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
        compiled(spec(step, shape=f"[1, {height}, 1]"))
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == [code]


def test_arithmetic_told_to_people_is_true():
    """`(35 + 2·1 − 3)//2 + 1 = 18`, read as Python."""
    false = []
    for (k, s, p, d), ceil, size in product(GRID, (False, True), SIZES):
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


def test_average_of_a_known_answer():
    """pytorch/pytorch#183528: explicit padding counts if it is asked for, what `ceil` hangs over never does."""
    x = torch.arange(1, 17, dtype=torch.float64).reshape(1, 1, 4, 4)
    done = compiled(spec("avgpool 3x3/2 pad 1 ceil", shape="[1, 4, 4]"))
    golden = [[1.5556, 3.3333, 2.0], [6.3333, 11, 6], [4.5, 7.5, 4]]
    assert_near(generated(done.text)()(x)[0, 0], torch.tensor(golden), 1e-5)

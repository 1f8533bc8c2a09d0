"""The exhaustive grids find no mismatch, and find every mistake that is planted."""

from dataclasses import replace

import pytest

from incdsl.ops import REGISTRY, PaddingError
from incdsl.ops.sweep import TransposedWindow
from incdsl.ops.window import Conv2d, MaxPool2d, Pool
from incdsl.testing import __main__ as command
from incdsl.testing.grids import AXES, SIZES, WORDS, Grid, Setting, answers, our_sizes, settings, torch_sizes
from incdsl.testing.windows import by_loop, windows
from incdsl.values import Extent

FEW = (1, 2, 5)
SETTINGS = {"conv2d": 9**3 * 5, "convtranspose2d": 6**3 * 4 * 4, "maxpool": 9**3 * 5 * 2, "avgpool": 9**3 * 2}


def describe(grid):
    return f"{len(grid.mismatches)} of {grid.configurations} differ: {grid.mismatches[:5]}"


@pytest.mark.parametrize("axis", [AXES[0], pytest.param(AXES[1], marks=pytest.mark.long)], ids="HW")
@pytest.mark.parametrize("word", WORDS)
def test_what_fits_and_its_size_are_pytorchs(word, axis):
    grid = answers(word, axis)
    assert not grid.mismatches, describe(grid)
    assert grid.configurations == SETTINGS[word] * 33
    assert grid.accepted > grid.configurations / 8
    assert grid.differences["window of padding alone"] == (111 if word == "maxpool" else 0)


@pytest.mark.parametrize("axis", AXES, ids="HW".__getitem__)
@pytest.mark.parametrize("word", WORDS)
def test_what_windows_read_is_what_a_loop_says(word, axis):
    grid = windows(word, axis)
    assert not grid.mismatches, describe(grid)
    assert grid.accepted > grid.configurations / 5


def test_grids_are_complete():
    assert list(SIZES) == list(range(33))
    for word in WORDS:
        found = list(settings(word))
        assert len(set(found)) == len(found) == SETTINGS[word]
        transposed = word == "convtranspose2d"
        assert [max(column) for column in zip(*found, strict=True)][:3] == [5 if transposed else 8] * 3
        assert {setting.ceil for setting in found} == ({False, True} if word.endswith("pool") else {False})
        assert {s.dilation for s in found} == ({1} if word == "avgpool" else set(range(4 if transposed else 5)))
        assert {s.output_padding for s in found} == ({0, 1, 2, 3} if transposed else {0})


def test_windows_of_padding_alone_are_counted_by_a_loop():
    """111 along each axis, from what rounding up and dilation mean."""
    lost = 0
    for k, s, p, d, ceil, _ in settings("maxpool"):
        if min(k, s, d) < 1 or 2 * p > k:
            continue
        for size in SIZES[1:]:
            room = size + 2 * p - d * (k - 1) - 1
            starts = range(-p, size + p if ceil else room - p + 1, s)
            last = [i for i in starts if i < size or not ceil]
            if room < 0 and not (ceil and room + s > 0):
                continue
            last = last[: (room + (s - 1 if ceil else 0)) // s + 1]
            lost += any(all(not 0 <= i + d * tap < size for tap in range(k)) for i in last)
    assert lost == 111


# Planted mistakes


def without_last_rule(honest, size, kernel, stride, padding, dilation, ceil):
    """Rounding up keeps a last window that starts behind the input."""
    if not ceil:
        return honest(size, kernel, stride, padding, dilation, ceil)
    return size.floor_affine(1, 2 * padding - dilation * (kernel - 1) - 2 + 2 * stride, stride)


def undilated(honest, size, kernel, stride, padding, dilation, ceil):
    return honest(size, kernel, stride, padding, 1, ceil)


def always_down(honest, size, kernel, stride, padding, dilation, ceil):
    return honest(size, kernel, stride, padding, dilation, False)


@pytest.mark.parametrize(
    ("word", "mistake"),
    [
        ("conv2d", undilated),
        ("maxpool", undilated),
        ("avgpool", always_down),
        ("avgpool", without_last_rule),
        ("maxpool", without_last_rule),
    ],
)
def test_a_wrong_shape_rule_is_found(monkeypatch, word, mistake):
    honest = Extent.window

    def window(size, kernel, stride=1, padding=0, dilation=1, ceil=False):
        return mistake(honest, size, kernel, stride, padding, dilation, ceil)

    monkeypatch.setattr(Extent, "window", window)
    assert answers(word, 1, FEW).mismatches


@pytest.mark.parametrize(
    "mistake",
    [
        lambda w: w._replace(output_padding=0),
        lambda w: w._replace(padding=-w.padding),
        lambda w: w._replace(dilation=1),
    ],
    ids=["no output padding", "padding added", "undilated"],
)
def test_a_wrong_transposed_window_is_found(monkeypatch, mistake):
    honest = TransposedWindow.over
    monkeypatch.setattr(TransposedWindow, "over", lambda window, extent: honest(mistake(window), extent))
    assert answers("convtranspose2d", 1, FEW).mismatches


@pytest.mark.parametrize("word", [word for word in WORDS if word != "convtranspose2d"])
def test_division_towards_zero_is_found(monkeypatch, word):
    """C's division gives one window more where the kernel does not fit."""

    def floor_affine(extent, scale, offset, divisor):
        return Truncated(extent.base, scale, offset, divisor)

    class Truncated(Extent):
        def at(self, size):
            return int((self.scale * size + self.offset - self.divisor) / self.divisor) + 1

    monkeypatch.setattr(Extent, "floor_affine", floor_affine)
    assert answers(word, 0, FEW).mismatches


def test_padding_alone_that_is_accepted_is_found(monkeypatch):
    monkeypatch.setattr(MaxPool2d, "demands", lambda self, *inputs: ())
    assert answers("maxpool", 0, FEW).mismatches


def test_a_limit_that_is_missing_or_too_many_is_found(monkeypatch):
    def limited(cls, settings, name):
        """The limit of pools, laid on convolutions."""
        if any(2 * p > k for p, k in zip(settings["padding"], settings["kernel"], strict=True)):
            raise PaddingError("above half", owner=name, padding="", kernel="")

    monkeypatch.setattr(Conv2d, "resolve_padding", classmethod(limited))
    assert answers("conv2d", 0, (5,)).mismatches
    monkeypatch.setattr(Pool, "resolve_padding", classmethod(lambda cls, settings, name: settings["padding"]))
    assert answers("avgpool", 1, (5,)).mismatches


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("conv2d", "stride"),
        ("conv2d", "padding"),
        ("conv2d", "dilation"),
        ("convtranspose2d", "stride"),
        ("convtranspose2d", "padding"),
        ("convtranspose2d", "output_padding"),
        ("convtranspose2d", "dilation"),
        ("maxpool", "dilation"),
        ("maxpool", "ceil_mode"),
        ("avgpool", "ceil_mode"),
        ("avgpool", "count_include_pad"),
    ],
)
def test_an_argument_that_is_not_generated_is_found(monkeypatch, word, name):
    honest = REGISTRY[word].lower

    def lower(op, *inputs):
        lowering = honest(op, *inputs)
        form = "function" if lowering.function else "module"
        call = getattr(lowering, form)
        return replace(lowering, **{form: replace(call, settings=tuple(s for s in call.settings if s.name != name))})

    monkeypatch.setattr(REGISTRY[word], "lower", lower)
    assert windows(word, 0).mismatches


@pytest.mark.parametrize(
    ("word", "setting", "size", "counted", "matrix"),
    [
        ("conv2d", Setting(3, 2, 1), 3, True, [[2, 0], [3, 1], [0, 2]]),
        ("conv2d", Setting(2, 1, 0, 2), 3, True, [[1], [0], [2]]),
        ("convtranspose2d", Setting(2, 2, 0), 2, True, [[1, 2, 0, 0], [0, 0, 1, 2]]),
        ("convtranspose2d", Setting(3, 2, 1, output_padding=1), 2, True, [[2, 3, 0, 0], [0, 1, 2, 3]]),
        ("convtranspose2d", Setting(2, 1, 0, 2), 1, True, [[1, 0, 2]]),
        ("maxpool", Setting(2, 2, 0, ceil=True), 3, True, [[1, 0], [1, 0], [0, 1]]),
        ("avgpool", Setting(2, 2, 0, ceil=True), 3, True, [[1 / 2, 0], [1 / 2, 0], [0, 1]]),
        ("avgpool", Setting(3, 2, 1), 3, True, [[1 / 3, 0], [1 / 3, 1 / 3], [0, 1 / 3]]),
        ("avgpool", Setting(3, 2, 1), 3, False, [[1 / 2, 0], [1 / 2, 1 / 2], [0, 1 / 2]]),
        ("avgpool", Setting(3, 3, 1, ceil=True), 5, True, [[1 / 3, 0], [1 / 3, 0], [0, 1 / 3], [0, 1 / 3], [0, 1 / 3]]),
    ],
)
def test_the_loop_says_what_is_plain_to_see(word, setting, size, counted, matrix):
    assert by_loop(word, setting, size, len(matrix[0]), counted) == matrix


# The command


def test_the_command_tells_what_was_compared(monkeypatch, capsys):
    monkeypatch.setattr(command, "answers", lambda word, axis: answers(word, axis, FEW))
    assert command.main(["grids", "--op", "avgpool"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (row,) = [line.split() for line in lines if line.startswith("total")]
    assert row[1] == f"{2 * SETTINGS['avgpool'] * len(FEW) + 24_192:,}"
    assert row[3:5] == ["0", "0"]
    assert len([line for line in lines if "avgpool" in line]) == 2


def test_the_command_fails_on_a_mismatch(monkeypatch, capsys):
    monkeypatch.setattr(command, "answers", lambda word, axis: Grid(word, axis, 1, 1, mismatches=["conv2d on 3"]))
    monkeypatch.setattr(command, "windows", lambda word, axis: Grid(word, axis))
    assert command.main(["grids", "--op", "conv2d"]) == 1
    assert "mismatch: conv2d on 3" in capsys.readouterr().out


def test_the_example_of_the_documentation_is_lost_in_padding():
    setting = Setting(3, 6, 1, 2, ceil=True)
    (theirs,) = torch_sizes("maxpool", 0, setting, [1])
    assert theirs.infinite
    assert our_sizes("maxpool", 0, setting, [1]) == [None]

"""A slip in a kernel, planted in its text, is noticed by the comparison that the kernels are held to."""

import inspect

import pytest
import torch

from incdsl.runtime.carried import kernels
from incdsl.runtime.load import load_text
from tests.kernels.cases import check_average, check_convolution, check_maximum, draw

pytestmark = pytest.mark.triton
TEXT = inspect.getsource(kernels)
NOTICED = "from float64 in Case|outside of"
"""What the comparison says of numbers, and the interpreter of addresses."""
STORE = "(row < rows)[:, None] & ((channel >= first) & (channel < last))"
EDGES = "seen = seen & (h >= 0) & (h < in_h) & (w >= 0) & (w < in_w)"
CELL = "seen = (row < rows) & (h >= 0) & (h < in_h) & (w >= 0) & (w < in_w)"
CONVOLUTION = {
    "a channel behind the part": (STORE, STORE.replace("< last", "<= last")),
    "a channel before the part": (STORE, STORE.replace(">= first", ">= first - 1")),
    "a row behind the last": (STORE, STORE.replace("< rows", "<= rows")),
    "a part that starts late": ("(start < last)", "(start + 1 < last)"),
    "a tile without its part": ("(start + CHANNELS > first)", "(start > first)"),
    "another pixel": ("[:, None] * y_pixel", "[:, None] * (y_pixel + 1)"),
    "a channel behind the image's": ("deep = depth < in_channels", "deep = depth <= in_channels"),
    "left of the image": (EDGES, EDGES.replace("w >= 0", "w >= -1")),
    "below the image": (EDGES, EDGES.replace("h < in_h", "h <= in_h")),
    "pixels behind the last": ("seen = row < rows\n", "seen = row <= rows\n"),
    "no padding": ("PADDED=any(padding)", "PADDED=False"),
    "filters behind the last": ("deep[:, None] & (channel < out", "deep[:, None] & (channel <= out"),
    "filters of the next tap": ("(tap * in_channels + depth)", "((tap + 1) * in_channels + depth)"),
    "taps in another order": ("tap // kernel_w, left + tap % kernel_w", "tap // kernel_h, left + tap % kernel_h"),
    "the stride of the other axis": ("place // out_w * stride_h", "place // out_w * stride_w"),
    "the bias of the next": ("tl.load(bias + channel,", "tl.load(bias + channel + 1,"),
    "one more rectified": ("(channel < active)", "(channel <= active)"),
    "what is added to the next": ("added_pixel + channel[None, :]", "added_pixel + channel[None, :] + 1"),
    "the sums of one program less": ("in range(splits)", "in range(splits - 1)"),
    "a step that is the next program's": ("tl.minimum(begin + share, end)", "tl.minimum(begin + share + 1, end)"),
    "one that never arrives": ("== splits - 1", "== splits"),
    "sums on top of each other": ("place + tl.program_id(1) * (ROWS", "place + 0 * (ROWS"),
    "the second part for the third": ("_store(y2, pixel2, end1, end2", "_store(y2, pixel2, end0, end2"),
}
AVERAGE = {
    "padding not counted": ("if COUNT_PADDING:", "if not COUNT_PADDING:"),
    "a row too many counted": ("tl.minimum(top + KERNEL_H, in_h)", "tl.minimum(top + KERNEL_H, in_h + 1)"),
    "padding on the left counted": ("- tl.maximum(left, 0)", "- left"),
    "without the first row": (CELL, CELL.replace("h >= 0", "h > 0")),
    "right of the image": (CELL, CELL.replace("w < in_w", "w <= in_w")),
    "a channel behind the image's": ("seen[:, None] & (channel < channels)", "seen[:, None] & (channel <= channels)"),
    "no bias": ("_finished(total, bias, channel, channels", "_finished(total, None, channel, channels"),
}
MAXIMUM = {
    "padding that wins": ('float("-inf") if MAXIMUM', "0.0 if MAXIMUM"),
    "a mean": ("MAXIMUM=maximum", "MAXIMUM=False"),
}
SLIPS = [
    pytest.param(check, *slip, id=f"{check.__name__}: {name}")
    for check, slips in ((check_convolution, CONVOLUTION), (check_average, AVERAGE), (check_maximum, MAXIMUM))
    for name, slip in slips.items()
]


def compare(kernels, check, seeds):
    for seed in seeds:
        check(kernels, draw(seed, parts=1 + seed % 4), torch.float64)


@pytest.mark.parametrize("check", [check_convolution, check_average, check_maximum])
def test_the_text_as_it_is(interpreted, check):
    compare(load_text(TEXT, "Carried"), check, range(8))


@pytest.mark.parametrize(("check", "old", "new"), SLIPS)
def test_a_slip(interpreted, check, old, new):
    assert old in TEXT
    spoiled = load_text(TEXT.replace(old, new, 1), "Spoiled")
    with pytest.raises(Exception, match=NOTICED):
        compare(spoiled, check, range(100))

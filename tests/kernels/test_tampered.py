"""A slip in a kernel, planted in its text, is noticed by the comparison that the kernels are held to."""

import inspect

import pytest
import torch

from incdsl.runtime.load import load_text
from tests.kernels.cases import check_convolution, check_pool, draw

pytestmark = pytest.mark.triton
CONVOLUTION = {
    "a channel too many": ("(channel >= first) & (channel < last)", "(channel >= first) & (channel <= last)"),
    "a channel of the part before": ("(channel >= first) & (channel < last)", "(channel < last)"),
    "rows behind the last": ("mask = (row < rows)[:, None] & ((channel", "mask = (row < rows + 1)[:, None] & ((channel"),
    "a part that starts late": ("(start < last)", "(start + 1 < last)"),
    "a tile skipped": ("(start + CHANNELS > first)", "(start > first)"),
    "another pixel": ("row.to(tl.int64)[:, None] * y_pixel", "row.to(tl.int64)[:, None] * (y_pixel + 1)"),
    "channels behind the image's": ("deep = depth < in_channels", "deep = depth <= in_channels"),
    "left of the image": ("& (w >= 0)", "& (w >= -1)"),
    "below the image": ("seen & (h >= 0) & (h < in_h)", "seen & (h >= 0) & (h <= in_h)"),
    "padding forgotten": ("PADDED=any(padding)", "PADDED=False"),
    "filters of the next tap": ("(tap * in_channels + depth)", "((tap + 1) * in_channels + depth)"),
    "height for width": ("tap // kernel_w, left + tap % kernel_w", "tap // kernel_h, left + tap % kernel_h"),
    "stride along the other axis": ("place // out_w * stride_h", "place // out_w * stride_w"),
    "bias of its neighbour": ("tl.load(bias + channel,", "tl.load(bias + channel + 1,"),
    "one channel too many rectified": ("(channel < active)", "(channel <= active)"),
    "what is added to the next": ("* added_pixel + channel[None, :]", "* added_pixel + channel[None, :] + 1"),
    "the second part for the third": ("_store(y2, pixel2, end1, end2", "_store(y2, pixel2, end0, end2"),
    "filters behind the last": ("mask=deep[:, None] & (channel < out_channels)", "mask=deep[:, None] & (channel <= out_channels)"),
    "pixels behind the last": ("seen = row < rows\n        if", "seen = row < rows + 1\n        if"),
}  # fmt: skip
NOTICED = "from float64 in Case|outside of"
"""What a comparison says of numbers, and the interpreter of addresses."""
POOL = {
    "padding not counted": ("if COUNT_PADDING:", "if not COUNT_PADDING:"),
    "a row too many counted": ("tl.minimum(top + KERNEL_H, in_h)", "tl.minimum(top + KERNEL_H, in_h + 1)"),
    "columns in the padding counted": ("- tl.maximum(left, 0)", "- left"),
    "the edge left out": ("seen = (row < rows) & (h >= 0)", "seen = (row < rows) & (h > 0)"),
    "right of the image": ("(w >= 0) & (w < in_w)\n            cells", "(w >= 0) & (w <= in_w)\n            cells"),
    "channels behind the last": ("mask = seen[:, None] & (channel < channels)[None, :]\n            total", "mask = seen[:, None] & (channel <= channels)[None, :]\n            total"),
    "a bias that is missing": ("    total = _finished(total, bias, channel, channels, active)", "    total = _finished(total, None, channel, channels, active)"),
}  # fmt: skip


@pytest.fixture(scope="module")
def text():
    from incdsl.runtime.carried import kernels

    return inspect.getsource(kernels)


def test_the_text_itself_passes(interpreted, text):
    """As it is carried: loaded from a text, in a file of its own."""
    kernels = load_text(text, "Carried")
    for seed in range(8):
        check_convolution(kernels, draw(seed, parts=1 + seed % 4), torch.float64)
        check_pool(kernels, draw(seed), torch.float64)


@pytest.mark.parametrize("slip", CONVOLUTION)
def test_a_slip_of_the_convolution(interpreted, text, slip):
    kernels = load_text(spoiled(text, *CONVOLUTION[slip]), "Spoiled")
    with pytest.raises(Exception, match=NOTICED):
        for seed in range(100):
            check_convolution(kernels, draw(seed, parts=1 + seed % 4), torch.float64)


@pytest.mark.parametrize("slip", POOL)
def test_a_slip_of_the_pool(interpreted, text, slip):
    kernels = load_text(spoiled(text, *POOL[slip]), "Spoiled")
    with pytest.raises(Exception, match=NOTICED):
        for seed in range(100):
            check_pool(kernels, draw(seed), torch.float64)


def spoiled(text, old, new):
    assert old in text
    return text.replace(old, new, 1)

"""Colours: text can be read, lines can be seen, and heat survives a grey printer."""

from itertools import pairwise

import pytest

from incdsl.drawing.themes import DARK, LIGHT

BOTH = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])


def luminance(colour):
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """From 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@BOTH
def test_text_contrasts_with_what_it_stands_on(palette):
    for ground in (palette.paper, palette.block, palette.pool, palette.wrong_tint):
        assert contrast(palette.ink, ground) >= 7
    for ink in (palette.second, palette.wrong):
        assert contrast(ink, palette.paper) >= 4.5
    assert contrast(palette.second, palette.block) >= 4.5
    assert contrast(palette.paper, palette.bar) >= 7


@BOTH
def test_lines_can_be_seen(palette):
    for line in (palette.line, palette.edge):
        assert contrast(line, palette.paper) >= 2.95


@BOTH
def test_heat_has_one_direction_and_text_that_can_be_read(palette):
    steps = [luminance(colour) for colour in palette.heat]
    rises = palette is DARK
    assert all((a < b) is rises and a != b for a, b in pairwise(steps))
    for ground, text in zip(palette.heat, palette.on_heat, strict=True):
        assert contrast(text, ground) >= 4.5
        assert text in (palette.ink, palette.paper)

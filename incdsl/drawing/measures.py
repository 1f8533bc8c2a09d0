"""The measures of figures, in pixels, and how wide text is. Layout asks no font, so figures are the same everywhere."""

from __future__ import annotations

from functools import lru_cache
from math import ceil, sqrt
from typing import Literal

Role = Literal["title", "name", "text", "bar", "shape", "second", "note", "code", "times"]
"""What a piece of text is."""

SIZES: dict[Role, float] = {
    "title": 15, "name": 12, "text": 12, "bar": 11, "shape": 10.5, "second": 10.5, "note": 10, "code": 11, "times": 11,
}  # fmt: skip
BOLD: frozenset[Role] = frozenset({"title", "name", "bar", "times"})

# Advance widths in thousandths of an em, for characters 32 to 126 of a common sans serif (Inter, weight 400). Digits
# are as wide as the widest in use. Paddings leave about 8 % for a font that runs wider.
_ADVANCES = tuple(
    map(
        int,
        """
        281 278 403 631 638 812 639 222 362 362 500 659 280 460 276 357 640 640 640 640 640 640 640 640 640 640 276 280
        659 659 659 507 936 676 651 727 719 598 587 743 740 264 543 652 562 889 753 761 635 761 639 638 642 741 676 949
        642 665 625 362 357 362 469 452 497 564 621 558 621 582 361 609 591 237 237 544 237 869 585 597 609 609 372 523
        364 581 557 812 540 557 541 362 327 362 659
        """.split(),
    )
)
_OTHERS = {"×": 659, "−": 659, "·": 276, "…": 840, "–": 640, "⌈": 390, "⌉": 390, "⌊": 390, "⌋": 390, "✕": 840}
_UNKNOWN = 900
"""A character that no table has: as wide as a wide one."""
_HEAVIER = 1.02
_MONOSPACED = 0.603

MARGIN_OF_BLOCKS = 28
MARGIN_OF_NETS = 24
TITLE = 32
"""The baseline of the title."""
SUBTITLE = 49

STEP_HEIGHT = 28
STEP_LEAST = 76
PADDING = 10
BETWEEN_WORDS = 12
SPACE = 3.37
"""A blank between words of 12 pixels."""
SLANT = 6
"""How much narrower a trapezoid is at either side where the grid is coarser."""

BLOCK_WIDTH = 152
BLOCK_HEIGHT = 58
BLOCK_LINE = 14
"""A further line of settings."""
BLOCK_WIDEST = 216
STACKED = 3.5
"""How far the second edge of a repeated block stands out."""

PANEL_PADDING = 16
PANEL_HEAD = 30
PANEL_FOOT = 26

GAP_OF_STEPS = 16
GAP_OF_NETS = 26
GAP_OF_FACTORS = 7
GAP_WITH_SHAPE = 26
GAP_OF_RAILS = 20
GAP_OF_PARALLEL_FACTORS = 12
GAP_OF_COLUMNS = 36
ALIKE = 40
"""Rails whose distances differ by less stand at equal ones."""

FORK = 28
FORK_WITH_NAMES = 34
FORK_RADIUS = 10
GUTTER_RADIUS = 12
TAIL = 18
TAIL_WITH_SHAPE = 26
BAR = 20
THIN_BAR = 6
CIRCLE = 18
BRACKET = 30
"""The room left of a bracketed thing for the bracket and its label."""
LANE = 12
"""The distance of parallel lines that lead elsewhere."""
SHAPE_OFFSET = 7
ENTRY = 20
"""The line above the first step of a block."""
BRIDGE = 10
"""The gap in a line that another one crosses."""

BADGE = 7.5
"""The radius of a sign's circle."""

HEAT_STEPS = 7


@lru_cache(maxsize=10_000)
def advance(text: str, role: Role) -> float:
    """How wide a text is set, in pixels, by the table."""
    if role == "code":
        return len(text) * SIZES[role] * _MONOSPACED
    units = sum(
        _ADVANCES[ord(c) - 32] if 32 <= ord(c) <= 126 else _OTHERS.get(c, _UNKNOWN) for c in text
    )  # fmt: skip
    return units * SIZES[role] / 1000 * (_HEAVIER if role in BOLD else 1)


def shortened(text: str, role: Role, room: float) -> str:
    """A text that fits into so many pixels: its middle is left out if need be."""
    if advance(text, role) <= room:
        return text
    for kept in range(len(text) - 1, 1, -1):
        head = kept - kept // 2
        short = f"{text[:head].rstrip()}…{text[len(text) - kept // 2 :].lstrip() if kept // 2 else ''}"
        if advance(short, role) <= room:
            return short
    return "…"


def thickness(channels: int | None) -> float:
    """How wide the line of a value is: what has more channels is wider, within limits."""
    return 1.4 if channels is None else round(min(8.0, max(1.4, sqrt(channels) / 6)), 2)


def up_to_grid(size: float) -> float:
    """A size rounded up to the grid of 4 pixels."""
    return ceil(round(size, 6) / 4) * 4

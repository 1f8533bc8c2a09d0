"""Figures as files: PNG and PDF, and what forms there are."""

from __future__ import annotations

import re
from pathlib import Path

MOST_PIXELS = 150_000_000
"""A larger PNG takes minutes, and no viewer opens it."""
_CEILINGS = "font-family:'DejaVu Sans',Arial,sans-serif;font-size:9.5px"
_MISSING = "{} needs {}: pip install 'incdsl[draw]'"


class CannotSave(Exception):
    """A figure cannot be written in this form; the message says what would help."""


def png(svg: str, scale: float) -> bytes:
    """A figure in pixels, `scale` of them for each of its own, with the fonts of this machine.

    One that has the size of a page has so many for each 96th of an inch.

    Raises:
        CannotSave: if resvg is missing, or if there would be more than `MOST_PIXELS`.
    """
    try:
        import resvg_py
    except ImportError:
        raise CannotSave(_MISSING.format("PNG", "resvg-py")) from None
    found = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', svg)
    assert found is not None
    wide, high = map(float, found.groups())
    page = re.search(r'<svg [^>]*\bwidth="(\S+)mm"', svg)
    width = max(1, round((float(page[1]) * 96 / 25.4 if page else wide) * scale))
    if width * width * high / wide > MOST_PIXELS:
        size = f"{width:,} x {round(width * high / wide):,} pixels"
        raise CannotSave(f"a PNG would have {size}: take a smaller --scale, --fit a4, or .svg, which has no limit")
    # Inter would write branch3×3, and resvg cannot forbid it: in pixels, a letter of another script looks like an x
    alike = re.sub(r"(?<=\d)x(?=\d)", "\u0445", svg)
    # Inter has no ceiling, for which resvg would set the whole text in the first font that has one, with serifs
    sans = re.sub(r"<text(?=[^>]*>[^\n]*[⌈⌊])", f'<text style="{_CEILINGS}"', alike)
    return bytes(resvg_py.svg_to_bytes(svg_string=sans, width=width, dpi=96))


def pdf(svg: str) -> bytes:
    """A figure for print; text stays text.

    Raises:
        CannotSave: if CairoSVG or the library cairo is missing.
    """
    try:
        import cairosvg  # type: ignore[import-untyped]
    except (ImportError, OSError) as error:
        what = "CairoSVG" if isinstance(error, ImportError) else "the system's library cairo, for CairoSVG"
        raise CannotSave(_MISSING.format("PDF", what)) from None
    return bytes(cairosvg.svg2pdf(bytestring=svg.encode()))


def form_of(path: Path) -> str:
    """The form of a file by its suffix.

    Raises:
        CannotSave: if figures have no such form.
    """
    form = path.suffix.lower().lstrip(".")
    if form not in FORMS:
        raise CannotSave(f"a figure is written as .svg, .html, .png or .pdf, not as {path.name!r}")
    return form


FORMS = ("svg", "html", "png", "pdf")

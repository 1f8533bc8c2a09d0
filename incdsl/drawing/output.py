"""Figures as files: PNG and PDF, and what forms there are."""

from __future__ import annotations

import re
from pathlib import Path

_CEILINGS = "font-family:'DejaVu Sans',Arial,sans-serif;font-size:9.5px"
_MISSING = "{} needs {}: pip install 'incdsl[draw]'"


class CannotSave(Exception):
    """A figure cannot be written in this form; the message says what would help."""


def png(svg: str, scale: float) -> bytes:
    """A figure in pixels, `scale` of them for each of its own, with the fonts of this machine.

    Raises:
        CannotSave: if resvg is missing.
    """
    try:
        import resvg_py
    except ImportError:
        raise CannotSave(_MISSING.format("PNG", "resvg-py")) from None
    found = re.search(r'viewBox="\S+ \S+ (\S+) (\S+)"', svg)
    assert found is not None
    width = max(1, round(float(found[1]) * scale))
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

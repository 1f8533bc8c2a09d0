"""Figures as files: SVG, a page that holds one, PNG and PDF."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from pathlib import Path

from incdsl.drawing.themes import DARK, LIGHT, Theme

_MISSING = "{} needs {}: pip install 'incdsl[draw]'"


class CannotSave(Exception):
    """A figure cannot be written in this form; the message says what would help."""


def page(svg: str, title: str, theme: Theme) -> str:
    """A page that holds a figure and needs nothing else."""
    light, dark = (f"background:{p.paper};color:{p.ink}" for p in (LIGHT, DARK))
    body = dark if theme == "dark" else light
    also = f"@media(prefers-color-scheme:dark){{body{{{dark}}}}}" if theme == "auto" else ""
    scheme = {"light": "light", "dark": "dark", "auto": "light dark"}[theme]
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="color-scheme" content="{scheme}">\n'
        f"<style>body{{margin:0;{body}}}main{{padding:16px;overflow-x:auto}}svg{{display:block;margin:auto;"
        f"max-width:100%;height:auto}}{also}</style>\n</head>\n<body>\n<main>\n{svg}</main>\n</body>\n</html>\n"
    )


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
    return bytes(resvg_py.svg_to_bytes(svg_string=alike, width=width, dpi=96))


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


FORMS: dict[str, Callable[..., object]] = {"svg": str, "html": page, "png": png, "pdf": pdf}

"""What a figure is once its marks are there: text of SVG, files, what a notebook shows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path

from incdsl.drawing import output
from incdsl.drawing.marks import Sheet
from incdsl.drawing.paint import svg as painted
from incdsl.drawing.themes import Theme
from incdsl.writing import replace_bytes


class Painted(ABC):
    """A figure: `svg` is its text, `save` writes it, `sheet` has its marks. Notebooks show it."""

    name: str
    """What its ids begin with."""

    @property
    @abstractmethod
    def sheet(self) -> Sheet:
        """All marks of the figure, each in its place."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What it is of."""

    @property
    @abstractmethod
    def description(self) -> str:
        """What one sees, in a sentence."""

    @property
    @abstractmethod
    def theme(self) -> Theme:
        """Light, dark, or what the reader prefers."""

    @cached_property
    def svg(self) -> str:
        """The figure as SVG."""
        return self._painted(self.theme)

    def _painted(self, theme: Theme, *, apart: bool = False) -> str:
        return painted(self.sheet, self.name, self.title, self.description, theme, apart=apart)

    def png(self, scale: float = 2) -> bytes:
        """The figure in pixels, `scale` of them for each of its own. It needs resvg-py.

        Raises:
            incdsl.drawing.output.CannotSave: if that is missing.
        """
        return output.png(self._fixed(), scale)

    def pdf(self) -> bytes:
        """The figure for print. It needs CairoSVG.

        Raises:
            incdsl.drawing.output.CannotSave: if that is missing.
        """
        return output.pdf(self._fixed(apart=True))

    def _fixed(self, *, apart: bool = False) -> str:
        """The SVG for what knows no preference of a reader."""
        return self._painted("light" if self.theme == "auto" else self.theme, apart=apart)

    def save(self, path: str | Path, *, scale: float = 2) -> None:
        """Write the figure, in the form that the suffix says: .svg, .png or .pdf; of one net .html, too.

        Raises:
            incdsl.drawing.output.CannotSave: if there is no such form, or what it needs is missing.
        """
        target = Path(path)
        replace_bytes(target, self.encoded(output.form_of(target), scale))

    def encoded(self, form: str, scale: float = 2) -> bytes:
        """The figure as the bytes of a file: `"svg"`, `"png"` or `"pdf"`.

        Raises:
            incdsl.drawing.output.CannotSave: if there is no such form, or what it needs is missing.
        """
        if form == "png":
            return self.png(scale)
        if form == "pdf":
            return self.pdf()
        if form != "svg":
            raise output.CannotSave(f"this figure is written as .svg, .png or .pdf, not as .{form}")
        return self.svg.encode()

    def _repr_svg_(self) -> str:
        """The figure, for a notebook."""
        return self.svg

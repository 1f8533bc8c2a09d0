"""One call from what is to be drawn to a figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from incdsl.compiler import Compilation
from incdsl.drawing import measures as m
from incdsl.drawing.figure import Title, block_figure, net_figure
from incdsl.drawing.folding import fold
from incdsl.drawing.heat import Heat, Measure, scaled
from incdsl.drawing.layout import Layout
from incdsl.drawing.manner import Manner
from incdsl.drawing.marks import Sheet
from incdsl.drawing.notes import write_notes
from incdsl.drawing.paint import svg as painted
from incdsl.drawing.painted import Painted
from incdsl.drawing.part import Part, compiled
from incdsl.drawing.themes import Theme
from incdsl.drawing.things import seen

Fit = Literal["a4", "slide"]
_PAGES: Mapping[Fit, tuple[float, float]] = {"a4": (180.0, 267.0), "slide": (320.0, 180.0)}
"""Millimetres: A4 upright within margins of 15, and a slide of 16 to 9."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a figure is drawn.

    `depth` is how many levels of blocks are opened, `heat` the cost that boxes show as colour (`times` are seconds by
    path, for `"time"`), `fit` the page whose size and proportions it takes.
    """

    depth: int = 0
    theme: Theme = "light"
    heat: Measure | None = None
    times: Mapping[str, float] | None = None
    fit: Fit | None = None
    opened: frozenset[str] = frozenset()
    """The paths of blocks that are opened besides those of `depth`."""

    @property
    def folds(self) -> bool:
        """Whether equal neighbours are one box: not where each shows what it costs."""
        return self.heat is None


@dataclass(frozen=True, eq=False)
class Drawing(Painted):
    """A figure of a net or block. Notebooks show it; `svg` is its text, `save` writes it, `sheet` has its marks.

    The ids of the boxes are `inc-NAME-PATH`, so that a page can point at them: NAME is `name`, PATH that in the net.
    """

    part: Part
    look: Look
    name: str

    @cached_property
    def _laid_out(self) -> tuple[Sheet, Layout]:
        part, look = self.part, self.look
        heat: Heat | None = None
        if look.folds:
            fold(part.body)
        if look.heat:
            steps, blocks = seen([part.body], Manner(part.is_net, look.depth, opened=look.opened))
            heat = scaled(look.heat, (*steps, *(block for block in blocks if not block.head)), look.times)
        manner = Manner(part.is_net, look.depth, heat, names=not part.is_net, opened=look.opened)
        title = Title(part.title, part.second)
        made = block_figure(part.body, title, manner) if not part.is_net else self._fitted(title, manner)
        write_notes(made[0], part.problems, m.MARGIN_OF_NETS if part.is_net else m.MARGIN_OF_BLOCKS)
        return made

    def _fitted(self, title: Title, manner: Manner) -> tuple[Sheet, Layout]:
        """The net with columns of the height at which it fills its page best."""
        part = self.part
        best = net_figure(part.body, title, manner, part.totals)
        if self.look.fit is None:
            return best
        width, height = _PAGES[self.look.fit]
        longest = best[0].height

        def size(made: tuple[Sheet, Layout]) -> float:
            return min(width / made[0].width, height / made[0].height)

        for share in (0.75, 0.6, 0.5, 0.4, 0.33, 0.25, 0.2, 0.15, 0.1):
            made = net_figure(part.body, title, manner, part.totals, max(180.0, longest * share))
            if size(made) > size(best) * 1.001:
                best = made
        return best

    @property
    def sheet(self) -> Sheet:
        """All marks of the figure, each in its place."""
        return self._laid_out[0]

    @property
    def work(self) -> int:
        """How many things its layout looked at."""
        return self._laid_out[1].work

    @property
    def title(self) -> str:
        """The net, block or steps."""
        return self.part.title

    @property
    def description(self) -> str:
        """What one sees, in a sentence."""
        return self.part.second or self.part.title

    @property
    def theme(self) -> Theme:
        """That of its look."""
        return self.look.theme

    @cached_property
    def hooked(self) -> str:
        """The figure as SVG in which boxes say their paths, and shapes the nodes that they are of."""
        return self._painted(self.look.theme, hooks=True)

    def _painted(self, theme: Theme, *, hooks: bool = False, apart: bool = False) -> str:
        sheet, size, view = self.sheet, None, None
        if self.look.fit:
            width, height = _PAGES[self.look.fit]
            scale = min(width / sheet.width, height / sheet.height)
            size = (f"{width:g}mm", f"{height:g}mm")
            wide, high = width / scale, height / scale
            view = (
                -(wide - sheet.width) / 2,
                -(high - sheet.height) / 2 if self.look.fit == "slide" else 0.0,
                wide,
                high,
            )
        return painted(sheet, self.name, self.title, self.description, theme, size, view, hooks=hooks, apart=apart)

    @property
    def html(self) -> str:
        """The figure as a page that one can ask, with the spec beside it; it needs nothing else."""
        from incdsl.drawing.explorer.page import page

        return page(self)

    def encoded(self, form: str, scale: float = 2) -> bytes:
        """The figure as the bytes of a file: `"svg"`, `"html"`, `"png"` or `"pdf"`."""
        return self.html.encode() if form == "html" else super().encoded(form, scale)

    def __repr__(self) -> str:
        return f"<Drawing of {self.part.title}>"


def drawn(done: Compilation, look: Look | None = None) -> Drawing:
    """The figure of a net as it was compiled, before any rewrite, at the size that is nominal now."""
    look = look or Look()
    return drawing(compiled(done, folds=look.folds), look)


def drawing(part: Part, look: Look | None = None, name: str = "") -> Drawing:
    """The figure of a part of a spec; its name is what ids begin with, by default that of the net or block."""
    return Drawing(part, look or Look(), name or part.title)

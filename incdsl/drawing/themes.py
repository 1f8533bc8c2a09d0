"""The colours of figures, light and dark. Colour never says anything alone: a sign, a dash or a number stands by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Theme = Literal["light", "dark", "auto"]


@dataclass(frozen=True, slots=True)
class Palette:
    """Text and lines contrast with the paper by at least 3, text by at least 4.5."""

    paper: str
    ink: str
    second: str
    line: str
    edge: str
    hair: str
    block: str
    pool: str
    bar: str
    accent: str
    tint: str
    wrong: str
    wrong_tint: str
    heat: tuple[str, ...]
    """Seven steps of one hue; their luminance only falls, in the dark only rises, so they survive a grey printer."""
    on_heat: tuple[str, ...]
    """The text on each step: ink or paper, whichever contrasts more."""


LIGHT = Palette(
    paper="#ffffff", ink="#1b2330", second="#55606e", line="#8696a7", edge="#7d8998", hair="#d5dce4", block="#f4f6f9",
    pool="#e6ebf1", bar="#2b3545", accent="#0b5fa5", tint="#e3effa", wrong="#b0350b", wrong_tint="#fdebe3",
    heat=("#fdf6ea", "#f9e3c0", "#f3c98f", "#e9a862", "#d8833f", "#b2561f", "#762f10"),
    on_heat=("#1b2330", "#1b2330", "#1b2330", "#1b2330", "#1b2330", "#ffffff", "#ffffff"),
)  # fmt: skip
DARK = Palette(
    paper="#11161c", ink="#e8edf3", second="#a5b1be", line="#5a6979", edge="#7f8e9e", hair="#313c48", block="#19212a",
    pool="#2a3541", bar="#cfd8e2", accent="#74b7f2", tint="#152a3d", wrong="#f79a70", wrong_tint="#3a2017",
    heat=("#201b16", "#3b2a18", "#60401a", "#8b581d", "#bb7524", "#e39a45", "#ffcb85"),
    on_heat=("#e8edf3", "#e8edf3", "#e8edf3", "#e8edf3", "#11161c", "#11161c", "#11161c"),
)  # fmt: skip


def rules(palette: Palette, scope: str, heat: bool, signs: bool = False) -> list[str]:
    """The colours as rules of CSS, each of which begins with the figure; those of heat and of signs if it has any."""
    p = palette
    found = {
        "text": f"fill:{p.ink}",
        ".i2": f"fill:{p.second}",
        ".ip": f"fill:{p.paper}",
        ".iw": f"fill:{p.wrong}",
        ".if": f"fill:{p.second}",
        ".bg": f"fill:{p.paper}",
        ".bx": f"fill:{p.paper};stroke:{p.ink}",
        ".pl": f"fill:{p.pool};stroke:{p.ink}",
        ".pw": f"fill:{p.paper};stroke:{p.edge}",
        ".bk": f"fill:{p.block};stroke:{p.ink}",
        ".pn": f"fill:{p.block};stroke:{p.edge}",
        ".hd": f"fill:{p.paper};stroke:{p.edge}",
        ".br": f"fill:{p.bar}",
        ".er": f"fill:{p.wrong_tint};stroke:{p.wrong}",
        ".eh": f"fill:{p.paper};stroke:{p.ink}",
        ".eb": f"fill:{p.wrong_tint}",
        ".fd": f"fill:{p.paper};stroke:{p.edge}",
        ".hb": f"fill:{p.hair}",
        ".v": f"stroke:{p.line}",
        ".ax": f"stroke:{p.edge}",
        ".ew": f"stroke:{p.wrong}",
        ".hr": f"stroke:{p.hair}",
        ".tk": f"stroke:{p.second}",
        ".sg": f"stroke:{p.ink}",
        ".ar": f"fill:{p.second}",
        "use": f"color:{p.ink}",
        "use.fl": f"color:{p.paper}",
    }
    if heat:
        for i, (fill, text) in enumerate(zip(p.heat, p.on_heat, strict=True)):
            found[f".h{i}"] = f"fill:{fill};stroke:{p.ink}"
            found[f".o{i},#{scope} .o{i} tspan"] = f"fill:{text}"
    if signs:
        found |= {
            ".ia": f"fill:{p.accent}",
            ".qt": f"stroke:{p.edge}",
            ".qb": f"fill:{p.second}",
            f".qw,#{scope} .qw tspan": f"fill:{p.second}",
            "use.qm": f"color:{p.edge}",
            ".ac": f"fill:{p.tint};stroke:{p.accent}",
            ".ao": f"stroke:{p.accent}",
            ".ab": f"fill:{p.accent}",
            ".rm": f"fill:{p.wrong_tint};stroke:{p.wrong}",
            ".rb": f"fill:{p.wrong}",
            ".la": f"stroke:{p.accent}",
            ".lr": f"stroke:{p.wrong}",
            ".ba": f"fill:{p.paper};stroke:{p.accent}",
            ".bw": f"fill:{p.paper};stroke:{p.wrong}",
        }
    return [f"#{scope} {selector}{{{rule}}}" for selector, rule in found.items()]

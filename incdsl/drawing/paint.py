"""Marks as SVG: text stays text, ids are paths in the net, titles tell what is known of a step.

There is no script, no filter and no font in it, and no date; equal figures are equal bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from html import escape

from incdsl.drawing import measures as m
from incdsl.drawing.marks import (
    Arrow,
    Badge,
    Box,
    Ink,
    Line,
    Miniature,
    Point,
    Run,
    Shape,
    Sheet,
    Sign,
    Small,
    Stroke,
    Words,
)
from incdsl.drawing.themes import DARK, LIGHT, Theme, rules

_SANS = "Inter,'Helvetica Neue',Helvetica,Arial,'Liberation Sans','DejaVu Sans',sans-serif"
_CODE = "ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace"
_ROLES: dict[m.Role, str] = {
    "title": "h", "name": "k", "text": "", "bar": "b", "shape": "x", "second": "s", "note": "n", "code": "c",
    "times": "t",
}  # fmt: skip
_INKS: dict[Ink, str] = {"ink": "", "second": "i2", "paper": "ip", "wrong": "iw", "faded": "if", "accent": "ia"}
_LINES: dict[Line, str] = {
    "value": "v", "head": "ax", "wrong": "ew d", "bracket": "tk", "rule": "hr", "stack": "tk", "sign": "sg",
    "cross": "ew", "leader": "la", "gone": "lr",
}  # fmt: skip
_BOXES: dict[Shape, str] = {
    "box": "bx", "coarser": "bx", "finer": "bx", "pill": "pw", "block": "bk", "head": "hd", "panel": "pn", "bar": "br",
    "thin": "br", "hollow": "bx", "missing": "eh", "band": "eb", "share": "hb",
    "small": "bx",
}  # fmt: skip
_RADII: dict[Shape, float] = {"block": 4, "head": 4, "panel": 6, "share": 0, "band": 2, "small": 0}
_SIZES = (
    ".h{font-size:15px;font-weight:600}", ".k{font-weight:600}", ".b{font-size:11px;font-weight:600}",
    ".x{font-size:10.5px}", ".s{font-size:10.5px}", ".n{font-size:10px}", f".c{{font-family:{_CODE};font-size:11px}}",
    ".t{font-size:11px;font-weight:600}", ".e{text-anchor:end}", ".m{text-anchor:middle}",
    ".v,.ax,.ew,.hr,.tk,.sg{fill:none}",
    ".bx,.pl,.bk{stroke-width:1.1}", ".hd,.fd{stroke-width:1.1;stroke-dasharray:3 3}",
    ".er{stroke-width:1.8}", ".eh{stroke-width:1.1;stroke-dasharray:4 3}", ".ax,.d{stroke-dasharray:3 3}",
)  # fmt: skip
_SIGNS: dict[Sign, tuple[tuple[Point, ...], ...]] = {
    "changed": (((-3.6, 2.6), (0.0, -3.6), (3.6, 2.6)),),
    "added": (((-3.8, 0.0), (3.8, 0.0)), ((0.0, -3.8), (0.0, 3.8))),
    "removed": (((-3.8, 0.0), (3.8, 0.0)),), "moved": (((-1.6, -3.6), (2.2, 0.0), (-1.6, 3.6)),),
}  # fmt: skip
_OF_SIGNS = (".sw{stroke-width:1.3}", ".la,.lr{fill:none}", ".bs{stroke-width:1.4}", ".ba,.bw{stroke-width:1.1}")


def svg(
    sheet: Sheet, name: str, title: str, description: str, theme: Theme = "light", size: tuple[str, str] | None = None,
    view: tuple[float, float, float, float] | None = None, *, hooks: bool = False, apart: bool = False,
) -> str:  # fmt: skip
    """A figure as one SVG document; `size` is its width and height where they are not those of the marks.

    With `hooks` it is for a page with a script: boxes say their paths and shapes their nodes, `data-path` and
    `data-node`, and the rules of the style are left to the page. With `apart` no text is made of several pieces that
    are centred together, which not every converter can do.
    """
    scope = scope_of(name)
    box = view or (0, 0, sheet.width, sheet.height)
    width, height = size or (_n(box[2]), _n(box[3]))
    heat = any(each.heat is not None for each in sheet.boxes)
    signs = any(each.sign for each in (*sheet.boxes, *sheet.panels))
    style = [*sizes(scope), *(_scoped(scope, _OF_SIGNS) if signs else []), *colours(scope, theme, heat, signs)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" id="{scope}" viewBox="{" ".join(map(_n, box))}" width="{width}" '
        f'height="{height}" role="img" aria-labelledby="{scope}-title {scope}-desc">',
        f'<title id="{scope}-title">{escape(title)}</title>',
        f'<desc id="{scope}-desc">{escape(description)}</desc>',
        *([] if hooks else ["<style>", *style, "</style>"]),
    ]
    if sheet.small:
        parts.append(f"<defs>{''.join(_small(scope, key, small) for key, small in sheet.small.items())}</defs>")
    parts.append(f'<rect class="bg" x="{_n(box[0])}" y="{_n(box[1])}" width="{_n(box[2])}" height="{_n(box[3])}"/>')
    parts += [
        f'<g id="{scope}-values">',
        *(_box(scope, each, hooks) for each in sheet.panels),
        *_strokes(sheet.strokes),
        *_ends(sheet),
        "</g>",
    ]
    parts += [f'<g id="{scope}-steps">', *(_box(scope, each, hooks) for each in sheet.boxes), *_strokes(sheet.signs)]
    parts += [_use(scope, each) for each in sheet.miniatures]
    parts += [_box(scope, each) for each in sheet.over]
    parts += [_badge(each) for each in sheet.badges]
    texts = [piece for words in sheet.words for piece in (_pieces(words) if apart else [words])]
    parts += ["</g>", f'<g id="{scope}-labels">', *(_words(each, hooks) for each in texts), "</g>", "</svg>"]
    return "\n".join(part for part in parts if part) + "\n"


def scope_of(name: str) -> str:
    """What the ids of a figure begin with, and its rules."""
    return f"inc-{identifier(name)}"


def sizes(scope: str) -> Iterator[str]:
    """The rules of a figure that are not about colours."""
    text = f"font-family:{_SANS};font-size:12px;font-variant-ligatures:none;font-feature-settings:'calt' 0"
    yield f"#{scope} text{{{text}}}"
    yield from _scoped(scope, _SIZES)


def _scoped(scope: str, rules: Iterable[str]) -> Iterator[str]:
    yield from (f"#{scope} {rule.replace(',.', f',#{scope} .')}" for rule in rules)


def identifier(path: str) -> str:
    """A path as part of an id."""
    return re.sub(r"[^A-Za-z0-9_.]", "-", path)


def colours(scope: str, theme: Theme, heat: bool, signs: bool = False) -> Iterator[str]:
    """The rules of a figure that are about colours."""
    yield from rules(DARK if theme == "dark" else LIGHT, scope, heat, signs)
    if theme == "auto":
        yield "@media (prefers-color-scheme:dark){"
        yield from rules(DARK, scope, heat, signs)
        yield "}"


def _box(scope: str, box: Box, hooks: bool = False) -> str:
    kind = _BOXES[box.shape]
    if box.fill == "pool":
        kind = "pl"
    elif box.fill == "bar":
        kind = "br"
    elif box.shape == "block" and box.fill == "paper":
        kind = "bx"
    if box.heat is not None:
        kind = f"{kind} h{box.heat}"
    kind = "er" if box.wrong else "fd" if box.faded else kind
    kind = f"{kind} {_signed(box)}" if _signed(box) else kind
    x, y, w, h = map(_n, (box.x, box.y, box.width, box.height))
    if box.shape in ("coarser", "finer"):
        drawn = f'<path class="{kind}" d="{_trapezoid(box)}"/>'
    else:
        radius = box.height / 2 if box.shape == "pill" else _RADII.get(box.shape, 3)
        rounded = f' rx="{_n(radius)}"' if radius else ""
        drawn = f'<rect class="{kind}" x="{x}" y="{y}" width="{w}" height="{h}"{rounded}/>'
    if not box.path:
        return drawn
    title = f"<title>{escape(box.title, quote=False)}</title>" if box.title else ""
    path = f' data-path="{escape(box.path)}"' if hooks else ""
    return f'<g id="{scope}-{identifier(box.path)}"{path}>{title}{drawn}</g>'


def _signed(box: Box) -> str:
    """The class for what became of a box: outlined where only something inside of it is another, else tinted."""
    bar = box.fill == "bar"
    if box.sign == "same":
        return "qb" if bar else "qt"
    if box.sign == "removed":
        return "rb" if bar else "rm d"
    if box.sign in ("changed", "added"):
        outlined = box.sign == "changed" and box.shape in ("block", "panel", "head")
        return "ab" if bar else "ao sw" if outlined else "ac sw"
    return ("ab" if bar else "ao sw") if box.sign == "moved" else ""


def _badge(badge: Badge) -> str:
    """A sign in its circle, with a number behind it if it has one."""
    x, y, r, half = badge.x, badge.y, m.BADGE, badge.half
    gone = badge.sign == "removed"
    place = f'x="{_n(x - half)}" y="{_n(y - r)}" width="{_n(2 * half)}" height="{_n(2 * r)}" rx="{_n(r)}"'
    at = x - half + r + (1 if badge.number else 0)
    points = " ".join(
        f"M{_n(at + row[0][0])} {_n(y + row[0][1])}" + "".join(f"L{_n(at + px)} {_n(y + py)}" for px, py in row[1:])
        for row in _SIGNS[badge.sign]
    )
    closed = "z" if badge.sign == "changed" else ""
    line = f'<path class="bs {"lr" if gone else "la"}" d="{points}{closed}"/>'
    text = f'<text x="{_n(at + r - 1)}" y="{_n(y + 3.6)}" class="n {"iw" if gone else "ia"}">{badge.number}</text>'
    return f'<rect class="{"bw" if gone else "ba"}" {place}/>{line}{text if badge.number else ""}'


def _trapezoid(box: Box) -> str:
    """Its wide side is at the top where the grid gets coarser, at the bottom where it gets finer."""
    s, r = m.SLANT, 3.0
    top, bottom = (0.0, float(s)) if box.shape == "coarser" else (float(s), 0.0)
    x0, x1, y0, y1 = box.x, box.right, box.y, box.bottom
    length = (s * s + box.height**2) ** 0.5
    dx, dy = r * (bottom - top) / length, r * box.height / length
    a, b, c, d = (x0 + top, y0), (x1 - top, y0), (x1 - bottom, y1), (x0 + bottom, y1)
    points = [
        ("M", (a[0] + dx, a[1] + dy)), ("Q", a), ("", (a[0] + r, a[1])), ("L", (b[0] - r, b[1])), ("Q", b),
        ("", (b[0] - dx, b[1] + dy)), ("L", (c[0] + dx, c[1] - dy)), ("Q", c), ("", (c[0] - r, c[1])),
        ("L", (d[0] + r, d[1])), ("Q", d), ("", (d[0] - dx, d[1] - dy)),
    ]  # fmt: skip
    return " ".join(f"{word}{_n(p[0])} {_n(p[1])}" for word, p in points).replace(" L", "L").replace(" Q", "Q") + "Z"


def _strokes(strokes: Iterable[Stroke]) -> Iterator[str]:
    """Lines; those of one kind and width that follow one another are one path."""
    waiting: list[str] = []
    kept: tuple[str, float] | None = None
    for stroke in strokes:
        key = (_LINES[stroke.kind], stroke.width)
        if key != kept and kept is not None:
            yield f'<path class="{kept[0]}" stroke-width="{_n(kept[1])}" d="{"".join(waiting)}"/>'
            waiting = []
        kept = key
        waiting += [_path(points, stroke.radius) for points in stroke.paths]
    if kept is not None:
        yield f'<path class="{kept[0]}" stroke-width="{_n(kept[1])}" d="{"".join(waiting)}"/>'


def _path(points: tuple[Point, ...], radius: float) -> str:
    """A line with rounded corners."""
    text = f"M{_n(points[0][0])} {_n(points[0][1])}"
    for i in range(1, len(points)):
        a, b = points[i - 1], points[i]
        if i == len(points) - 1 or not radius:
            text += _to(a, b)
            continue
        c = points[i + 1]
        before = _length(a, b) / (1 if i == 1 else 2)
        after = _length(b, c) / (1 if i == len(points) - 2 else 2)
        r = min(radius, before, after)
        p, q = _towards(b, a, r), _towards(b, c, r)
        text += f"{_to(a, p)}Q{_n(b[0])} {_n(b[1])} {_n(q[0])} {_n(q[1])}"
    return text


def _to(a: Point, b: Point) -> str:
    if abs(a[0] - b[0]) < 0.005:
        return f"V{_n(b[1])}"
    return f"H{_n(b[0])}" if abs(a[1] - b[1]) < 0.005 else f"L{_n(b[0])} {_n(b[1])}"


def _length(a: Point, b: Point) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _towards(a: Point, b: Point, distance: float) -> Point:
    length = ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5
    return (a[0] + (b[0] - a[0]) * distance / length, a[1] + (b[1] - a[1]) * distance / length) if length else a


def _ends(sheet: Sheet) -> Iterator[str]:
    for arrow in sheet.arrows:
        yield f'<path class="ar" d="{_arrow(arrow)}"/>'
    for dot in sheet.dots:
        yield f'<circle class="ar" cx="{_n(dot.x)}" cy="{_n(dot.y)}" r="{_n(dot.radius)}"/>'


def _arrow(arrow: Arrow) -> str:
    s, long = arrow.size, arrow.size * 1.7
    x, y = arrow.x, arrow.y
    base = {
        "up": ((x - s, y + long), (x + s, y + long)), "down": ((x - s, y - long), (x + s, y - long)),
        "left": ((x + long, y - s), (x + long, y + s)), "right": ((x - long, y - s), (x - long, y + s)),
    }[arrow.towards]  # fmt: skip
    return f"M{_n(x)} {_n(y)}L{_n(base[0][0])} {_n(base[0][1])}L{_n(base[1][0])} {_n(base[1][1])}z"


def _small(scope: str, key: str, small: Small) -> str:
    """A miniature, kept once. Its colour is that of its use, for rules do not reach into it."""
    lines = "".join(_path(points, 1) for points in small.lines)
    found = (
        f'<path fill="none" stroke="currentColor" stroke-opacity=".5" stroke-width=".9" d="{lines}"/>' if lines else ""
    )
    if small.filled:
        found += f'<path fill="currentColor" fill-opacity=".72" d="{_rectangles(small.filled)}"/>'
    if small.hollow:
        outline = 'fill="none" stroke="currentColor" stroke-opacity=".8" stroke-width=".9"'
        found += f'<path {outline} d="{_rectangles(small.hollow)}"/>'
    if small.bars:
        found += f'<path fill="currentColor" d="{_rectangles(small.bars)}"/>'
    return f'<g id="{scope}-g-{identifier(key)}">{found}</g>'


def _rectangles(boxes: list[Box]) -> str:
    return "".join(
        f"M{_n(b.x)} {_n(b.y)}h{_n(b.width)}v{_n(b.height)}h-{_n(b.width)}z" for b in boxes
    )  # fmt: skip


def _use(scope: str, each: Miniature) -> str:
    kind = ' class="fl"' if each.light else ' class="qm"' if each.quiet else ""
    if each.scale == 1:
        return f'<use{kind} href="#{scope}-g-{identifier(each.key)}" x="{_n(each.x)}" y="{_n(each.y)}"/>'
    place = f"translate({_n(each.x)} {_n(each.y)}) scale({_n(each.scale)})"
    return f'<use{kind} href="#{scope}-g-{identifier(each.key)}" transform="{place}"/>'


def _pieces(words: Words) -> list[Words]:
    """Text that is centred, each of its pieces in its place."""
    if words.anchor != "middle" or len(words.runs) < 2:
        return [words]
    found, x = [], words.left
    for run in words.runs:
        found.append(replace(words, x=x + run.before, runs=(replace(run, before=0),), anchor="start"))
        x += run.width
    return found


def _words(words: Words, hooks: bool = False) -> str:
    if not words.runs:
        return ""
    heat = words.within.heat if words.within and not words.within.wrong else None
    outer = [{"start": "", "middle": "m", "end": "e"}[words.anchor]]
    if heat is not None:
        outer.append(f"o{heat}")
    if words.within and words.within.sign == "same" and words.within.fill != "bar":
        outer.append("qw")
    place = f'x="{_n(words.x)}" y="{_n(words.y)}"'
    if len(words.runs) == 1 and not words.runs[0].before:
        run = words.runs[0]
        named = _class([*outer, _ROLES[run.role], _INKS[run.ink]]) + _about(run, hooks)
        return f"<text {place}{named}>{escape(run.text, quote=False)}</text>"
    spans = []
    for i, run in enumerate(words.runs):
        blank = " " if i and run.before == m.SPACE else ""
        shift = f' dx="{_n(run.before)}"' if run.before and i and not blank else ""
        named = _class([_ROLES[run.role], _INKS[run.ink]]) + _about(run, hooks)
        spans.append(f"{blank}<tspan{shift}{named}>{escape(run.text, quote=False)}</tspan>")
    return f"<text {place}{_class(outer)}>{''.join(spans)}</text>"


def _about(run: Run, hooks: bool) -> str:
    """The node whose shape a text is."""
    return f' data-node="{escape(run.about)}"' if hooks and run.about else ""


def _class(names: list[str]) -> str:
    kept = " ".join(name for name in names if name)
    return f' class="{kept}"' if kept else ""


def _n(number: float) -> str:
    """A number to two decimals, without what says nothing."""
    text = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text

"""Boxes get the signs of what became of them, on a sheet that was drawn without."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace

from incdsl.drawing.change import Side, everything
from incdsl.drawing.marks import Badge, Box, Fill, Sheet, Sign
from incdsl.drawing.miniature import Figure, miniature
from incdsl.drawing.picture import Block

_OUTSIDE = 5
"""How far a sign reaches over the corner of its box."""


def sign(side: Side, sheet: Sheet, led: Set[str] = frozenset(), numbers: Mapping[int, str] | None = None) -> None:
    """Give the boxes of one net their signs; the first net has only those of what is gone.

    Boxes to which a line leads, by their paths, have their signs there. The others have them at a corner, with the
    number of their remark where remarks have numbers, by the change that they tell.
    """
    signs = side.signs()
    shown = {path: _shown(side, each) for path, each in signs.items()}
    boxes: dict[int, Box] = {}
    for layer in (sheet.panels, sheet.boxes):
        for i, box in enumerate(layer):
            if box.path:
                layer[i] = boxes[id(box)] = replace(box, sign=shown.get(box.path, "same"))
    for i, words in enumerate(sheet.words):
        if words.within is not None and id(words.within) in boxes:
            sheet.words[i] = replace(words, within=boxes[id(words.within)])
    changes = side.by_path() if numbers else {}
    for box in boxes.values():
        opened = numbers is not None and box.shape == "panel" and box.sign == "changed"  # what is inside has signs
        if box.sign in ("", "same") or box.path in led or opened:
            continue
        number = next((numbers[i] for i in changes.get(box.path, ()) if i in numbers), "") if numbers else ""
        sheet.badges.append(_at_edge(box, number))
    _sign_miniatures(side, sheet, signs, shown)


def _shown(side: Side, each: Sign) -> Sign:
    """What is shown of a sign: the first net keeps the look of what the second one changed."""
    return each if side.side == "after" or each in ("same", "removed") else ""


def _at_edge(box: Box, number: str) -> Badge:
    """The sign of a box at its corner; that of a bar at its end."""
    badge = Badge(0, 0, box.sign, number)
    if box.shape in ("bar", "thin", "hollow"):
        return replace(badge, x=box.right, y=(box.y + box.bottom) / 2)
    return replace(badge, x=box.right + _OUTSIDE - badge.half, y=box.y - 1)


def _sign_miniatures(side: Side, sheet: Sheet, signs: Mapping[str, Sign], shown: Mapping[str, Sign]) -> None:
    """Show in small what changed inside of closed blocks."""
    blocks = {thing.path: thing for thing in everything(side.part.body) if isinstance(thing, Block)}
    for i, each in enumerate(sheet.miniatures):
        sheet.miniatures[i] = replace(each, quiet=signs.get(each.path) == "same")
        figure = miniature(blocks[each.path].inside) if signs.get(each.path) == "changed" else None
        for box, fill in _small(figure):
            own = signs.get(box.path, "same")
            if own == "changed" or shown.get(box.path, "same") not in ("", "same"):
                at = each.x + box.x * each.scale, each.y + box.y * each.scale
                size = box.width * each.scale, box.height * each.scale
                sheet.over.append(Box("small", *at, *size, fill=fill, sign=own))


def _small(figure: Figure | None) -> list[tuple[Box, Fill]]:
    """The boxes of a miniature, and how each is filled."""
    if figure is None:
        return []
    small = figure.marks
    return [*((box, "paper") for box in (*small.filled, *small.hollow)), *((box, "bar") for box in small.bars)]

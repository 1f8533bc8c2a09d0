"""What holds of every figure: read from its marks, not from how they were made."""

import itertools
from bisect import bisect_left, bisect_right
from collections import Counter
from math import isfinite
from xml.etree import ElementTree

from incdsl.drawing.drawing import Look, drawing
from incdsl.drawing.part import chosen
from incdsl.source import Source
from incdsl.subject import Asked

NEAR = 0.02
SOLID = {"box", "coarser", "finer", "pill", "block", "head", "bar", "thin", "hollow", "missing"}


def drawn(text, what="", look=None, **settings):
    """The drawing of a part of a spec."""
    look = look or Look()
    return drawing(chosen(Source("spec.inc", text), what, asked=Asked(settings), folds=look.folds), look)


def check(made):
    """Hold a drawing to all laws; what is broken is an AssertionError that says where."""
    sheet = made.sheet
    boxes = [box for box in sheet.boxes if box.shape in SOLID]
    inside_the_sheet(sheet)
    no_two_boxes_meet(boxes)
    lines_avoid_boxes(sheet, boxes)
    lines_join_their_boxes(sheet)
    words_stand_in_their_boxes(sheet)
    identities_are_unique(sheet)
    small_figures(sheet)
    well_formed(made.svg)


def small_figures(sheet):
    """In a block in small, too, no box meets another, no line passes through one, and all is inside."""
    for small in sheet.small.values():
        boxes = [*small.filled, *small.hollow, *small.bars]
        no_two_boxes_meet(boxes)
        for box in boxes:
            assert box.x >= -NEAR
            assert box.y >= -NEAR
            assert box.right <= small.width + NEAR, box
            assert box.bottom <= small.height + NEAR, box
        for (x0, y0), (x1, y1) in (pair for points in small.lines for pair in itertools.pairwise(points)):
            assert abs(x0 - x1) < NEAR or abs(y0 - y1) < NEAR
            left, right, top, bottom = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
            assert -NEAR <= left <= right <= small.width + NEAR
            assert -NEAR <= top <= bottom <= small.height + NEAR
            for box in boxes:
                across = left < box.right - NEAR and right > box.x + NEAR
                assert not (across and top < box.bottom - NEAR and bottom > box.y + NEAR), (box, small.lines)


def inside_the_sheet(sheet):
    """Everything is finite, and on the sheet."""
    assert 0 < sheet.width < 1e6
    assert 0 < sheet.height < 1e7
    for box in (*sheet.boxes, *sheet.panels):
        assert all(map(isfinite, (box.x, box.y, box.width, box.height))), box
        assert box.width >= 0
        assert box.height > 0
        assert box.x >= -NEAR, box
        assert box.right <= sheet.width + NEAR, box
        assert box.bottom <= sheet.height + NEAR, box
    for stroke in sheet.strokes:
        for points in stroke.paths:
            for x, y in points:
                assert -NEAR <= x <= sheet.width + NEAR, stroke
                assert -NEAR <= y <= sheet.height + NEAR, stroke


def no_two_boxes_meet(boxes):
    """No box overlaps another; a sweep from left to right."""
    order = sorted(boxes, key=lambda box: box.x)
    open_boxes = []
    for box in order:
        open_boxes = [each for each in open_boxes if each.right > box.x + NEAR]
        for each in open_boxes:
            apart = each.bottom <= box.y + NEAR or box.bottom <= each.y + NEAR
            assert apart, (each, box)
        open_boxes.append(box)


def segments(sheet):
    """All pieces of lines of values, as boxes."""
    for stroke in sheet.strokes:
        if stroke.kind not in ("value", "head", "wrong"):
            continue
        for points in stroke.paths:
            for (x0, y0), (x1, y1) in itertools.pairwise(points):
                assert abs(x0 - x1) < NEAR or abs(y0 - y1) < NEAR, stroke
                yield stroke, min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def lines_avoid_boxes(sheet, boxes):
    """No line passes through a box: it may end at its border."""
    order = sorted(boxes, key=lambda box: box.y)
    tops = [box.y for box in order]
    tallest = max((box.height for box in order), default=0)
    for stroke, x0, y0, x1, y1 in segments(sheet):
        low, high = bisect_left(tops, y0 - tallest - 1), bisect_right(tops, y1)
        for box in order[low:high]:
            through = x1 > box.x + NEAR and x0 < box.right - NEAR and y1 > box.y + NEAR and y0 < box.bottom - NEAR
            assert not through, (stroke, box)


def lines_join_their_boxes(sheet):
    """A line that comes from a box or goes to one begins or ends at its border; panels are passed from inside, too."""
    known = {box.path: box for box in (*sheet.panels, *sheet.boxes) if box.path}
    ends = {}
    for stroke in sheet.strokes:
        if not any(stroke.joins):
            continue
        first, last = ends.setdefault(stroke.joins, ([], []))
        first.append(stroke.paths[0][0])
        last.append(stroke.paths[-1][-1])
    for (source, target), (starts, stops) in ends.items():
        for path, points in ((source, starts), (target, stops)):
            if path:
                assert path in known, (path, sorted(known)[:20])
                assert any(_at_border(known[path], x, y) for x, y in points), (source, target, points, known[path])


def _at_border(box, x, y):
    within = box.x - NEAR <= x <= box.right + NEAR and box.y - NEAR <= y <= box.bottom + NEAR
    inner = box.x + NEAR < x < box.right - NEAR and box.y + NEAR < y < box.bottom - NEAR
    return within and not inner


def words_stand_in_their_boxes(sheet):
    """Text is as wide as the table says, and inside of the box that it belongs to."""
    for words in sheet.words:
        assert isfinite(words.width)
        if words.within is not None and words.within.shape != "band":
            assert words.left >= words.within.x - NEAR, words
            assert words.left + words.width <= words.within.right + NEAR, words
            assert words.within.y < words.y <= words.within.bottom, words


def identities_are_unique(sheet):
    """Every path is that of one box."""
    twice = [p for p, n in Counter(box.path for box in (*sheet.boxes, *sheet.panels) if box.path).items() if n > 1]
    assert not twice, twice


def well_formed(svg):
    """It is XML without scripts, each id once, and each use is of something that is there."""
    root = ElementTree.fromstring(svg)
    ids = Counter(each.get("id") for each in root.iter() if each.get("id"))
    assert not [each for each, count in ids.items() if count > 1]
    assert all(each.startswith(root.get("id")) for each in ids)
    for each in root.iter():
        name = each.tag.rpartition("}")[2]
        assert name in {
            "svg",
            "title",
            "desc",
            "style",
            "defs",
            "g",
            "path",
            "rect",
            "use",
            "text",
            "tspan",
            "circle",
        }, name
        if name == "use":
            assert each.get("href").lstrip("#") in ids
    assert root.get("role") == "img"

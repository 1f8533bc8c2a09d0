"""The laws on random texts, and mistakes planted in the formatter that they notice."""

from functools import cache
from itertools import count

import pytest

from incdsl.formatter import columns, fmt, layout, sheet, writer
from incdsl.formatter.fmt import formatted
from incdsl.formatter.laws import LawBroken
from incdsl.formatter.trivia import comments
from tests.formatter.laws import differences
from tests.formatter.scramble import Layouts
from tests.process import V3

COUNT = 60
"""Texts that each test formats; `python -m tests.formatter` takes more."""


@cache
def layouts():
    return Layouts()


@pytest.mark.thorough
@pytest.mark.parametrize("start", range(0, 3 * COUNT, COUNT))
def test_the_laws_hold_of_random_texts(start):
    for seed in range(start, start + COUNT):
        assert differences(layouts().scrambled(seed)) == [], seed


@pytest.mark.thorough
@pytest.mark.parametrize("start", range(0, 3 * COUNT, COUNT))
def test_the_laws_hold_of_broken_texts(start):
    for seed in range(start, start + COUNT):
        assert differences(layouts().broken(seed)) == [], seed


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["scrambled", "broken"])
def test_line_ends_change_nothing_else(kind):
    for seed in range(COUNT):
        text = getattr(layouts(), kind)(seed).replace("\r\n", "\n") + "\n"
        ended = text.replace("\n", "\r\n")
        assert formatted(ended) == formatted(text).replace("\n", "\r\n"), seed
        assert formatted(formatted(ended)) == formatted(ended), seed


@pytest.mark.thorough
def test_random_texts_are_what_they_should_be():
    """Comments are everywhere, most texts change, and most broken texts are broken, but not all over."""
    scrambled = [layouts().scrambled(seed) for seed in range(COUNT)]
    broken = [layouts().broken(seed) for seed in range(COUNT)]
    assert sum(text.count("#") for text in scrambled) > 1_000
    assert sum(formatted(text) != text for text in scrambled) > COUNT // 2
    assert sum(bool(fmt.parse(text).problems) for text in broken) > COUNT // 2
    assert sum(formatted(text) != text for text in broken) > COUNT // 4


TEXT = (
    "inc 1\n# The file\n\n# A block\nblock B =  relu  # behind\n  -> gap : [3, 1, 1]  # and here\n  -> conv2d 1x1 @in\n"
)


def behind_lost(trivia):
    return "", comments(trivia)[1]


def above_lost(trivia):
    return comments(trivia)[0], []


def behind_moved_up(trivia):
    behind, above = comments(trivia)
    return "", [*([behind] if behind else []), *above]


def blank_lines_lost(trivia):
    behind, above = comments(trivia)
    return behind, [text for text in above if text]


def changed(trivia):
    behind, above = comments(trivia)
    return behind.replace("here", "there"), above


PLANTED = {
    "a comment behind a token is lost": (writer, "comments", behind_lost, "a comment would be lost"),
    "comments above a token are lost": (writer, "comments", above_lost, "a comment would be lost"),
    "a comment changes": (writer, "comments", changed, "a comment would be lost"),
    "blank lines are lost": (writer, "comments", blank_lines_lost, "a comment would be about something else"),
    "no blanks between words": (sheet, "_blank", lambda *_: 0, "the tree would change"),
}


@pytest.mark.parametrize(("module", "name", "wrong", "law"), PLANTED.values(), ids=PLANTED)
def test_a_mistake_is_noticed(monkeypatch, module, name, wrong, law):
    formatted(TEXT)
    monkeypatch.setattr(module, name, wrong)
    with pytest.raises(LawBroken, match=law):
        formatted(TEXT)


def test_comments_that_move_to_another_definition_are_noticed(monkeypatch):
    monkeypatch.setattr(writer, "comments", behind_moved_up)
    with pytest.raises(LawBroken, match="about something else"):
        formatted("inc 1\nunit   a = relu  # behind\nunit b = relu\n")


def test_a_layout_that_is_never_done_is_noticed(monkeypatch):
    """Its gap grows with each layout that is made."""
    gaps = count(columns.GAP)
    align = columns.align

    def drifting(*arguments):
        monkeypatch.setattr(columns, "GAP", next(gaps))
        align(*arguments)

    monkeypatch.setattr(layout, "align", drifting)
    with pytest.raises(LawBroken, match="change again"):
        formatted(TEXT)


def test_whatever_breaks_in_a_broken_text_it_stays(monkeypatch):
    text = TEXT + "block C = = relu\n"
    assert formatted(text) != text
    monkeypatch.setattr(writer, "comments", behind_lost)
    assert formatted(text) == text


def test_a_law_that_fails_leaves_the_shipped_spec_alone(monkeypatch):
    text = V3.read_text(encoding="utf-8")
    monkeypatch.setattr(writer, "comments", behind_lost)
    with pytest.raises(LawBroken):
        formatted(text.replace("  ", " "))

"""Changes of a text: characters that are replaced, and what stands there afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import accumulate, takewhile
from typing import NamedTuple

_MANY = 1_000_000
"""So many pairs of equal lines are told apart."""


class Edit(NamedTuple):
    """Characters of a text, and what stands in their place; nothing is replaced where both ends are the same."""

    start: int
    end: int
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """A text after some edits, none of which may overlap."""
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def difference(before: str, after: str) -> list[Edit]:
    """The edits that make one text of another: whole lines that differ, or all between the first and the last of them.

    Lines that recur take many comparisons to tell apart; if they are too many, they are not told apart.
    """
    from difflib import SequenceMatcher

    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    first = _alike(old, new)
    start = sum(map(len, old[:first]))
    last = _alike(old[first:][::-1], new[first:][::-1])
    old, new = old[first : len(old) - last], new[first : len(new) - last]
    starts = list(accumulate(map(len, old), initial=start))
    recurring = Counter(new)
    if sum(recurring[line] for line in old) > _MANY:
        return [Edit(starts[0], starts[-1], "".join(new))]
    found = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [Edit(starts[a], starts[b], "".join(new[c:d])) for kind, a, b, c, d in found if kind != "equal"]


def _alike(one: list[str], other: list[str]) -> int:
    """With how many lines both start."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))

"""Hypothesis strategies for specs: one op, one block, a whole net."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from incdsl.testing.choices import Drawn
from incdsl.testing.mutate import nearly
from incdsl.testing.places import WORDS
from incdsl.testing.random_nets import Spec, around_a_block, around_an_op, make


@st.composite
def ops(draw: st.DrawFn, word: str, near: bool = False) -> Spec:
    """A net of one op on an image, with settings that are legal, or with `near` only just or not."""
    return around_an_op(Drawn(draw), word, near)


@st.composite
def blocks(draw: st.DrawFn, near: bool = False) -> Spec:
    """A net of one block on an image, legal mostly; with `near`, one thing in it is changed."""
    choices = Drawn(draw)
    spec = around_a_block(choices)
    return spec._replace(file=nearly(choices, spec.file)) if near else spec


@st.composite
def nets(draw: st.DrawFn, words: Sequence[str] = WORDS, steps: int = 8, near: bool = False) -> Spec:
    """A whole net of about so many steps and of these ops, legal mostly; with `near`, one thing in it is changed."""
    choices = Drawn(draw)
    spec = make(choices, words, steps)
    return spec._replace(file=nearly(choices, spec.file)) if near else spec

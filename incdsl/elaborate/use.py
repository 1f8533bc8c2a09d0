"""One use of a name in a chain, and the problems that several constructs share."""

from __future__ import annotations

from typing import Any, NamedTuple

from incdsl.diagnostics.names import BadFlow, BadRepetition, LabelMismatch, SigilNotTaken
from incdsl.elaborate.names import Named
from incdsl.elaborate.node import Location
from incdsl.elaborate.scope import One, Problem, Scope
from incdsl.ir.graph import Chain
from incdsl.source import Span
from incdsl.syntax import tree


class Use(NamedTuple):
    """One use of an op, a unit, a block or a net: the step, what flows in, and where the result goes."""

    named: Named
    call: tree.Call
    flow: tuple[One, ...]
    scope: Scope
    chain: Chain
    number: int
    note: str = ""
    optional: bool = False
    """Whether it is an auxiliary head."""
    fixed: tuple[tuple[str, Any], ...] = ()
    """Settings that the compiler gives, such as the width of a factor."""

    @property
    def word(self) -> str:
        """The name that is used."""
        return self.call.name.text

    @property
    def span(self) -> Span:
        """Where it is written."""
        return self.call.span

    @property
    def value(self) -> One:
        """The one value that flows in."""
        if len(self.flow) == 1:
            return self.flow[0]
        reason = f"{len(self.flow)} values flow into `{self.word}`, which takes one"
        raise bad_flow(self.call.name.span, reason, "join them first: `concat { | a | b }`")

    def location(self, label: str) -> Location:
        """Where its node goes."""
        return Location(self.span, self.chain, self.number, label, self.note)


def bad_flow(span: Span, reason: str, hint: str = "") -> Problem:
    """Nothing flows, or what cannot flow here."""
    return Problem(BadFlow(span=span, reason=reason, hint=hint))


def bad_label(named: Named, reason: str, hint: str = "") -> Problem:
    """The labels do not fit the step."""
    return Problem(LabelMismatch(span=named.span, reason=reason, hint=hint))


def no_sequence(reason: str, span: Span) -> Problem:
    """What repeats is an `nn.Sequential`, so each repetition must be one module."""
    hint = "put what repeats into a block of its own"
    return Problem(BadRepetition(span=span, reason=reason, hint=hint))


def one_label(use: Use) -> None:
    """Refuse several labels for what is one module."""
    if len(use.named.names) != 1:
        raise bad_label(use.named, f"`{use.word}` is one module and takes one label")


def refuse_sigils(use: Use) -> None:
    """Refuse what only ops take."""
    call = use.call
    for sigil, written in (
        ("kernel", call.kernel), ("stride", call.stride), ("width", call.width), ("padding", call.padding),
        ("number", call.number), ("factorization", call.factors),
    ):  # fmt: skip
        if written:
            taken = ("its parameters in parentheses",)
            raise Problem(SigilNotTaken(span=written.span, owner=use.word, sigil=sigil, taken=taken))

"""Rails: their names, what flows into each, and the merge that joins what comes out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from incdsl.diagnostics import Row
from incdsl.diagnostics.names import UnknownSetting
from incdsl.diagnostics.rails import NothingButChoice, NumberedLabel
from incdsl.diagnostics.shapes import ChannelsDoNotFit, StridesDisagree
from incdsl.elaborate.blame import RailEnd
from incdsl.elaborate.expand import links
from incdsl.elaborate.names import Named, lettered, numbered, rail_label, word_of
from incdsl.elaborate.node import Location, check_label
from incdsl.elaborate.scope import UNKNOWN, One, Poisoned, Problem, Scope, Value
from incdsl.elaborate.suggest import knows
from incdsl.elaborate.tools import Tools
from incdsl.elaborate.use import bad_flow
from incdsl.ir.graph import Chain
from incdsl.ops import Op
from incdsl.ops.merge import Add, Concat, Mul, Slice
from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.values import Image, expression

JOINS: dict[str, Callable[[], Op]] = {"concat": Concat, "reduce": Concat, "add": Add, "mul": Mul}


class Rails:
    """What a merge is made of, but for the chains of its rails."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def joined(self, merge: tree.Merge, ends: list[RailEnd], value: One | None, scope: Scope, ir: Chain) -> One:
        """The value that the ends of all rails give together."""
        op = JOINS[merge.word.text]()
        head = merge.word.span
        self._tools.placer.agree(op, merge.word.text, ends, scope, head)
        if merge.word.text == "reduce":
            if value is None:
                raise bad_flow(merge.span, "`reduce` reduces what flows into it", "`concat` joins bound values")
            if isinstance(value, Value) and self._tools.whole:
                self._check_strides(ends, value, head)
        if merge.word.text in ("add", "mul") and len({expression(e.value.shape.channels) for e in ends}) > 1:
            for end in ends:
                self._tools.evaluate.pin(scope, end.value.shape.channels)
        location = Location(head, ir, self._tools.placer.step_number())
        return self._tools.placer.place(op, [end.value for end in ends], scope, location)

    def shares(self, merge: tree.Merge, irs: list[Chain], value: One | None, scope: Scope) -> Sequence[One | None]:
        """What flows into each rail: everything, or with `(split)` its share of the channels."""
        if not merge.args:
            return [value] * len(irs)
        if value is None:
            raise bad_flow(merge.span, "nothing flows in that could be split")
        arg = merge.args[0]
        if isinstance(arg, tree.Error):
            raise Poisoned
        name = arg.name.text if arg.name else arg.value.name if isinstance(arg.value, tree.Variable) else ""
        if len(merge.args) > 1 or name != "split":
            hint = "`(split)` or `(split: [widths])` hands each rail its share of the channels"
            setting, word = name or arg.span.text, merge.word.text
            raise Problem(UnknownSetting(span=arg.span, owner=word, setting=setting, settings=("split",), hint=hint))
        sizes = self._tools.evaluate.value(arg.value, scope) if arg.name else None
        return self.split(value, sizes, scope, arg.span, irs)

    def split(self, value: One, sizes: Any, scope: Scope, span: Span, irs: list[Chain]) -> list[One]:
        """The channels in parts, one for each chain, equal ones unless sizes are given."""
        if not isinstance(value, Value):
            return [UNKNOWN] * len(irs)
        channels, count = value.shape.channels, len(irs)
        reason = ""
        if sizes is None:
            if channels % count:
                reason = f"{int(channels)} channels do not split into {count} equal parts"
            sizes = (channels // count,) * count
        elif not isinstance(sizes, tuple) or not all(
            isinstance(s, int) and not isinstance(s, bool) and s > 0 for s in sizes
        ):
            reason = "`split` needs a list of whole numbers"
        elif len(sizes) != count or sum(map(int, sizes)) != channels:
            shown = " + ".join(str(int(s)) for s in sizes)
            reason = f"{shown} = {sum(map(int, sizes))} in {count} parts, but {int(channels)} channels flow in"
        if reason:
            raise Problem(ChannelsDoNotFit(span=span, reason=reason))
        self._tools.evaluate.pin(scope, channels)
        parts: list[One] = []
        start = 0
        for size, ir in zip(sizes, irs, strict=True):
            stop = start + size
            location = Location(span, ir, self._tools.placer.step_number())
            parts.append(self._tools.placer.place(Slice(start=start, stop=stop), [value], scope, location))
            start = stop
        return parts

    def _check_strides(self, ends: list[RailEnd], value: Value, span: Span) -> None:
        strides = [tuple(_stride(value, end.value)) for end in ends]
        if len(set(strides)) == 1 and all(s is not None and s >= 2 for s in strides[0]):
            return
        rows = [
            Row(end.span, self._tools.conditions.show(end.value.shape), f"stride {_shown(stride)}")
            for end, stride in zip(ends, strides, strict=True)
        ]
        raise Problem(StridesDisagree(span=span, rails=tuple(rows)))


def rail_name(rail: tree.Rail, scope: Scope, turn: int | None, base: str, index: int) -> tuple[str, str]:
    """The name of a rail's chain, and what generated code may call its values."""
    first = rail.chain.steps[0]
    for label in first.labels:
        check_label(label.text, label.span, scope)
    own = rail_label(rail.chain, turn)
    name = own or lettered(base, index)
    if own or first.labels:
        return name, re.sub(r"(\.\d+)+$", "", own or first.labels[0].text).replace(".", "_")
    single = len(rail.chain.steps) == 1 and isinstance(first.atom, tree.Call)
    return name, word_of(first.atom) if single else name.replace(".", "_")


def hold_choices(rail: tree.Rail, chain: tree.Chain) -> None:
    """Refuse a rail that its tests may leave without a step; the chain is its own, or what a variant puts there."""
    steps = links(chain)
    choices = [link.repeat.test for link in steps if isinstance(link.repeat, tree.When) and link.may_be_left_out]
    if len(choices) < len(steps):
        return
    first, ways = steps[0], []
    label = ", ".join(label.text for label in first.labels) + ": " if first.labels else ""
    written = chain is rail.chain
    same = len({test.span.text for test in choices}) == 1
    if written and rail.guard is None and same:
        inside = " -> ".join(link.atom.span.text for link in steps)
        ways.append(f"`| if {choices[0].span.text}: {label}{inside}` leaves out the rail")
    if not (isinstance(first.atom, tree.Call) and first.atom.name.text == "identity"):
        ways.append(f"`{'| ' if written else ''}identity -> {chain.span.text}` hands on what flows in")
    raise Problem(NothingButChoice(span=chain.span, ways=tuple(ways)))


def hold_label(plan: Sequence[Named], tools: Tools, scope: Scope) -> None:
    """Warn where the label of a rail is numbered beside steps that have labels of their own."""
    first = plan[0]
    labels = first.link.labels
    if labels and not first.labelled and first.names and any(named.labelled for named in plan[1:]):
        label = labels[0]
        if first.names != tuple(numbered(label.text, len(first.names))):
            tools.sink.add(NumberedLabel(span=label.span, path=scope.title, rail=label.text, name=first.names[0]))


def lacks_flow(chain: tree.Chain, scope: Scope) -> bool:
    """Whether a rail starts with a step into which something must flow."""
    atom = chain.steps[0].atom
    if isinstance(atom, tree.Call):
        return atom.name.text not in scope.values and (not atom.bare or knows(atom.name.text, scope))
    return isinstance(atom, tree.Group) and lacks_flow(atom.chain, scope)


def starts_bound(chain: tree.Chain, scope: Scope) -> bool:
    """Whether a rail starts with a value of its own rather than with what flows in."""
    atom = chain.steps[0].atom
    return isinstance(atom, tree.BlockInput) or (isinstance(atom, tree.Call) and atom.name.text in scope.values)


def _stride(start: Value, end: Value) -> Iterator[Any]:
    """The total stride between two values, for each axis; None where the end no longer follows the start."""
    if isinstance(start.shape, Image) and isinstance(end.shape, Image):
        for before, after in (
            (start.shape.height, end.shape.height),
            (start.shape.width, end.shape.width),
        ):
            yield before.slope / after.slope if after.slope else None
    else:
        yield from (None, None)


def _shown(strides: tuple[Any, ...]) -> str:
    texts = ["unknown" if s is None else str(s) for s in strides]
    return texts[0] if len(set(texts)) == 1 else "x".join(texts)

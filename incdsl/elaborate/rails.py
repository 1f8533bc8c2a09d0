"""Rails: parallel branches, what flows into them, and the merge that joins them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from incdsl.diagnostics import Row
from incdsl.diagnostics.names import UnknownSetting
from incdsl.diagnostics.shapes import ChannelsDoNotFit, StridesDisagree
from incdsl.elaborate.calls import ChainOf
from incdsl.elaborate.expressions import Expressions
from incdsl.elaborate.naming import Named, lettered, word_of
from incdsl.elaborate.pins import StaticParams
from incdsl.elaborate.place import Location, Placer, RailEnd
from incdsl.elaborate.places import NOWHERE, Found, Places
from incdsl.elaborate.problems import bad_flow, bad_label, no_sequence
from incdsl.elaborate.repeat import Loops
from incdsl.elaborate.scope import Poisoned, Problem, Scope, Value
from incdsl.ir.graph import Chain
from incdsl.ops import Op
from incdsl.ops.merge import Add, Concat, Mul, Slice
from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.values import Image, expression

_JOINS: dict[str, Callable[[], Op]] = {"concat": Concat, "reduce": Concat, "add": Add, "mul": Mul}


class Rails:
    """Elaborates merges; `chain` elaborates the chain of each rail."""

    def __init__(
        self, places: Places, placer: Placer, evaluate: Expressions, loops: Loops, pins: StaticParams, chain: ChainOf
    ) -> None:
        self._places = places
        self._placer = placer
        self._evaluate = evaluate
        self._loops = loops
        self._pins = pins
        self._chain = chain

    def merge(self, merge: tree.Merge, named: Named, scope: Scope, value: Value | None, chain: Chain) -> Value:
        """The value that the rails of a merge give together. Raises `Poisoned` if a rail is wrong.

        Nothing need flow in where every rail starts with a bound value.
        """
        if scope.instance.kind == "sequence":
            raise no_sequence("rails cannot repeat by themselves", merge.span, scope)
        if len(named.names) > 1:
            raise bad_label(named.step, scope, "a merge has one label")
        base = named.names[0] if named.names else "branch"
        rails = [pair for rail in merge.rails for pair in self._expanded(rail, scope)]
        if not rails:
            raise bad_flow(merge.span, scope, f"no rail of `{merge.word}` is left")
        names = [self._rail_name(rail, base, i) for i, rail in enumerate(rails)]
        found = [self._found(rail, name) for rail, (name, _) in zip(rails, names, strict=True)]
        pipes = [f.change.pipe if f.change else pipe for f, (pipe, _, _) in zip(found, rails, strict=True)]
        if value and not merge.args and all(_starts_bound(pipe, scope) for pipe in pipes):
            raise bad_flow(merge.span, scope, f"no rail of `{merge.word}` reads what flows into it", _BOUND_ONLY)
        chains = [Chain(local, rail=True, parent=chain) for _, local in names]
        flows = self._shares(merge, chains, value, scope)
        ends: list[RailEnd] = []
        poisoned = False
        for i, ((_, inner, several), flow, rail_chain) in enumerate(zip(rails, flows, chains, strict=True)):
            name = names[i][0]
            titled = replace(inner, title=f"{scope.title} > {name}")
            try:
                with self._places.inside(found[i], titled, flow) as place:
                    labelled = not several and found[i].change is None  # the chain of a change has the rail's label
                    end = self._chain(pipes[i], place, flow, name, labelled, rail_chain)
                ends.append(RailEnd(end, pipes[i].span))
            except Poisoned:
                poisoned = True
        if poisoned:
            raise Poisoned
        op = _JOINS[merge.word]()
        head = Span(merge.span.source, merge.word_span.start, merge.word_span.end)
        self._placer.agree(op, merge.word, ends, scope, head)
        if merge.word == "reduce":
            if value is None:
                raise bad_flow(merge.span, scope, "`reduce` reduces what flows into it", "`concat` joins bound values")
            self._reduces(ends, value, scope, head)
        if merge.word in ("add", "mul") and len({expression(e.value.shape.channels) for e in ends}) > 1:
            for rail_end in ends:
                self._pins.pin(scope, rail_end.value.shape.channels)
        location = Location(head, chain, self._placer.step_number())
        return self._placer.place(op, [e.value for e in ends], scope, location)

    def _found(self, rail: tuple[tree.Pipe, Scope, bool], name: str) -> Found:
        pipe, scope, _ = rail
        return self._places.rail(pipe, name, scope) if _label(pipe) else NOWHERE

    def _expanded(self, rail: tree.Rail, scope: Scope) -> Iterator[tuple[tree.Pipe, Scope, bool]]:
        guard = rail.guard
        self._evaluate.work += 1
        self._placer.hold_work(self._evaluate.work, rail.span, scope)
        if isinstance(guard, tree.Only):
            if self._evaluate.test(guard.test, scope):
                yield rail.pipe, scope, False
            else:
                self._places.leave_out(_label(rail.pipe), scope)
        elif isinstance(guard, tree.RailsFor):
            for row in self._loops.each(guard.names, guard.rows, guard.span, scope):
                yield rail.pipe, replace(scope, params={**scope.params, **row}), True
        else:
            yield rail.pipe, scope, False

    def _rail_name(self, rail: tuple[tree.Pipe, Scope, bool], base: str, index: int) -> tuple[str, str]:
        """The name of a rail's chain, and what generated code may call its values."""
        pipe, scope, several = rail
        first = pipe.steps[0]
        for label in first.labels:
            self._placer.check_label(label.text, label.span, scope)
        if first.labels and not first.labels[0].counts:
            name = first.labels[0].text
            name = lettered(name, index) if several else name
            return name, re.sub(r"(\.\d+)+$", "", name).replace(".", "_")
        name = lettered(base, index)
        single = len(pipe.steps) == 1 and isinstance(first.atom, tree.Call)
        return name, word_of(first) if single else name.replace(".", "_")

    def _shares(
        self, merge: tree.Merge, chains: list[Chain], value: Value | None, scope: Scope
    ) -> Sequence[Value | None]:
        """What flows into each rail: everything, or with `(split)` its share of the channels."""
        if not merge.args:
            return [value] * len(chains)
        if value is None:
            raise bad_flow(merge.span, scope, "nothing flows in that could be split")
        arg = merge.args[0]
        name = arg.name or (arg.value.name if isinstance(arg.value, tree.Variable) else "")
        if len(merge.args) > 1 or name != "split":
            hint = "`(split)` or `(split: [widths])` hands each rail its share of the channels"
            raise Problem(
                UnknownSetting(
                    span=arg.span, path=scope.title, owner=merge.word, setting=name or arg.span.text,
                    settings=("split",), hint=hint,
                )
            )  # fmt: skip
        sizes = self._evaluate.value(arg.value, scope) if arg.name else None
        return self.split(value, sizes, scope, arg.span, chains)

    def split(self, value: Value, sizes: Any, scope: Scope, span: Span, chains: list[Chain]) -> list[Value]:
        """The channels in parts, one for each chain, equal ones unless sizes are given."""
        channels, count = value.shape.channels, len(chains)
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
            raise Problem(ChannelsDoNotFit(span=span, path=scope.title, reason=reason))
        self._pins.pin(scope, channels)
        parts, start = [], 0
        for size, chain in zip(sizes, chains, strict=True):
            stop = start + size
            location = Location(span, chain, self._placer.step_number())
            parts.append(self._placer.place(Slice(start=start, stop=stop), [value], scope, location))
            start = stop
        return parts

    def _reduces(self, ends: list[RailEnd], value: Value, scope: Scope, span: Span) -> None:
        strides = [tuple(_stride(value, end.value)) for end in ends]
        if len(set(strides)) == 1 and all(s is not None and s >= 2 for s in strides[0]):
            return
        rows = tuple(
            Row(e.span, self._placer.conditions.show(e.value.shape), f"stride {_shown(s)}")
            for e, s in zip(ends, strides, strict=True)
        )
        raise Problem(StridesDisagree(span=span, path=scope.title, rails=rows))


_BOUND_ONLY = "a merge of bound values starts its chain: `y = concat { | a | b }`"


def _label(pipe: tree.Pipe) -> str:
    """The label at the start of a rail, which names it."""
    labels = pipe.steps[0].labels
    return labels[0].text if labels and not labels[0].counts else ""


def _starts_bound(pipe: tree.Pipe, scope: Scope) -> bool:
    """Whether a rail starts with a value of its own rather than with what flows in."""
    atom = pipe.steps[0].atom
    return isinstance(atom, tree.BlockInput) or (isinstance(atom, tree.Call) and atom.name in scope.values)


def _stride(start: Value, end: Value) -> Iterator[Any]:
    """The total stride between two values, for each axis; nothing where the end no longer follows the start."""
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

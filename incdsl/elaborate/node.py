"""Puts ops into the graph: every node is held to its shape rule, every label to the rules of names."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from incdsl.diagnostics import Diagnostic, Sink
from incdsl.diagnostics.limits import NumberTooLarge
from incdsl.diagnostics.names import BadName, NamesAlike, NameTaken
from incdsl.diagnostics.shapes import ChannelsDoNotFit, DoesNotFit, RankMismatch
from incdsl.elaborate.blame import RailEnd, channels_disagree, rails_disagree
from incdsl.elaborate.budget import Budget
from incdsl.elaborate.reserved import why_no_attribute
from incdsl.elaborate.scope import Poisoned, Problem, Scope, Value
from incdsl.ir.conditions import Conditions, Place
from incdsl.ir.graph import Chain, Graph, Input, Node
from incdsl.ops import Demand, Op, ShapeError
from incdsl.ops.merge import Mul, is_scale
from incdsl.source import Span
from incdsl.values import Image, Shape, TooComplicated

MAX_PARTS = 16
"""Parts of a label that is a path."""
LARGEST_EXTENT = 1 << 31


class Location(NamedTuple):
    """Where a node goes: the written step, the chain, and the label if it is an attribute."""

    span: Span
    chain: Chain
    step: int
    label: str = ""
    note: str = ""


class Placer:
    """Appends nodes to the graph of a net."""

    def __init__(self, graph: Graph, conditions: Conditions, budget: Budget, sink: Sink) -> None:
        self.graph = graph
        self.conditions = conditions
        self._budget = budget
        self._sink = sink
        self._anonymous: Counter[str] = Counter()
        self._steps = 0

    def step_number(self) -> int:
        """A number for the next written step."""
        self._steps += 1
        return self._steps

    def place(self, op: Op, operands: list[Value], scope: Scope, location: Location) -> Value:
        """Add a node; its value, with the shape that its rule gives."""
        self._budget.place(location)
        shapes = [value.shape for value in operands]
        try:
            shape = op.infer(*shapes)
            demands = tuple(op.demands(*shapes))
        except ShapeError as error:
            kind = RankMismatch if error.kind == "rank" else ChannelsDoNotFit
            raise Problem(kind(span=location.span, reason=error.reason, hint=error.help)) from None
        except TooComplicated as error:
            raise Problem(NumberTooLarge(span=location.span, reason=str(error))) from None
        if not shapes or shape is not shapes[0] or demands:  # else its sizes have been looked at
            self._hold_sizes(op, shapes, shape, demands, Place(location.span, scope.title))
        name = self._name(op, scope, location)
        node = Node(
            name, op, scope.instance, location.label, location.span, location.chain, location.step, location.note
        )
        self.graph.add(node, tuple([value.node for value in operands]), shape)
        return Value(name, shape)

    def _hold_sizes(
        self, op: Op, inputs: list[Shape], shape: Shape, demands: tuple[Demand, ...], where: Place
    ) -> None:  # fmt: skip
        """Require what the op demands, and an output that has a size."""
        for demand in demands:
            if not self.conditions.keep_demand(demand, where):
                raise Problem(self._misfit(op, inputs[0], where.span, demand.reason))
        if isinstance(shape, Image):
            fits = [self.conditions.keep_positive(extent, where) for extent in (shape.height, shape.width)]
            if not all(fits):
                raise Problem(self._misfit(op, inputs[0], where.span))
        self._check_size(shape, where.span)

    def _check_size(self, shape: Shape, span: Span) -> None:
        """No extent of a tensor has more than 31 bits; a chain that doubles it 60 times would soon exceed 64."""
        sizes: list[int | None] = [int(shape.channels)]
        if isinstance(shape, Image):
            sizes += [self.conditions.size(shape.height), self.conditions.size(shape.width)]
        if any(size is not None and size >= LARGEST_EXTENT for size in sizes):
            reason = f"an extent of {self.conditions.show(shape)} has over 31 bits"
            raise Problem(NumberTooLarge(span=span, reason=reason))

    def _name(self, op: Op, scope: Scope, location: Location) -> str:
        above = scope.instance.path
        if location.label:
            return f"{above}.{location.label}" if above else location.label
        stem = f"{location.chain.name}:" if isinstance(op, Input) else f"{above}:{op.word}"
        self._anonymous[stem] += 1
        count = self._anonymous[stem]
        return stem if count == 1 else f"{stem}#{count}"

    def _misfit(self, op: Op, shape: Shape, span: Span, reason: str = "") -> Diagnostic:
        windows = op.windows()
        arithmetic = ""
        if windows and isinstance(shape, Image):
            sizes = [self.conditions.size(e) for e in (shape.height, shape.width)]
            worked = [w.arithmetic(s) for w, s in zip(windows, sizes, strict=True) if s is not None]
            arithmetic = min(worked, key=lambda text: int(text.rpartition("= ")[2]), default="")
        shown = self.conditions.show(shape)
        return DoesNotFit(span=span, owner=op.word, shape=shown, arithmetic=arithmetic, reason=reason)

    # Labels

    def claim(self, label: str, span: Span, scope: Scope) -> str:
        """Reserve an attribute in the class of a scope."""
        check_label(label, span, scope)
        parts = label.split(".")
        prefixes = {".".join(parts[:i]) for i in range(1, len(parts))}
        if label in scope.labels or prefixes & scope.labels.keys() or f"{label}." in scope.labels:
            stem, _, count = label.rpartition("_")
            numbers = stem and count.isdigit()
            hint = f"the unlabelled steps of a chain `{stem}` are called `{stem}_1`, `{stem}_2`, …" if numbers else ""
            raise Problem(
                NameTaken(span=span, name=label, taken_by="the name of another step of this block", hint=hint)
            )
        alike = f"~{label.lower()}"
        if alike in scope.labels:
            self._sink.add(NamesAlike(span=span, path=scope.title, name=label, other=scope.labels[alike]))
        for key in (label, alike, *(f"{prefix}." for prefix in prefixes)):
            scope.labels[key] = label
        return label

    def free_label(self, word: str, span: Span, scope: Scope) -> str:
        """A label after an op's word, for an attribute that nobody named."""
        count = scope.counts.get(word, 0) + 1
        label = word if count == 1 else f"{word}_{count}"
        while label in scope.labels or f"{label}." in scope.labels:
            count += 1
            label = f"{word}_{count}"
        scope.counts[word] = count
        return self.claim(label, span, scope)

    # Rails

    def agree(self, op: Op, word: str, rails: list[RailEnd], scope: Scope, span: Span) -> None:
        """Hold the rails of a merge to ending alike."""
        images = [r for r in rails if not (isinstance(op, Mul) and is_scale(r.value.shape))]
        ranks = {isinstance(r.value.shape, Image) for r in rails}
        if len(ranks) > 1:
            shapes = ", ".join(self.conditions.show(r.value.shape) for r in rails)
            raise Problem(RankMismatch(span=span, reason=f"the rails of `{word}` are {shapes}"))
        where = Place(span, scope.title)
        first = images[0].value.shape if images else None
        for rail in images[1:]:
            other = rail.value.shape
            if isinstance(first, Image) and isinstance(other, Image):
                for left, right in ((first.height, other.height), (first.width, other.width)):
                    sizes = self.conditions.size(left), self.conditions.size(right)
                    if None not in sizes and sizes[0] != sizes[1]:
                        raise Problem(rails_disagree(word, images, self.graph, self.conditions, span))
                    self.conditions.keep_equal(left, right, where)
        if word in ("add", "mul") and len({int(r.value.shape.channels) for r in rails}) > 1:
            raise Problem(channels_disagree(word, rails, self.conditions, span))


def check_label(label: str, span: Span, scope: Scope) -> None:
    """Refuse a label that no attribute can have, whether or not an attribute comes of it."""
    parts = label.split(".")
    for part in parts:
        if not part:  # the text lacks it, and that was reported
            raise Poisoned
        if reason := why_no_attribute(part):
            raise Problem(BadName(span=span, name=part, reason=reason))
    if len(parts) > MAX_PARTS:
        reason = f"a path has at most {MAX_PARTS} parts"
        raise Problem(BadName(span=span, name=f"{label[:20]}…", reason=reason))
    if parts[0].isdigit() and scope.instance.kind == "net":
        reason = "numbers label the steps of a block or unit; `features.0:` labels a member of a container"
        raise Problem(BadName(span=span, name=label, reason=reason))

"""Puts ops into the graph and holds every one to its shape rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from incdsl.diagnostics import Diagnostic, Row, Sink
from incdsl.diagnostics.limits import NumberTooLarge, TooManySteps, TooMuchWork
from incdsl.diagnostics.names import BadName, NamesAlike, NameTaken
from incdsl.diagnostics.shapes import ChannelsDisagree, ChannelsDoNotFit, DoesNotFit, RailsDisagree, RankMismatch
from incdsl.elaborate.reserved import why_no_attribute
from incdsl.elaborate.scope import Problem, Scope, Value
from incdsl.ir.conditions import Conditions, Place
from incdsl.ir.graph import Chain, Graph, Node
from incdsl.ops import Op, PaddingError, ShapeError
from incdsl.ops.merge import Mul, is_scale
from incdsl.source import Span
from incdsl.values import Extent, Image, Pair, Shape, TooComplicated

MAX_PARTS = 16
"""Parts of a label that is a path."""

LARGEST_EXTENT = 1 << 31

WORK_FOR_A_STEP = 100
"""Terms, items and looks at written steps that elaboration may take for each step that is allowed."""

MAX_ROWS = 16
"""Rails that a diagnostic shows."""


@dataclass(frozen=True, slots=True)
class Location:
    """Where a node goes: the written step, the chain, and the label if it is an attribute."""

    span: Span
    chain: Chain
    step: int
    label: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class RailEnd:
    """The end of one rail of a merge, and where the rail was written."""

    value: Value
    span: Span


class Placer:
    """Appends nodes to a graph; complaints carry the place, shape rules do not know it."""

    def __init__(self, graph: Graph, conditions: Conditions, sink: Sink, max_steps: int, spent: int = 0) -> None:
        self.graph = graph
        self.conditions = conditions
        self._max_steps = max_steps
        self._spent = spent
        self._sink = sink
        self._anonymous: Counter[str] = Counter()
        self._steps = 0
        self._chains = 0
        self.exhausted = False

    def step_number(self) -> int:
        """A number for the next written step."""
        self._steps += 1
        return self._steps

    def exhaust(self, span: Span, scope: Scope, steps: int | None = None) -> Problem:
        """The problem that ends everything: nothing is elaborated any more."""
        self.exhausted = True
        return Problem(TooManySteps(span=span, path=scope.title, steps=steps, limit=self._max_steps))

    @property
    def room(self) -> int:
        """How many more nodes the budget allows."""
        return self._max_steps - self._spent - len(self.graph)

    def count_chain(self, span: Span, scope: Scope) -> None:
        """Chains count as well: a mistake in a block used 2^60 times places no node at all."""
        self._chains += 1
        if self._chains > 2 * (self._max_steps - self._spent):
            raise self.exhaust(span, scope)

    def hold_work(self, work: int, span: Span, scope: Scope) -> None:
        """Complain if what was evaluated, whether or not it placed a node, is out of proportion."""
        most = WORK_FOR_A_STEP * (self._max_steps - self._spent)
        if work > most:
            self.exhausted = True
            raise Problem(TooMuchWork(span=span, path=scope.title, limit=most))

    @property
    def cost(self) -> int:
        """What was built so far, in nodes."""
        return max(len(self.graph), self._chains // 2)

    def place(self, op: Op, operands: list[Value], scope: Scope, location: Location) -> Value:
        """Add a node; its value, with the shape that its rule gives."""
        if self.room <= 0:
            raise self.exhaust(location.span, scope)
        shapes = [v.shape for v in operands]
        try:
            shape = op.infer(*shapes)
            demands = tuple(op.demands(*shapes))
        except ShapeError as error:
            raise Problem(_shape_complaint(error, location.span, scope.title)) from None
        except TooComplicated as error:
            raise Problem(NumberTooLarge(span=location.span, path=scope.title, reason=str(error))) from None
        where = Place(location.span, scope.title)
        for demand in demands:
            if not self.conditions.keep_demand(demand, where):
                raise Problem(self._misfit(op, shapes[0], location.span, scope, demand.reason))
        if isinstance(shape, Image):
            fits = [self.conditions.keep_positive(extent, where) for extent in (shape.height, shape.width)]
            if not all(fits):
                raise Problem(self._misfit(op, shapes[0], location.span, scope))
        self._hold_sizes(shape, location, scope)
        name = self._name(op, scope, location)
        node = Node(
            name, op, scope.instance, location.label, location.span, location.chain, location.step, location.note
        )
        self.graph.add(node, tuple(v.node for v in operands))
        return Value(name, shape)

    def _hold_sizes(self, shape: Shape, location: Location, scope: Scope) -> None:
        """No extent of a tensor has more than 31 bits; a chain that doubles it 60 times would soon exceed 64."""
        sizes: list[int | None] = [int(shape.channels)]
        if isinstance(shape, Image):
            sizes += [self.conditions.size(extent) for extent in (shape.height, shape.width)]
        if any(size is not None and size >= LARGEST_EXTENT for size in sizes):
            reason = f"an extent of {self.conditions.show(shape)} has over 31 bits"
            raise Problem(NumberTooLarge(span=location.span, path=scope.title, reason=reason))

    def check_label(self, label: str, span: Span, scope: Scope) -> None:
        """Complain of a label that no attribute can have, whether or not an attribute comes of it."""
        for part in label.split("."):
            if reason := why_no_attribute(part):
                raise Problem(BadName(span=span, path=scope.title, name=part, reason=reason))
        parts = label.split(".")
        if len(parts) > MAX_PARTS:
            reason = f"a path has at most {MAX_PARTS} parts"
            raise Problem(BadName(span=span, path=scope.title, name=f"{label[:20]}…", reason=reason))
        if parts[0].isdigit() and scope.instance.kind != "sequence":
            reason = "an attribute starts with a letter; `features.0:` labels a member of a container"
            raise Problem(BadName(span=span, path=scope.title, name=label, reason=reason))

    def claim(self, label: str, span: Span, scope: Scope) -> str:
        """Reserve an attribute in the class of a scope."""
        self.check_label(label, span, scope)
        parts = label.split(".")
        prefixes = {".".join(parts[:i]) for i in range(1, len(parts))}
        if label in scope.labels or prefixes & scope.labels.keys() or f"{label}." in scope.labels:
            raise Problem(
                NameTaken(span=span, path=scope.title, name=label, taken_by="the label of another step of this block")
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

    def agree(self, op: Op, word: str, rails: list[RailEnd], scope: Scope, span: Span) -> None:
        """Complain unless the rails of a merge end alike."""
        images = [r for r in rails if not (isinstance(op, Mul) and is_scale(r.value.shape))]
        ranks = {isinstance(r.value.shape, Image) for r in rails}
        if len(ranks) > 1:
            shapes = ", ".join(self.conditions.show(r.value.shape) for r in rails)
            raise Problem(RankMismatch(span=span, path=scope.title, reason=f"the rails of `{word}` are {shapes}"))
        where = Place(span, scope.title)
        first = images[0].value.shape if images else None
        for rail in images[1:]:
            other = rail.value.shape
            if isinstance(first, Image) and isinstance(other, Image):
                for left, right in ((first.height, other.height), (first.width, other.width)):
                    sizes = self.conditions.size(left), self.conditions.size(right)
                    if None not in sizes and sizes[0] != sizes[1]:
                        raise Problem(self._rails_disagree(word, images, scope, span))
                    self.conditions.keep_equal(left, right, where)
        if word in ("add", "mul") and len({int(r.value.shape.channels) for r in rails}) > 1:
            rows = self._rows(rails, [int(r.value.shape.channels) for r in rails])
            raise Problem(ChannelsDisagree(span=span, path=scope.title, word=word, rails=rows))

    def _name(self, op: Op, scope: Scope, location: Location) -> str:
        above = scope.instance.path
        if location.label:
            return f"{above}.{location.label}" if above else location.label
        stem = f"{above}:{op.word}" if above else f":{op.word}"
        self._anonymous[stem] += 1
        count = self._anonymous[stem]
        return stem if count == 1 else f"{stem}#{count}"

    def _misfit(self, op: Op, shape: Shape, span: Span, scope: Scope, reason: str = "") -> Diagnostic:
        windows = op.windows()
        arithmetic = ""
        if windows and isinstance(shape, Image):
            sizes = [self.conditions.size(e) for e in (shape.height, shape.width)]
            worked = [w.arithmetic(s) for w, s in zip(windows, sizes, strict=True) if s is not None]
            arithmetic = min(worked, key=lambda text: int(text.rpartition("= ")[2]), default="")
        shown = self.conditions.show(shape)
        return DoesNotFit(span=span, path=scope.title, owner=op.word, shape=shown, arithmetic=arithmetic, reason=reason)

    def _rails_disagree(self, word: str, rails: list[RailEnd], scope: Scope, span: Span) -> Diagnostic:
        grids: list[object] = []
        for rail in rails:
            shape = rail.value.shape
            assert isinstance(shape, Image)
            grids.append((self.conditions.size(shape.height), self.conditions.size(shape.width)))
        counts = Counter(grids).most_common()
        blame = len(counts) == 1 or counts[0][1] > counts[1][1]
        usual = counts[0][0]
        rows, advice, odd = [], "", 0
        for rail, grid in zip(rails, grids, strict=True):
            remark = ""
            if blame and grid != usual:
                odd += 1
            if blame and grid != usual and odd <= MAX_ROWS // 4:
                remark, fix = self._explain(rail.value, usual)
                if fix:
                    agreeing = counts[0][1]
                    advice = f"{_count(agreeing)} of {_count(len(rails))} rails are {_grid(usual)}; {fix}"
            rows.append(Row(rail.span, self.conditions.show(rail.value.shape), remark))
        return RailsDisagree(span=span, path=scope.title, word=word, rails=_few(rows), advice=advice)

    def _explain(self, value: Value, usual: object) -> tuple[str, str]:
        """What made the odd rail's grid, and the padding that would make it agree."""
        found = self._grid_maker(value.node)
        if found is None:
            return "", ""
        name, sizes = found
        op = self.graph[name].op
        windows = op.windows()
        if windows is None:
            return f"`{op.word}` changes the grid", ""
        assert isinstance(usual, tuple)
        results = [_swept(op, sizes, axis) for axis in (0, 1)]
        axis = 0 if results[0] != usual[0] else 1
        remark = windows[axis].arithmetic(sizes[axis] or 0)
        for word, padding in _PADDINGS.items():
            other = _padded(op, padding)
            if other and tuple(_swept(other, sizes, axis) for axis in (0, 1)) == usual:
                return remark, f"write `{word}` here"
        if getattr(op, "ceil", False):
            return remark, "`ceil` rounds up where convolutions round down"
        return remark, ""

    def _grid_maker(self, name: str) -> tuple[str, list[int | None]] | None:
        """The last node before a merge or an input that changes height or width, and the size that flows into it.

        Where none does, the last window that could.
        """
        shapes = self.graph.shapes_above(name)
        keeping = None
        while len(operands := self.graph.operands(name)) == 1 and name in shapes:
            before, after = shapes[operands[0]], shapes[name]
            if isinstance(before, Image) and isinstance(after, Image):
                sizes = [self.conditions.size(e) for e in (before.height, before.width)]
                if sizes != [self.conditions.size(e) for e in (after.height, after.width)]:
                    return name, sizes
                if keeping is None and any(w.span > 1 for w in self.graph[name].op.windows() or ()):
                    keeping = name, sizes
            name = operands[0]
        return keeping

    def _rows(self, rails: list[RailEnd], keys: list[int]) -> tuple[Row, ...]:
        counts = Counter(keys).most_common()
        blame = len(counts) > 1 and counts[0][1] > counts[1][1]
        usual = counts[0][0]
        return _few(
            [
                Row(
                    rail.span,
                    self.conditions.show(rail.value.shape),
                    f"{key} channels, not {usual}" if blame and key != usual else "",
                )
                for rail, key in zip(rails, keys, strict=True)
            ]
        )


_PADDINGS: dict[str, Pair | str] = {
    "valid": "valid", "half": "half", "pad 1": Pair(1, 1), "pad 2": Pair(2, 2), "pad 3": Pair(3, 3),
}  # fmt: skip
"""What a rail that ends otherwise may have meant."""


def _padded(op: Op, padding: Pair | str) -> Op | None:
    """The op with another padding, None if it cannot have it."""
    field = type(op).sigils.get("padding", "")
    try:
        numbers = type(op).resolve_padding({**dict(op), field: padding}, op.word)
    except PaddingError:
        return None
    return None if numbers is None else op.model_copy(update={field: numbers})


def _swept(op: Op, sizes: list[int | None], axis: int) -> int:
    """The size that an op with windows makes of one, along an axis."""
    windows = op.windows()
    assert windows is not None
    return windows[axis].over(Extent.fixed(sizes[axis] or 0)).offset


def _few(rows: list[Row]) -> tuple[Row, ...]:
    """As many rows as people read, odd ones among them."""
    if len(rows) <= MAX_ROWS:
        return tuple(rows)
    odd = [row for row in rows if row.remark][: MAX_ROWS // 2]
    plain = [row for row in rows if not row.remark][: MAX_ROWS - len(odd)]
    return tuple(sorted([*odd, *plain], key=lambda row: row.span.start))


def _shape_complaint(error: ShapeError, span: Span, path: str) -> Diagnostic:
    kind = RankMismatch if error.kind == "rank" else ChannelsDoNotFit
    return kind(span=span, path=path, reason=error.reason, hint=error.help)


def _grid(grid: object) -> str:
    return "x".join(map(str, grid)) if isinstance(grid, tuple) else str(grid)


def _count(number: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[number] if number < len(words) else str(number)

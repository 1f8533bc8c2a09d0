"""The exact set of legal input sizes, per axis.

Every extent is quasi-periodic in the size of the input (`Extent.period`), so a condition between two of them is decided
by one period; conditions of the form "at least" and "exactly" are decided by bisection, since extents never decrease.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from math import lcm

from incdsl.diagnostics import Sink
from incdsl.diagnostics.shapes import AssertionFails, NoLegalSize
from incdsl.ir.conditions import Conditions, Equal, Place
from incdsl.ir.net import Net
from incdsl.values import Extent

LARGEST = 1 << 31
MAX_WORK = 200_000


@dataclass(frozen=True)
class SizeSet:
    """Sizes from `least` to `most` (no bound if nothing) whose remainder modulo `period` is in `residues`.

    `only` lists the members of a finite set in its place.
    """

    least: int
    most: int | None = None
    period: int = 1
    residues: frozenset[int] = frozenset({0})
    only: tuple[int, ...] | None = None

    def __contains__(self, size: int) -> bool:
        if self.only is not None:
            return size in self.only
        within = self.least <= size and (self.most is None or size <= self.most)
        return within and size % self.period in self.residues

    def __iter__(self) -> Iterator[int]:
        """Members in increasing order; endless if the set is."""
        if self.only is not None:
            yield from self.only
            return
        size = self.least
        while (self.most is None or size <= self.most) and self.residues:
            if size % self.period in self.residues:
                yield size
            size += 1

    @property
    def empty(self) -> bool:
        """Whether no size is legal."""
        return next(iter(self), None) is None

    def __str__(self) -> str:
        if self.empty:
            return "none"
        if self.only is not None:
            return _listed(self.only)
        least = next(iter(self))
        if self.most is not None:
            return str(least) if least == self.most else f"{least} to {self.most}{self._pattern()}"
        pattern = self._pattern()
        return f"{pattern[2:]}, >= {least}" if pattern else f">= {least}"

    def _pattern(self) -> str:
        if self.period == 1:
            return ""
        if self.period == 2:
            return ", even" if 0 in self.residues else ", odd"
        if len(self.residues) == 1:
            (residue,) = self.residues
            return f", multiples of {self.period}" if residue == 0 else f", {residue} above a multiple of {self.period}"
        return f", {_listed(tuple(sorted(self.residues)), ' or ')} above a multiple of {self.period}"


@dataclass(frozen=True)
class Sizes:
    """Legal sizes by input axis, in evaluation and in training with all auxiliary heads."""

    evaluation: dict[str, SizeSet]
    training: dict[str, SizeSet]


def legal_sizes(net: Net, sink: Sink) -> Sizes:
    """The legal sizes of a net; an empty set, and assertions that fail on it, go to the sink."""
    conditions = net.conditions
    axes = list(conditions.nominal)
    result = Sizes(
        {axis: _legal(conditions, axis, training=False) for axis in axes},
        {axis: _legal(conditions, axis, training=True) for axis in axes},
    )
    for axis in axes:
        if result.training[axis].empty:
            _report_empty(net, axis, sink)
    for assertion in net.assertions:
        where = assertion.actual.axis or ""
        if where in result.evaluation and not result.training[where].empty:
            wrong = _first_difference(assertion.stated, assertion.actual, result.training[where])
            if wrong is not None:
                stated, actual = assertion.stated.at(wrong), assertion.actual.at(wrong)
                remark = f"at {where} = {wrong} it is {actual}, not {stated}"
                sink.add(
                    AssertionFails(
                        span=assertion.span, path=assertion.path, stated=str(assertion.stated),
                        actual=str(assertion.actual), remark=remark,
                    )
                )  # fmt: skip
    return result


def _legal(conditions: Conditions, axis: str, *, training: bool) -> SizeSet:
    nominal = conditions.nominal[axis]
    if nominal is not None and any(_axes(equal) - {None, axis} for equal in conditions.equal if axis in _axes(equal)):
        return SizeSet(nominal, nominal)  # the sizes of two inputs depend on each other: nothing but these is promised
    least, most = 1, LARGEST
    for extent in [*conditions.positive, *(conditions.training_positive if training else ())]:
        if extent.axis == axis:
            least = max(least, first(lambda n, e=extent: e.at(n) >= 1))  # type: ignore[misc]
    for demand, _, in_head in conditions.demands:
        extent = demand.extent
        if (in_head and not training) or extent.axis != axis:
            continue
        least = max(least, first(lambda n, e=extent, s=demand.size: e.at(n) >= s))  # type: ignore[misc]
        if demand.exact:
            most = min(most, first(lambda n, e=extent, s=demand.size: e.at(n) > s) - 1)  # type: ignore[misc]
    equal = [e for e, (_, in_head) in conditions.equal.items() if axis in _axes(e) and (training or not in_head)]
    if not equal:
        return SizeSet(least, None if most >= LARGEST - 1 else most)
    return _where_equal(equal, least, most)


def _axes(equal: Equal) -> set[str | None]:
    return {equal.left.axis, equal.right.axis}


def _where_equal(equal: list[Equal], least: int, most: int) -> SizeSet:
    """Sizes in a range at which all pairs of extents agree."""
    growing = [e for e in equal if e.left.slope != e.right.slope]
    period = lcm(*(lcm(e.left.period, e.right.period) for e in equal))
    if period * len(equal) > MAX_WORK:
        # Only hostile specs have strides whose product is this large; what is listed is legal, more may be.
        upper = min(most, least + MAX_WORK // len(equal))
        return SizeSet(least, only=tuple(n for n in range(least, upper + 1) if _agree(equal, n)))
    if growing:
        members = set(_meetings(growing[0], least, most))
        return SizeSet(least, only=tuple(sorted(n for n in members if _agree(equal, n))))
    residues = frozenset(n % period for n in range(least, least + period) if _agree(equal, n))
    smallest, kept = _shortest(period, residues)
    return SizeSet(least, None if most >= LARGEST - 1 else most, smallest, kept)


def _agree(equal: list[Equal], size: int) -> bool:
    return all(e.left.at(size) == e.right.at(size) for e in equal)


def _meetings(equal: Equal, least: int, most: int) -> Iterator[int]:
    """Where two extents that grow at different rates are the same: at most once for each residue."""
    period = lcm(equal.left.period, equal.right.period)
    drift = int((equal.left.slope - equal.right.slope) * period)
    for start in range(least, least + period):
        gap = equal.left.at(start) - equal.right.at(start)
        if gap % drift == 0 and -gap // drift >= 0:
            size = start + period * (-gap // drift)
            if size <= most:
                yield size


def _shortest(period: int, residues: frozenset[int]) -> tuple[int, frozenset[int]]:
    """The shortest period that describes the same set."""
    for candidate in range(1, period):
        if period % candidate == 0:
            kept = frozenset(r % candidate for r in residues)
            if len(kept) * (period // candidate) == len(residues):
                return candidate, kept
    return period, residues


def first(holds: Callable[[int], bool]) -> int:
    """The smallest size at which a condition that stays true becomes true."""
    low, high = 1, LARGEST
    if not holds(high):
        return LARGEST
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _first_difference(stated: Extent, actual: Extent, sizes: SizeSet) -> int | None:
    """A legal size at which an assertion does not hold.

    Where the two agree for a period and grow alike, they agree for ever; where not, they differ at the next size.
    """
    period = lcm(stated.period, actual.period, sizes.period)
    tried = islice(sizes, min(period, MAX_WORK) + 1)
    return next((size for size in tried if stated.at(size) != actual.at(size)), None)


def _report_empty(net: Net, axis: str, sink: Sink) -> None:
    """Blame the condition with which the set becomes empty."""
    owner, _, letter = axis.rpartition(".")
    conditions, name = net.conditions, {"H": "height", "W": "width"}[letter]
    place: Place | None = None
    reason = "no size meets this"
    known: list[Equal] = []
    for equal, (where, _) in conditions.equal.items():
        if axis in _axes(equal):
            known.append(equal)
            if _where_equal(known, 1, LARGEST).empty:
                place = where
                together = ", with what stands before," if len(known) > 1 else ""
                reason = f"{equal.left} and {equal.right}{together} are never equal"
                break
    if place is None:
        place = next((p for d, p, _ in conditions.demands if d.extent.axis == axis), None)
    if place is None:
        place = next(iter(conditions.positive.values()))  # the input's own
    whose = f"`{owner}`" if owner else "the input"
    sink.add(NoLegalSize(span=place.span, path=place.path, axis=name, of=whose, reason=reason))


def _listed(sizes: tuple[int, ...], last: str = ", ") -> str:
    """Members as ranges: `7, 9 to 12`, with `last` before the last one."""
    runs: list[list[int]] = []
    for size in sizes:
        if runs and runs[-1][1] == size - 1:
            runs[-1][1] = size
        else:
            runs.append([size, size])
    texts = [str(a) if a == b else f"{a} to {b}" for a, b in runs]
    if len(texts) > 8:
        return ", ".join([*texts[:8], "..."])
    *first, end = texts
    return f"{', '.join(first)}{last}{end}" if first else end

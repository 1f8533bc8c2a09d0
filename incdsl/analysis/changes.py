"""What changed from one net to another, part by part: enough to make the second of the first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from incdsl.analysis.parts import Part
from incdsl.ir.net import Net
from incdsl.ops.spoken import settings, shown, spoken

Mark = Literal["same", "moved", "follows", "changed", "removed", "added"]


_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Change:
    """A part of the first net beside that of the second; one of them is nothing where only the other net has it.

    A part that `follows` is written as it was: only what flows into it is another value, or has another shape.
    """

    before: Part | None
    after: Part | None
    mark: Mark
    rewired: bool = False
    """Whether it reads other values, and not only behind what was put in between or taken out."""

    @property
    def part(self) -> Part:
        """The part, as it is now if it is still there."""
        part = self.after or self.before
        assert part is not None
        return part

    def more(self, what: Literal["params", "macs"]) -> int:
        """By how much a cost grew; 0 where it is not known."""
        was, now = (getattr(part, what) if part else 0 for part in (self.before, self.after))
        return 0 if was is None or now is None else now - was

    def words(self, *, fields: bool = True) -> Iterator[str]:
        """What is different, each in a few words; with `fields`, how far it sees, too."""
        before, after = self.before, self.after
        if before is None or after is None:
            yield ", ".join(map(spoken, self.part.ops))
            return
        if _label(before) != _label(after):
            yield f"was {inside(before.block, before.name)}"
        settings = list(_operations(before, after))
        yield from settings
        if self.rewired:
            names = [", ".join(inside(part.block, name) for name in part.reads) for part in (after, before)]
            yield f"reads {' instead of '.join(names)}"
        if self.mark == "moved":
            yield "stands elsewhere"
        if before.training_only != after.training_only:
            yield "is for training only" if after.training_only else "is no more for training only"
        was, now = (part.shape.split(" x ") for part in (before, after))
        if was[1:] != now[1:] or (was != now and not any(f"{was[0]} -> {now[0]}" in said for said in settings)):
            yield f"{before.shape} -> {after.shape}"
        if fields and before.sees != after.sees and not settings:
            yield f"sees {before.sees} -> {after.sees}"


def changes(before: Sequence[Part], after: Sequence[Part], inputs: Mapping[str, str] = _NONE) -> list[Change]:
    """Every part of both nets once, in the order of the second; what was removed stands where it was.

    `inputs` are those that are called otherwise now; `renamed_inputs` finds them.

    Parts of one name belong together, wherever they stand; between those, in blocks of one definition, parts that
    compute the same, then those of the same ops, then those of one kind.
    """
    gaps = list(_gaps(before, after))
    old = {before[i].name: before[i] for gap in gaps if not gap.equal for i in gap.before if before[i].is_labelled}
    moved = {after[j].name for gap in gaps if not gap.equal for j in gap.after if after[j].name in old}
    pairs: list[tuple[Part | None, Part | None]] = []
    for gap in gaps:
        mine, theirs = [before[i] for i in gap.before], [after[j] for j in gap.after]
        if gap.equal:
            pairs += zip(mine, theirs, strict=True)
            continue
        mine = [part for part in mine if part.name not in moved]
        partner = dict(_alike([part for part in theirs if part.name not in moved], mine))
        taken = {part.name for part in partner.values()}
        pairs += [(part, None) for part in mine if part.name not in taken]
        pairs += [(old[part.name] if part.name in moved else partner.get(part.name), part) for part in theirs]
    names = {**inputs, **{one.name: other.name for one, other in pairs if one and other}}
    removed = {one.name: one for one, other in pairs if one and not other}
    added = {other.name: other for one, other in pairs if other and not one}
    old_source, new_source = _sources(before, removed), _sources(after, added)
    found = []
    for one, other in pairs:
        rewired = False
        if one and other:
            was = [old_source.get(name, name) for name in one.reads]
            rewired = [names.get(name, name) for name in was] != [new_source.get(name, name) for name in other.reads]
        found.append(Change(one, other, _mark(one, other, names, rewired, moved), rewired))
    return found


def renamed_inputs(before: Net, after: Net) -> dict[str, str]:
    """Inputs of one shape that only one of the nets has, in their order; none unless they are as many."""
    old, new = _lacking(before, after), _lacking(after, before)
    return dict(zip(old, new, strict=True)) if list(old.values()) == list(new.values()) else {}


def _lacking(net: Net, other: Net) -> dict[str, str]:
    """The shapes of inputs that another net lacks."""
    shapes = net.graph.shapes()
    return {name: str(shapes[node]) for name, node in net.graph.inputs.items() if name not in other.graph.inputs}


def interface(before: Net, after: Net) -> list[tuple[str, str]]:
    """What those who call a net notice though its parts are the same: each with what it was and is."""
    found = []
    for name, old, new in (
        ("inputs", list(before.graph.inputs), list(after.graph.inputs)),
        ("outputs", list(before.graph.outputs), list(after.graph.outputs)),
    ):
        if old != new:
            found.append((name, f"{', '.join(old)} -> {', '.join(new)}"))
    weights = [{head.name: head.weight for head in net.graph.heads} for net in (before, after)]
    for name in weights[0].keys() & weights[1].keys():
        if weights[0][name] != weights[1][name]:
            found.append((name, f"weight {weights[0][name]:g} -> {weights[1][name]:g}"))
    for name in dict.fromkeys([*before.params, *after.params]):
        was, now = (shown(net.params[name]) if name in net.params else "none" for net in (before, after))
        if was != now:
            found.append((f"parameter {name}", f"{was} -> {now}"))
    return found


def inside(block: str, name: str) -> str:
    """What a part is called inside a block: without the path of that, or of the net."""
    return (name.removeprefix(block) if name.startswith((f"{block}.", f"{block}:")) else name).lstrip(".:")


def renamed(part: Part, names: Mapping[str, str]) -> tuple[str, ...]:
    """What a part reads, by the names that this has now."""
    return tuple(names.get(name, name) for name in part.reads)


def _sources(parts: Iterable[Part], between: Mapping[str, Part]) -> dict[str, str]:
    """What stands for each part that only one of the nets has: the value that it is made of, if it is only one."""
    found: dict[str, str] = {}
    for part in parts:
        sources = {found.get(name, name) for name in part.reads}
        if part.name in between and len(sources) == 1:
            (found[part.name],) = sources
    return found


@dataclass(frozen=True, slots=True)
class _Gap:
    """A run of both nets, the same names or others."""

    equal: bool
    before: range
    after: range


def _gaps(before: Sequence[Part], after: Sequence[Part]) -> Iterator[_Gap]:
    """Function calls are in no run of the same names: theirs count them, and one more would shift them all."""
    sides = ((before, "a"), (after, "b"))
    old, new = ([p.name if p.is_labelled else f"{mark} {p.name}" for p in side] for side, mark in sides)
    for step, start, stop, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        yield _Gap(step == "equal", range(start, stop), range(first, last))


def _alike(after: Sequence[Part], before: Sequence[Part]) -> Iterator[tuple[str, Part]]:
    """Names of later parts and the earlier ones that belong to them, in one order for both."""
    yield from _matched(after, before, [(home, kind) for home in (block_of, _word) for kind in (_content, _ops, _kind)])


Key: TypeAlias = Callable[[Part], Any]


def block_of(part: Part) -> str:
    """The block that a part is in; empty for steps of the net itself."""
    return "" if part.block == part.name else part.block


def _word(part: Part) -> str:
    """The definition of that block."""
    return part.block_word if block_of(part) else ""


def _content(part: Part) -> Any:
    return part.content


def _ops(part: Part) -> Any:
    return part.ops


def _kind(part: Part) -> Any:
    return tuple(type(op) for op in part.ops)


def _matched(
    after: Sequence[Part], before: Sequence[Part], keys: Sequence[tuple[Key, Key]]
) -> Iterator[tuple[str, Part]]:
    """Pairs in which the first of these are equal, in one order for both; what lies between them by the others."""
    if not (after and before and keys):
        return
    (home, kind), *others = keys
    mine, theirs = ([(home(part), kind(part)) for part in side] for side in (before, after))
    for step, start, stop, first, last in SequenceMatcher[Any](None, mine, theirs, autojunk=False).get_opcodes():
        old, new = before[start:stop], after[first:last]
        if step == "equal":
            yield from ((part.name, other) for part, other in zip(new, old, strict=True))
        else:
            yield from _matched(new, old, others)


def _mark(one: Part | None, other: Part | None, names: Mapping[str, str], rewired: bool, moved: set[str]) -> Mark:
    if one is None or other is None:
        return "added" if one is None else "removed"
    own, now = ((part.ops, part.wiring, part.training_only, _label(part)) for part in (one, other))
    if rewired or own != now:
        return "changed"
    if (one.content, one.sees, renamed(one, names)) != (other.content, other.sees, other.reads):
        return "follows"
    return "moved" if other.name in moved else "same"


def _label(part: Part) -> str:
    """What somebody called it; the names of function calls only count them."""
    return part.name if part.is_labelled else ""


def _operations(before: Part, after: Part) -> Iterator[str]:
    """How what is computed differs: settings of the same ops, or the ops."""
    if [type(op) for op in before.ops] == [type(op) for op in after.ops]:
        for old, new in zip(before.ops, after.ops, strict=True):
            name = f"{new.display_name} " if len(after.ops) > 1 else ""
            for field, was, now in settings(old, new):
                yield f"{name}{field} {was} -> {now}"
    elif before.ops != after.ops:
        yield f"{', '.join(map(spoken, before.ops))} -> {', '.join(map(spoken, after.ops))}"
    if before.ops == after.ops and before.wiring != after.wiring:
        yield "wired in another way"

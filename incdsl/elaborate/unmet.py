"""Changes of a variant that found no rail, step or head of their path: which are mistakes, and what was meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from itertools import islice

from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.reuse import ChangedInside, UnknownPath
from incdsl.elaborate.changes import Change, Changes, Left
from incdsl.elaborate.places import Place, Places
from incdsl.ir.graph import Graph, Node
from incdsl.ops.merge import Joining

_MANY = 300
"""Names among which the one that was meant is sought."""
_FEW = 4
"""Names that a message lists."""


@dataclass(frozen=True)
class Surveyed:
    """A net that is varied, built as it is: its places, its graph, and what is wrong with it."""

    places: Places
    graph: Graph
    problems: tuple[Diagnostic, ...]

    @cached_property
    def printed(self) -> Counter[str]:
        """The names in a summary, and how often each stands there."""
        units = {node.instance for node in self.graph if node.instance.kind == "unit"}
        steps = [node for node in self.graph if node.instance not in units]
        return Counter([*(unit.path for unit in units), *map(_printed, steps)])

    @cached_property
    def accepted(self) -> dict[str, Place]:
        """The places that a change can mean, by their paths."""
        known = self.places.known.items()
        return {p: place for p, place in known if place.times == 1 and not (place.word and self.printed[p] > 1)}

    def innermost(self, index: int) -> Place | None:
        """The smallest of these places that holds a node of the graph."""
        around = [place for place in self.accepted.values() if place.start <= index < place.end]
        return max(around, key=lambda place: len(place.around), default=None)


Look = Callable[[int], Surveyed]
"""Builds the net that the variant of a level varies."""


def unmet(changes: Changes, places: Places, look: Look, failed: bool) -> Iterator[Diagnostic]:
    """What is wrong with the changes of a net that was built, as far as that went; `failed` if something else is wrong.

    A net that is varied is built again only where that tells something: a change found nothing, or what it found is
    called by a word, or like this only because units were redefined.
    """
    known: dict[int, Surveyed] = {}
    levels: dict[int, dict[str, Change | Left]] = {}
    for change in changes.all:
        levels.setdefault(change.level, {})[change.path] = change
    for change in changes.all:
        hits = changes.hits(change)
        place = places.known.get(change.path)
        if hits == 1 and not changes.redefines and not (place and place.word):
            continue
        others = levels[change.level]
        if inside := _inside(change, others, _prefixes(change.path)):
            yield inside
            continue
        if change.level not in known:
            known[change.level] = look(change.level)
        base = changes.base(change.level).name
        if isinstance(change, Left):
            yield from _head(change, known[change.level], base)
        else:
            yield from _judged(change, known[change.level], base, others)
        if not hits and known[change.level].problems and not failed:
            yield from known[change.level].problems


def _inside(change: Change | Left, others: dict[str, Change | Left], around: Iterable[str]) -> Diagnostic | None:
    """The problem about a change inside of what the same variant changes."""
    for path in around:
        if other := others.get(path):
            verb = "leaves out" if isinstance(other, Left) else "replaces"
            return ChangedInside(span=change.span, name=change.path, outer=path, line=other.span.line, verb=verb)
    return None


def _prefixes(path: str) -> Iterator[str]:
    parts = path.split(".")
    return (".".join(parts[:i]) for i in range(1, len(parts)))


def _head(left: Left, base: Surveyed, name: str) -> Iterator[Diagnostic]:
    heads = [path for path, place in base.places.known.items() if place.kind == "aux head"]
    if left.path not in heads and not base.problems:
        close = get_close_matches(left.path, heads, 1)
        suggestion = close[0] if close else ""
        yield UnknownPath(span=left.span, what="aux head", name=left.path, base=name, suggestion=suggestion)


def _judged(change: Change, base: Surveyed, name: str, others: dict[str, Change | Left]) -> Iterator[Diagnostic]:
    path = change.path
    if path in base.accepted:
        if inside := _inside(change, others, base.accepted[path].around):
            yield inside
        return
    if base.problems or any(path[:i] in base.places.absent for i in range(1, len(path) + 1)):
        return
    reason, hint = _explained(path, base)
    suggestion = "" if reason else _suggestion(path, base)
    yield UnknownPath(
        span=change.span, what="rail or step", name=path, base=name, suggestion=suggestion, reason=reason, hint=hint
    )


def _explained(path: str, base: Surveyed) -> tuple[str, str]:
    """What a name is that a reader sees but that is no place, and what to replace."""
    if path in base.places.known or base.printed[path] > 1:
        named = [node for node in base.graph if _printed(node) == path]
        if not (named and isinstance(named[0].op, Joining)):
            return f"`{path}` is the name of several steps", "replace what is around the one that you mean"
    if part := base.places.parts.get(path):
        around = [base.accepted[p] for p in part.around if p in base.accepted]
        return f"`{path}` is {part.of}", _replace(around[-1] if around else None)
    for index, node in enumerate(base.graph):
        if path in (_printed(node), node.path):
            place = base.innermost(index)
            if isinstance(node.op, Joining):
                return f"`{path}` joins rails", _replace(place, "replace the rails")
            if node.instance.kind == "unit":
                return f"`{path}` is a part of the unit `{node.instance.word}`", _replace(place, "redefine the unit")
            if node.label.startswith(f"{node.op.word}_"):
                return f"`{path}` has no label, and is not the only `{node.op.word}`", _replace(place)
            if place:
                return f"`{path}` is a part of the {place.kind} `{place.path}`", _replace(place)
    inner = [p for p in base.accepted if p.startswith(f"{path}.")]
    if inner:
        listed = ", ".join(f"`{p}`" for p in inner[:_FEW]) + (", …" if len(inner) > _FEW else "")
        return f"`{path}` is no rail or step, but the beginning of names", f"there are {listed}"
    return "", ""


def _replace(place: Place | None, instead: str = "") -> str:
    if place is None:
        return instead or "nothing around it can be replaced"
    what = f"replace the {place.kind} `{place.path}`"
    return f"{instead}, or {what}" if instead else what


def _suggestion(path: str, base: Surveyed) -> str:
    """The nearest name, first among those of the same block."""
    above = path.rpartition(".")[0]
    near = [p for p in base.accepted if p.rpartition(".")[0] == above]
    for names in (near, base.accepted):
        if close := get_close_matches(path, list(islice(names, _MANY)), 1):
            return close[0]
    return ""


def _printed(node: Node) -> str:
    """What a summary of the layers calls a node."""
    if node.instance.kind == "unit":
        return node.instance.path
    return node.path or (f"{node.instance.path}.{node.op.word}" if node.instance.path else node.op.word)

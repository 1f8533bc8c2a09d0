"""Changes of a variant that found no rail, step or head of their path: which are mistakes, and what was meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from itertools import islice

from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.reuse import ChangedInside, UnknownPath
from incdsl.elaborate.face import outputs_of
from incdsl.elaborate.overrides import MANY, Change, Omission, Overrides, Place
from incdsl.ir.graph import Graph, Node
from incdsl.ops.merge import Joining

_FEW = 4
"""Names that a message lists."""


def unmatched(overrides: Overrides, graph: Graph) -> Iterator[Diagnostic]:
    """What is wrong with the changes of a net, as far as it was elaborated."""
    seen = _Seen(overrides, graph)
    levels: dict[int, dict[str, Change]] = {}
    for change in overrides.all:
        levels.setdefault(change.level, {})[change.path] = change
    for change in overrides.all:
        others = levels[change.level]
        place = overrides.places.get(change.path)
        inside = _inside(change, others, (*_prefixes(change.path), *(place.around if place else ())))
        if inside:
            yield inside
        elif isinstance(change, Omission):
            yield from _head(change, overrides, graph)
        elif not seen.accepts(change) and not _excused(change, overrides, levels):
            yield seen.explained(change)


def _inside(change: Change, others: dict[str, Change], around: Iterable[str]) -> Diagnostic | None:
    """The problem of a change inside of what the same variant changes."""
    for path in around:
        if other := others.get(path):
            verb = "leaves out" if isinstance(other, Omission) else "replaces"
            return ChangedInside(span=change.span, name=change.path, outer=path, line=other.span.line, verb=verb)
    return None


def _prefixes(path: str) -> Iterator[str]:
    parts = path.split(".")
    return (".".join(parts[:i]) for i in range(1, len(parts)))


def _head(left: Omission, overrides: Overrides, graph: Graph) -> Iterator[Diagnostic]:
    heads = [*overrides.heads_below(left.level), *outputs_of(overrides.line[-left.level :])]
    if left.path not in heads and not overrides.hits[left]:
        heads += [head.name for head in graph.heads if head.name not in heads]
        inside = [name for name in heads if name.endswith(f"_{left.path}")]
        close = inside or get_close_matches(left.path, heads, 1)
        hint = f"a step or rail is left out by `{left.path}: identity`" if left.path in overrides.places else ""
        yield UnknownPath(
            span=left.span, what="aux head or output", name=left.path, base=overrides.base(left.level).name,
            suggestion="" if hint or not close else close[0], hint=hint,
        )  # fmt: skip


def _excused(change: Change, overrides: Overrides, levels: dict[int, dict[str, Change]]) -> bool:
    """Whether a change need not find its place.

    A later variant, or one of a net around this one, replaced what is around it, or an `if` left it out.
    """
    place = overrides.places.get(change.path)
    around = (change.path, *_prefixes(change.path), *(place.around if place else ()))
    later = {path for level, changes in levels.items() if level > change.level for path in changes}
    dropped = any(left.level >= change.level for left in overrides.omissions.get(change.path, ()))
    if dropped or (not overrides.hits[change] and later.intersection(around)):
        return True
    return not overrides.absent.isdisjoint({*around, *(change.path[:i] for i in range(1, len(change.path) + 1))})


class _Seen:
    """The places of a net, and the names that a summary prints."""

    def __init__(self, overrides: Overrides, graph: Graph) -> None:
        self._overrides = overrides
        self._graph = graph
        own = [pair for pair in enumerate(graph) if overrides.root in pair[1].instance.lineage]
        self._nodes = [(index, node, self._relative(_printed(node))) for index, node in own]
        units = {node.instance for _, node in own if node.instance.kind == "unit"}
        steps = [printed for _, node, printed in self._nodes if node.instance not in units]
        self._printed = Counter([*(self._relative(unit.path) for unit in units), *steps])

    def _relative(self, path: str) -> str:
        """A path as the variant writes it, which may be that of a net inside."""
        root = self._overrides.root
        return path.removeprefix(f"{root.path}.") if root.parent else path

    def accepts(self, change: Change) -> bool:
        """Whether a change found the one place that its path means."""
        place = self._overrides.places.get(change.path)
        return place is not None and self._overrides.hits[change] == 1 and self._is_one(place)

    def _is_one(self, place: Place) -> bool:
        """Whether a place is the only one of its name."""
        if place.times != 1 or not place.word:
            return place.times == 1
        if not place.replaced:
            return self._printed[place.path] <= 1
        others = (printed for i, _, printed in self._nodes if not place.start <= i < place.end)
        return place.path not in others

    @property
    def _accepted(self) -> dict[str, Place]:
        return {path: place for path, place in self._overrides.places.items() if self._is_one(place)}

    def explained(self, change: Change) -> Diagnostic:
        """What is wrong with a path, and what was probably meant."""
        reason, hint = self._reason(change.path)
        suggestion = "" if reason else self._suggestion(change.path)
        return UnknownPath(
            span=change.span, what="rail or step", name=change.path, base=self._overrides.base(change.level).name,
            suggestion=suggestion, reason=reason, hint=hint,
        )  # fmt: skip

    def _reason(self, path: str) -> tuple[str, str]:
        """What a name is that a reader sees but that is no place, and what to replace."""
        accepted = self._accepted
        known = self._overrides.places.get(path)
        if (known and not known.hidden and known.times) or self._printed[path] > 1:
            named = [node for _, node, printed in self._nodes if printed == path]
            if not (named and isinstance(named[0].op, Joining)):
                return f"`{path}` is the name of several steps", "replace what is around the one that you mean"
        if part := self._overrides.parts.get(path):
            around = [accepted[p] for p in part.around if p in accepted]
            return f"`{path}` is {part.of}", _replace(around[-1] if around else None)
        for index, node, printed in self._nodes:
            if path in (printed, self._relative(node.path)):
                return self._of_node(path, node, self._innermost(index))
        inner = [p for p in accepted if p.startswith(f"{path}.")]
        if inner:
            listed = ", ".join(f"`{p}`" for p in inner[:_FEW]) + (", …" if len(inner) > _FEW else "")
            return f"`{path}` is not a rail or step, only a prefix of their names", f"there are {listed}"
        return "", ""

    def _of_node(self, path: str, node: Node, place: Place | None) -> tuple[str, str]:
        if isinstance(node.op, Joining):
            return f"`{path}` joins rails", _replace(place, "replace the rails")
        if node.instance.kind == "unit":
            return f"`{path}` is a part of the unit `{node.instance.word}`", _replace(place, "redefine the unit")
        if node.label.startswith(f"{node.op.word}_"):
            return f"`{path}` has no label, and is not the only `{node.op.word}`", _replace(place)
        if place:
            return f"`{path}` is a part of the {place.kind} `{place.path}`", _replace(place)
        return "", ""

    def _innermost(self, index: int) -> Place | None:
        """The smallest of the places that holds a node of the graph."""
        around = [place for place in self._accepted.values() if place.start <= index < place.end]
        return max(around, key=lambda place: len(place.around), default=None)

    def _suggestion(self, path: str) -> str:
        """The nearest name, first among those of the same block."""
        if dotted := next((p for p in self._accepted if p.replace(".", "_") == path), ""):
            return dotted
        above = path.rpartition(".")[0]
        near = [p for p in self._accepted if p.rpartition(".")[0] == above]
        for names in (near, self._accepted):
            if close := get_close_matches(path, list(islice(names, MANY)), 1):
                return close[0]
        return ""


def _replace(place: Place | None, instead: str = "") -> str:
    if place is None:
        return instead or "nothing around it can be replaced"
    what = f"replace the {place.kind} `{place.path}`"
    return f"{instead}, or {what}" if instead else what


def _printed(node: Node) -> str:
    """What a summary of the layers calls a node."""
    if node.instance.kind == "unit":
        return node.instance.path
    return node.path or (f"{node.instance.path}.{node.op.word}" if node.instance.path else node.op.word)

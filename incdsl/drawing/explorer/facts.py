"""What a page knows of each box of a figure: where it is written, its shapes for every size, what it costs and sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from incdsl.analysis.cost import receptive_fields, state_dict
from incdsl.drawing.explorer.sizes import function
from incdsl.drawing.part import Part
from incdsl.drawing.picture import Block, Body, Bracket, Sequence as Things, Thing
from incdsl.drawing.things import leaves, values
from incdsl.elaborate.record import Visit
from incdsl.elaborate.scope import Value as Flowing
from incdsl.ops.spoken import spoken
from incdsl.source import Source
from incdsl.syntax import tree
from incdsl.values import Image

Document: TypeAlias = dict[str, Any]
_MANY = 40
"""So many keys, or windows, are told one by one."""


class Facts:
    """Collects what is known of the boxes of a part, and of the nodes whose shapes these show."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.source: Source = part.analysis.spec.source
        self._graph = part.found.net.graph
        self._shapes = self._graph.shapes()
        self._fields = receptive_fields(self._graph)
        self._conditions = part.found.net.conditions
        self._keys: dict[str, list[str]] = {}
        for key, _ in state_dict(self._graph, self._shapes):
            self._keys.setdefault(key.rpartition(".")[0], []).append(key)
        self.nodes: dict[str, Document | None] = {}
        self.boxes: dict[str, Document] = {}
        self.blocks: dict[str, tuple[str, ...]] = {}
        """The blocks that can be opened, and what has to be opened for them."""
        self._factors: dict[Thing, str] = {}
        """The kernel that each factor is one of, as it is written."""
        self.kernels: dict[str, list[list[int]]] = {}
        """Where kernels that are written with factors stand, by the first of these."""
        self._read(part.body, ())

    def _read(self, body: Body, opened: tuple[str, ...]) -> None:
        for cell in body.cells:
            heads = [head for value in values(cell.thing, cell.gives) for head in value.heads]
            for bracket in _brackets([cell.thing]):
                visit = bracket.visits[0]
                self._factors.update((each, f" of {_written(visit)}") for each in _all([bracket.inside]))
                self.kernels.setdefault(bracket.path, [list(each) for each in self._places(bracket.visits)])
            for thing in (*_all([cell.thing]), *heads):
                if thing.path and thing.visits:
                    self.boxes.setdefault(thing.path, self._box(thing, opened[-1] if opened else ""))
                if isinstance(thing, Block) and thing.inside:
                    self.blocks.setdefault(thing.path, (*opened, thing.path))
                    self._read(thing.inside, (*opened, thing.path))

    def _box(self, thing: Thing, home: str) -> Document:
        visit = thing.visits[0]
        placed = [name for name in self.part.found.placed[visit.start : visit.stop] if name in self._graph]
        found: Document = {
            "text": " ".join(f"{_written(visit)}{self._factors.get(thing, '')}".split())[:200],
            "home": home,
            "at": [list(each) for each in dict.fromkeys(self._places(thing.visits))],
            "params": thing.cost.params,
            "macs": thing.cost.macs,
            "in": self._shown(visit.entering),
            "out": self._shown(visit.leaving),
        }
        if isinstance(thing, Block):
            found["opens"] = bool(thing.inside)
            found["kind"] = thing.kind
        ops = [self._graph[name] for name in placed]
        if not isinstance(thing, Block):
            found["ops"] = [spoken(node.op) for node in ops][:_MANY]
        if arithmetic := list(self._arithmetic(placed))[:_MANY]:
            found["arithmetic"] = arithmetic
        if placed:
            found["sees"] = [None if field.size is None else int(field.size) for field in self._fields[placed[-1]]]
        keys = [key for node in ops if node.label for key in self._keys.get(node.path, ())]
        if keys:
            found["keys"] = keys[:_MANY]
            found["more_keys"] = max(0, len(keys) - _MANY)
        return found

    def _places(self, visits: Sequence[Visit]) -> Iterator[tuple[int, int]]:
        """Where it is written in the spec itself; nothing for what stands in another file."""
        for visit in visits:
            span = _node(visit).span
            if span.source is self.source:
                yield span.start, span.end

    def _shown(self, flow: object) -> list[str]:
        """The nodes of a flow, whose shapes the page knows then."""
        flows = flow if isinstance(flow, tuple) else (flow,)
        names = [each.node for each in flows if isinstance(each, Flowing)]
        for name in names:
            self.node(name)
        return names

    def node(self, name: str) -> None:
        """Tell the shape of a node for every size."""
        shape = self._shapes.get(name)
        if name in self.nodes or shape is None:
            return
        grid = [function(shape.height), function(shape.width)] if isinstance(shape, Image) else []
        self.nodes[name] = {"c": int(shape.channels), "grid": grid}

    def _arithmetic(self, placed: Sequence[str]) -> Iterator[str]:
        """How windows make height and width at the nominal size."""
        for name in placed:
            windows, operands = self._graph[name].op.windows(), self._graph.operands(name)
            before = self._shapes[operands[0]] if operands else None
            if windows is None or not isinstance(before, Image):
                continue
            told = []
            for window, extent in zip(windows, (before.height, before.width), strict=True):
                size = self._conditions.size(extent)
                if size is not None and window.over(extent) != extent:
                    told.append(window.arithmetic(size))
            yield from dict.fromkeys(told)


def _all(things: Sequence[Thing]) -> Iterator[Thing]:
    """All things that have a box, merges too; blocks are not opened."""
    yield from leaves(list(things))
    waiting = list(things)
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, Things):
            waiting.extend(thing.parts)
        elif isinstance(thing, Bracket):
            waiting.append(thing.inside)
        elif (rails := getattr(thing, "rails", None)) is not None:
            yield thing
            waiting.extend(rail.inside for rail in rails)


def _brackets(things: Sequence[Thing]) -> Iterator[Bracket]:
    """The kernels that stand there as factors."""
    waiting = list(things)
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, Things):
            waiting.extend(thing.parts)
        elif isinstance(thing, Bracket):
            if thing.joined and thing.visits:
                yield thing
            waiting.append(thing.inside)
        elif (rails := getattr(thing, "rails", None)) is not None:
            waiting.extend(rail.inside for rail in rails)


def _node(visit: Visit) -> tree.Tree:
    """What is written of a visit: of a step its atom, without labels and shape."""
    node = visit.node
    return node.atom if isinstance(node, tree.Step) else node


def _written(visit: Visit) -> str:
    node = _node(visit)
    if isinstance(node, tree.Merge):
        return node.word.text
    return node.span.text.partition("{")[0]

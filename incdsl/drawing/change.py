"""What became of the things of a picture: the changes of its parts, thing by thing, and the sign that each box gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from incdsl.analysis.changes import Change
from incdsl.analysis.told import line_of
from incdsl.drawing.marks import Sign
from incdsl.drawing.part import Part, blocks
from incdsl.drawing.picture import Block, Body, Bracket, Door, Join, Parallel, Sequence as Chain, Split, Step, Thing
from incdsl.drawing.things import values

_SILENT = ("same", "follows")


class Side:
    """One of two nets: what is drawn of it, and the changes that its things are part of, by their places in all."""

    def __init__(self, part: Part, changes: Sequence[Change], side: Literal["before", "after"]) -> None:
        self.part = part
        self.changes = changes
        self.side = side
        self._at: dict[str, int] = {}
        for i, change in enumerate(changes):
            own = change.before if side == "before" else change.after
            self._at.update(dict.fromkeys(own.nodes if own else (), i))
        for block in blocks(part.body):  # what is not changed alike is not folded into one box
            if isinstance(block.key, tuple):
                block.key = (*block.key, self._lines(block))

    def _lines(self, block: Block) -> tuple[object, ...]:
        """What is told of a block, with what it costs if only a part of it changed."""
        own = self.of(block)
        partly = self.sign(own) == "changed"
        told = [line_of(self.changes[i], fields=False) for i in self.told(own)]
        return tuple((each.mark, each.name, each.words, *((each.params, each.macs) if partly else ())) for each in told)

    def of(self, thing: Thing) -> list[int]:
        """The changes that a thing, with all that is inside, is part of."""
        if isinstance(thing, Chain):
            return _once(i for part in thing.parts for i in self.of(part))
        if isinstance(thing, Bracket):
            return self.of(thing.inside)
        if isinstance(thing, Parallel):
            rails = [i for rail in thing.rails for i in (*self._at_nodes(rail.entering.node), *self.of(rail.inside))]
            return _once([*(rails if thing.shares else self._of_rails(thing)), *self._of_merge(thing)])
        if isinstance(thing, Join):
            return self._of_merge(thing)
        placed = self.part.found.placed
        return _once(i for v in thing.visits for i in self._at_nodes(*placed[v.start : v.stop]))

    def _of_rails(self, thing: Parallel) -> Iterator[int]:
        for rail in thing.rails:
            yield from self.of(rail.inside)

    def _of_merge(self, thing: Thing) -> list[int]:
        """The change of a merge itself: of what is visited with its rails, it comes last."""
        placed = self.part.found.placed
        return [i for v in thing.visits[:1] for i in self._at_nodes(*placed[v.stop - 1 : v.stop])]

    def _at_nodes(self, *nodes: str) -> list[int]:
        return [self._at[node] for node in nodes if node in self._at]

    def told(self, found: Sequence[int]) -> list[int]:
        """Those of some changes that are told: neither the same, nor written as before."""
        return [i for i in found if self.changes[i].mark not in _SILENT]

    def sign(self, found: Sequence[int]) -> Sign:
        """The sign of a box with these changes: that of all of them, or that something in it changed."""
        marks = {self.changes[i].mark for i in found}
        loud = marks - {"same", "follows"}
        if not loud:
            return "same"
        only = next(iter(loud)) if len(loud) == 1 else "changed"
        whole = only == "moved" or marks == loud
        return only if whole and only in ("added", "removed", "moved") else "changed"

    def by_path(self) -> dict[str, list[int]]:
        """The changes that are told of each box, by its path."""
        return {thing.path: self.told(self.of(thing)) for thing in everything(self.part.body)}

    def signs(self) -> dict[str, Sign]:
        """The sign of each box by its path, in closed blocks, too."""
        found: dict[str, Sign] = {}
        for thing in everything(self.part.body):
            if isinstance(thing, Parallel):
                found[thing.path] = self.sign(self._of_merge(thing))
                entering = [i for rail in thing.rails for i in self._at_nodes(rail.entering.node)]
                found[f"{thing.path}/split"] = self.sign(entering) if thing.shares else "same"
            else:
                found[thing.path] = self.sign(self.of(thing))
        return found


def everything(body: Body, *, deep: bool = True) -> Iterator[Thing]:
    """All things of a body that have boxes, heads among them, in order; if `deep`, all that is inside of them, too."""
    waiting = [body]
    while waiting:
        for cell in waiting.pop().cells:
            heads = [head for value in values(cell.thing, cell.gives) for head in value.heads]
            for thing in (*_boxed(cell.thing), *heads):
                yield thing
                if deep and isinstance(thing, Block) and thing.inside:
                    waiting.append(thing.inside)


def _boxed(thing: Thing) -> Iterator[Thing]:
    waiting = [thing]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Chain):
            waiting.extend(reversed(each.parts))
        elif isinstance(each, Bracket):
            waiting.append(each.inside)
        elif isinstance(each, Parallel):
            yield each
            waiting.extend(rail.inside for rail in reversed(each.rails))
        elif isinstance(each, Step | Block | Join | Split) and not isinstance(each, Door):
            yield each


def _once(found: Iterator[int] | Sequence[int]) -> list[int]:
    return list(dict.fromkeys(found))

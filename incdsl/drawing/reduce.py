"""Finds what is series-parallel in a body: chains become sequences, and rails from one value to one merge a parallel.

What remains are cells whose values cross: several doors, values that are read again, merges of values from different
places. It takes one pass over the cells, which are in a topological order.
"""

from __future__ import annotations

from incdsl.drawing.picture import Cell, Door, Join, Parallel, Rail, Sequence, Split


def reduced(cells: list[Cell], *, taps: bool) -> list[Cell]:
    """The cells that remain, in order; those of one value in and one out are sequences.

    With `taps` an output may leave a sequence that goes on; else a value that leaves the body ends one.
    """
    kept: dict[Cell, None] = {}
    for cell in cells:
        now = _parallel(cell, kept) if isinstance(cell.thing, Join) else None
        now = now or cell
        if _is_simple(now):
            now = _appended(_as_sequence(now), kept, taps)
        if now is not None:
            kept[now] = None
    return list(kept)


def _is_simple(cell: Cell) -> bool:
    special = isinstance(cell.thing, Door | Join | Split)
    return not special and len(cell.reads) == 1 and len(cell.gives) == 1


def _as_sequence(cell: Cell) -> Cell:
    if not isinstance(cell.thing, Sequence):
        cell.thing = Sequence(
            cell.thing.path, cell.thing.group, parts=[cell.thing], values=[cell.gives[0]], entering=cell.reads[0]
        )
    return cell


def _appended(cell: Cell, kept: dict[Cell, None], taps: bool) -> Cell | None:
    """None if a cell goes on with the sequence before it, which then gives its value."""
    value = cell.reads[0]
    before = value.cell
    thing, own = before.thing, cell.thing
    if before not in kept or not isinstance(thing, Sequence) or not isinstance(own, Sequence):
        return cell
    if value.readers != 1 or (value.outputs and not taps):
        return cell
    thing.parts += own.parts
    thing.values += own.values
    before.gives = cell.gives
    for given in cell.gives:
        given.cell = before
    return None


def _parallel(cell: Cell, kept: dict[Cell, None]) -> Cell | None:
    """A merge with its rails, if all of them start at one value, or each at a part of one that is split."""
    join = cell.thing
    assert isinstance(join, Join)
    rails = [_rail(cell, i, kept) for i in range(len(cell.reads))]
    if not rails or any(rail is None for rail in rails):
        return None
    found = [rail for rail in rails if rail]
    starts = [rail.entering for rail in found]
    source = starts[0].cell
    shares: tuple[int, ...] = ()
    if isinstance(source.thing, Split):
        alone = all(value.readers == 1 and not value.outputs and not value.heads for value in source.gives)
        if starts != source.gives or not alone:
            return None
        base, shares = source.reads[0], source.thing.shares
        kept.pop(source, None)
    elif all(start is starts[0] for start in starts):
        base = starts[0]
        base.readers -= len(starts) - 1
    else:
        return None
    for value in cell.reads:
        if value.cell is not base.cell and isinstance(value.cell.thing, Sequence):
            kept.pop(value.cell, None)
    parallel = Parallel(
        join.path,
        join.group,
        join.title,
        join.cost,
        join.mistakes,
        join.word,
        found,
        shares,
        known=join.known,
        visits=join.visits,
    )
    cell.thing = Sequence(join.path, join.group, parts=[parallel], values=[cell.gives[0]], entering=base)
    cell.reads = [base]
    return cell


def _rail(cell: Cell, index: int, kept: dict[Cell, None]) -> Rail | None:
    value = cell.reads[index]
    name, wrong = cell.names[index] if cell.names else "", index in cell.wrong
    before = value.cell
    if before in kept and isinstance(before.thing, Sequence) and len(before.reads) == 1 and value.readers == 1:
        if any(each.outputs or each.heads for each in before.thing.values):
            return None
        return Rail(name, before.reads[0], before.thing, wrong)
    return Rail(name, value, Sequence(), wrong)

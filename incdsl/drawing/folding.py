"""Equal neighbours as one box, `Mixed_6c, 6d ×2`: blocks of one definition, with equal arguments and alike inside."""

from __future__ import annotations

import re

from incdsl.drawing.picture import Block, Body, Parallel, Sequence
from incdsl.drawing.things import leaves

_AT_ENDS = re.compile(r"[._]")


def fold(body: Body) -> None:
    """Fold equal neighbours of a body, and of all that stands inside."""
    waiting = [body]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        for cell in each.cells:
            if isinstance(cell.thing, Sequence):
                cell.thing = folded(cell.thing)
            for thing in leaves([cell.thing]):
                if isinstance(thing, Block) and thing.inside and id(thing.inside) not in seen:
                    seen.add(id(thing.inside))
                    waiting.append(thing.inside)


def folded(sequence: Sequence) -> Sequence:
    """Neighbours of one definition and equal arguments as one block; inside of its rails, too."""
    made = Sequence(sequence.path, sequence.group, entering=sequence.entering)
    waiting: list[Block] = []

    def put() -> None:
        if waiting:
            made.parts[-1] = _fold(waiting)

    for part, value in sequence:
        if isinstance(part, Parallel):
            for rail in part.rails:
                rail.inside = folded(rail.inside)
        joins = isinstance(part, Block) and waiting and part.key == waiting[0].key and part.key is not None
        before = made.values[-1] if made.values else None
        if joins and isinstance(part, Block) and before and not (before.outputs or before.heads) and not part.mistakes:
            waiting.append(part)
            made.values[-1] = value
            made.parts[-1] = part
            continue
        put()
        waiting = [part] if isinstance(part, Block) and not part.mistakes else []
        made.parts.append(part)
        made.values.append(value)
    put()
    return made


def _fold(blocks: list[Block]) -> Block:
    first = blocks[0]
    if len(blocks) == 1:
        return first
    cost = first.cost
    for block in blocks[1:]:
        cost = cost + block.cost
    title = "\n".join(block.title for block in blocks)
    return Block(
        first.path, first.group, title, cost, (), together([block.name for block in blocks]), first.kind,
        first.settings, len(blocks), first.key, first.inside, visits=tuple(v for block in blocks for v in block.visits),
    )  # fmt: skip


def together(names: list[str]) -> str:
    """Names of neighbours as one; what they begin with in common is said once."""
    if len(names) == 1:
        return names[0]
    common = names[0]
    for name in names:
        while not name.startswith(common):
            common = common[:-1]
    cut = max((found.end() for found in _AT_ENDS.finditer(common)), default=0)
    if not cut:
        letters = re.match(r"[A-Za-z]*", common)
        cut = letters.end() if letters and all(name[letters.end() :][:1].isdigit() for name in names) else 0
    rest = [name[cut:] for name in names[1:]]
    if len(names) == 2:
        return f"{names[0]}, {rest[0]}"
    return f"{names[0]}–{rest[-1]}"

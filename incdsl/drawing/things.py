"""What is asked of things wherever they stand: what they are made of, where lines begin and end at them."""

from __future__ import annotations

from incdsl.drawing.manner import Manner
from incdsl.drawing.picture import Block, Body, Bracket, Parallel, Sequence, Step, Thing, Value


def leaves(things: list[Thing]) -> list[Thing]:
    """All things that are no sequences, parallels or brackets, in order; blocks are not opened."""
    found: list[Thing] = []
    waiting = list(reversed(things))
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, Sequence):
            waiting.extend(reversed(thing.parts))
        elif isinstance(thing, Bracket):
            waiting.append(thing.inside)
        elif isinstance(thing, Parallel):
            waiting.extend(rail.inside for rail in reversed(thing.rails))
        else:
            found.append(thing)
    return found


def values(thing: Thing, gives: list[Value]) -> list[Value]:
    """The values behind the things of a cell."""
    return thing.values if isinstance(thing, Sequence) else gives


def seen(bodies: list[Body], manner: Manner) -> tuple[list[Step], list[Block]]:
    """The steps and the closed blocks that a figure shows."""
    steps: list[Step] = []
    blocks: list[Block] = []
    waiting = [(body, manner) for body in bodies]
    while waiting:
        body, around = waiting.pop()
        heads = [head for cell in body.cells for value in values(cell.thing, cell.gives) for head in value.heads]
        for thing in (*leaves([cell.thing for cell in body.cells]), *heads):
            if isinstance(thing, Step):
                steps.append(thing)
            elif isinstance(thing, Block):
                if thing.inside and around.opens(thing):
                    waiting.append((thing.inside, (around.of_head() if thing.head else around).inside()))
                else:
                    blocks.append(thing)
    return steps, blocks


def first_box(thing: Thing | None) -> str:
    """The box at which a line into a thing ends; empty at a fork, whose lines go on by themselves."""
    while isinstance(thing, Sequence | Bracket):
        inside = thing.inside if isinstance(thing, Bracket) else thing
        thing = inside.parts[0] if inside.parts else None
    if isinstance(thing, Parallel):
        return f"{thing.path}/split" if thing.shares else ""
    return thing.path if thing else ""


def last_box(thing: Thing | None) -> str:
    """The box from which a line out of a thing comes."""
    while isinstance(thing, Sequence | Bracket):
        inside = thing.inside if isinstance(thing, Bracket) else thing
        thing = inside.parts[-1] if inside.parts else None
    return thing.path if thing else ""


def is_filled(thing: Thing) -> bool:
    """Whether a thing ends with a bar whose word stands below it."""
    return isinstance(thing, Parallel) and thing.word in ("concat", "reduce") and not thing.thin

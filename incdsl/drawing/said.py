"""What the text of a spec says of something where nothing else does: names of rails and doors, steps that are wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence as Several

from incdsl.drawing.describe import written
from incdsl.drawing.picture import Block, Body, Cell, Face, Step
from incdsl.drawing.things import leaves
from incdsl.elaborate.record import Visit
from incdsl.syntax import tree


def ports(node: tree.Tree) -> list[str]:
    """What the inputs of a block or net are called inside."""
    if isinstance(node, tree.Block):
        return [name.text for item in node.items if isinstance(item, tree.Inputs) for name in item.names] or ["in"]
    return [item.name.text for item in node.items if isinstance(item, tree.Input)] if isinstance(node, tree.Net) else []


def rail_name(rail: Visit) -> str:
    """What a rail is called: its label, or the word of its only step."""
    if rail.names and rail.names[0]:
        return rail.names[0]
    chain = rail.node.chain if isinstance(rail.node, tree.Rail) else None
    first = chain.steps[0].atom if chain and len(chain.steps) == 1 else None
    plain = isinstance(first, tree.Call) and first.name.text != "identity"
    return first.name.text if plain and isinstance(first, tree.Call) and not first.bare else ""


def short(node: tree.Tree) -> str:
    """A word for something that is unknown."""
    atom = node.atom if isinstance(node, tree.Step) else node
    return atom.name.text if isinstance(atom, tree.Call) and atom.name.text else " ".join(written(atom).split()[:2])


def name_of(node: tree.Tree) -> str:
    """A name for something that is unknown, as a part of a path."""
    return re.sub(r"\W+", "_", short(node)).strip("_") or "step"


def face_of_text(atom: tree.Tree) -> Face:
    """What an unknown step says of itself."""
    if not isinstance(atom, tree.Call):
        return Face(short(atom))
    kernel = atom.kernel.shown.replace("x", "×") if isinstance(atom.kernel, tree.Kernel) else ""
    stride = f"/{atom.stride.span.text.lstrip('/')}" if atom.stride else ""
    word = "" if kernel and atom.width else atom.name.text
    return Face(word, kernel, stride, " ".join(atom.width.span.text.lstrip("@").split()) if atom.width else "")


def are_equal(turns: Several[list[Cell]]) -> bool:
    """Whether the turns of a repetition are equal chains of plain steps."""
    faces = []
    for turn in turns:
        if not turn or any(len(cell.gives) != 1 or len(cell.reads) != 1 for cell in turn):
            return False
        if not all(isinstance(cell.thing, Step) and not cell.thing.mistakes for cell in turn):
            return False
        faces.append([(cell.thing.face, cell.thing.change) for cell in turn if isinstance(cell.thing, Step)])
    return all(face == faces[0] for face in faces)


def signature(body: Body) -> str:
    """What blocks that look alike have in common: their steps without channels."""
    texts = []
    for thing in leaves([cell.thing for cell in body.cells]):
        if isinstance(thing, Step):
            texts.append(f"{thing.face.word}{thing.face.kernel}{thing.face.suffix}")
        elif isinstance(thing, Block):
            texts.append(f"({thing.kind} {thing.settings} {len(thing.mistakes)})")
        texts.append("!" * len(thing.mistakes))
    return ";".join(texts)

"""Another name for something, everywhere where it is mentioned."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from incdsl.edits import Edit
from incdsl.elaborate.reserved import why_no_attribute, why_no_identifier
from incdsl.highlight.words import terminal_of
from incdsl.lsp.mentions import Mention, Target
from incdsl.lsp.reading import Reading
from incdsl.ops import find
from incdsl.source import Source
from incdsl.syntax import tree

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LABEL = re.compile(r"[A-Za-z_0-9][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)*")
KEYS_CHANGE = "the keys of checkpoints change: those that are saved know the old name"
"""What renaming a label means."""


class CannotRename(Exception):
    """Why something cannot get this name."""


@dataclass(frozen=True, slots=True)
class Renaming:
    """The changes of each text, and a warning."""

    edits: tuple[tuple[Source, tuple[Edit, ...]], ...]
    warning: str = ""


def renamable(reading: Reading, offset: int) -> Mention | None:
    """The name at an offset, if a text declares it."""
    found = reading.mention(offset)
    movable = found and found.target.place and found.target.kind not in ("file", "choice")
    return found if movable else None


def references(target: Target, readings: Iterable[Reading]) -> Iterator[Mention]:
    """Where something is mentioned in some texts, each place once."""
    seen = set()
    for reading in readings:
        for mention in reading.mentions:
            place = (str(reading.source.path or reading.source.name), mention.span.start)
            if mention.target.key == target.key and place not in seen:
                seen.add(place)
                yield mention


def rename(reading: Reading, offset: int, name: str, others: Iterable[Reading] = ()) -> Renaming:
    """Give the name at an offset another one, here and in other texts.

    Raises:
        CannotRename: if there is none, or the other one cannot be used.
    """
    found = renamable(reading, offset)
    if found is None:
        raise CannotRename("nothing here has a name of this spec's own")
    target = found.target
    _hold(target, name, reading)
    mentions = list(references(target, [reading, *others]))
    edits: dict[Source, list[Edit]] = {}
    for mention in mentions:
        edits.setdefault(mention.span.source, []).append(Edit(mention.span.start, mention.span.end, name))
    changes = tuple((source, tuple(found)) for source, found in edits.items())
    is_key = target.kind in ("label", "head") or _names_a_chain(target)
    return Renaming(changes, KEYS_CHANGE if is_key else "")


def _hold(target: Target, name: str, reading: Reading) -> None:
    """Refuse a name that cannot be used, or that means something here."""
    form = _LABEL if target.kind == "label" else _NAME
    if not form.fullmatch(name):
        raise CannotRename(f"`{name}` is no name")
    if terminal_of(name) not in ("", "PATH", "INT"):
        raise CannotRename(f"`{name}` is a word of the language")
    parts = [part for part in name.split(".") if part]
    reason = next(filter(None, map(why_no_attribute if target.kind == "label" else why_no_identifier, parts)), "")
    if reason:
        raise CannotRename(f"`{name}` cannot be used: {reason}")
    if target.kind == "label":
        return
    if find(name) or name in reading.names:
        raise CannotRename(f"`{name}` means something else already")
    same = target.definition
    around = {each.target.name for each in reading.mentions if each.target.definition is same and each.declares}
    if target.kind in ("parameter", "value", "head") and name in around - {target.name}:
        raise CannotRename(f"`{name}` is declared here already")


def _names_a_chain(target: Target) -> bool:
    """Whether unlabelled steps, and so keys, may be called after it."""
    node = target.node
    if not isinstance(node, tree.Bind | tree.Output):
        return False
    return any(not step.labels and _may_own(step.atom) for step in node.chain.steps[1:])


def _may_own(atom: tree.Atom) -> bool:
    """Whether a step may own parameters: a unit or block may, an op says so."""
    op = find(atom.name.text) if isinstance(atom, tree.Call) else None
    return op.owns_parameters() if op else isinstance(atom, tree.Call | tree.Merge)

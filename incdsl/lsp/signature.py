"""What stands in the parentheses of a step: its settings or parameters, and the one that is being written."""

from __future__ import annotations

from typing import NamedTuple

from incdsl.lsp.completion import arguments
from incdsl.lsp.cursor import callee_at
from incdsl.lsp.reading import Reading
from incdsl.ops.reference import op_reference


class Signature(NamedTuple):
    """`conv2d (kernel: required, …)`: the whole, its parts, the index of the one at the cursor, and a page."""

    label: str
    parts: tuple[str, ...]
    active: int | None
    page: str


def signature(reading: Reading, offset: int) -> Signature | None:
    """The signature of the step in whose parentheses an offset is."""
    found = callee_at(reading, offset)
    if found is None:
        return None
    callee, named, written = found
    known = list(arguments(callee))
    parts = tuple(f"{each.label}: {each.detail.split(' · ')[0]}" for each in known)
    names = [each.label for each in known]
    free = next((i for i, name in enumerate(names) if name not in written), None)
    active = names.index(named) if named in names else free
    page = op_reference(callee.op) if callee.op else ""
    if callee.definition:
        page = " ".join(callee.definition.comments)
    return Signature(f"{callee.name} ({', '.join(parts)})", parts, active, page)

"""What a definition declares and never mentions, whatever choices are made."""

from __future__ import annotations

from collections.abc import Iterator

from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.unused import Unused, UnusedDefinition
from incdsl.elaborate.resolve import Definition, Names, mentioned
from incdsl.elaborate.scope import NOT_NEEDED
from incdsl.syntax import tree


def unused(definition: Definition) -> Iterator[Diagnostic]:
    """Parameters, inputs and values of a definition that nothing in it reads."""
    written = definition.tree
    known = _mentioned(written)
    for what, name, hint in _declared(written):
        if name.text and name.text != NOT_NEEDED and name.text not in known:
            yield Unused(span=name.span, path=definition.name, what=what, name=name.text, hint=hint)


def _mentioned(written: tree.Definition) -> frozenset[str]:
    defaults = tuple([param.default for param in written.params if param.default])
    if isinstance(written, tree.Unit):
        return mentioned((defaults, written.chain))
    if isinstance(written, tree.Block):
        return mentioned((defaults, written.items, written.chain or ()))
    if written.variant:
        changes = tuple([item for item in written.variant.items if not isinstance(item, tree.Unit)])
        return mentioned((defaults, written.variant.args, changes))
    return mentioned((defaults, written.items))


def _declared(written: tree.Definition) -> Iterator[tuple[str, tree.Name, str]]:
    """What is declared: its kind, its name, and what helps if it is not used."""
    for param in written.params:
        yield "parameter", param.name, ""
    for item in () if isinstance(written, tree.Unit) else written.items:
        if isinstance(item, tree.Let):
            yield "the name", item.name, ""
        elif isinstance(item, tree.Input):
            yield "the input", item.name, ""
        elif isinstance(item, tree.Inputs):
            yield from (("the input", name, "") for name in item.names)
        elif isinstance(item, tree.Bind):
            hint = f"call it `{NOT_NEEDED}` if you do not need it" if len(item.names) > 1 else ""
            yield from (("the value", name, hint) for name in item.names)


def unused_definitions(file: tree.File, names: Names) -> Iterator[Diagnostic]:
    """Units and blocks that no net of the file needs; none in a file without nets, which others import."""
    if not file.nets:
        return
    waiting: list[tree.Tree] = list(file.nets)
    needed: set[tree.Tree] = set()
    while waiting:
        for name in mentioned(waiting.pop()):
            found = names.get(name)
            if found and found.names is names and found.tree not in needed:
                needed.add(found.tree)
                waiting.append(found.tree)
    for written in file.definitions:
        if not isinstance(written, tree.Net) and written not in needed and written.name.text:
            what = "unit" if isinstance(written, tree.Unit) else "block"
            yield UnusedDefinition(span=written.name.span, what=what, name=written.name.text)

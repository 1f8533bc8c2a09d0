"""The outline of a file: definitions, and what they bind and label inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from incdsl.lsp.mentions import Kind, kind_of
from incdsl.lsp.reading import Reading
from incdsl.source import Span
from incdsl.syntax import tree


@dataclass(frozen=True, slots=True)
class Symbol:
    """Something with a name: all of its text, where its name stands, a word on it, and what is inside."""

    name: str
    kind: Kind
    span: Span
    at: Span
    detail: str = ""
    inner: tuple[Symbol, ...] = ()


def outline(reading: Reading) -> Iterator[Symbol]:
    """The symbols of a file, in the order of the text."""
    for item in reading.file.definitions:
        if item.name.text and item.name.parts:
            params = ", ".join(param.name.text for param in item.params)
            yield Symbol(item.name.text, kind_of(item), item.span, item.name.span, params, tuple(_inside(item)))


def _inside(item: tree.Definition) -> Iterator[Symbol]:
    if isinstance(item, tree.Net | tree.Block) and item.items:
        for each in item.items:
            yield from _bound(each)
    elif isinstance(item, tree.Net) and item.variant:
        for change in item.variant.items:
            if isinstance(change, tree.Override) and change.path.parts:
                yield Symbol(change.path.text, "label", change.span, change.path.span)
    elif not isinstance(item, tree.Net) and item.chain:
        yield from _labelled(item.chain)


def _bound(item: tree.Tree) -> Iterator[Symbol]:
    match item:
        case tree.Input(name=name) if name.parts:
            yield Symbol(name.text, "value", item.span, name.span, "input")
        case tree.Bind(names=names) | tree.Output(names=names) if names[0].parts:
            text = ", ".join(name.text for name in names)
            detail = "output" if isinstance(item, tree.Output) else ""
            yield Symbol(text or "…", "value", item.span, names[0].span, detail, tuple(_labelled(item.chain)))
        case tree.Aux(name=name) if name.parts:
            yield Symbol(name.text, "head", item.span, name.span, "aux", tuple(_labelled(item.chain)))


def _labelled(chain: tree.Chain) -> Iterator[Symbol]:
    """The labelled steps of a chain; those of rails and groups inside their step, or in its place."""
    for step in chain.steps:
        atom = step.atom
        inner: list[Symbol] = []
        if isinstance(atom, tree.Merge):
            inner = [each for rail in atom.rails for each in _labelled(rail.chain)]
        elif isinstance(atom, tree.Group):
            inner = list(_labelled(atom.chain))
        if step.labels:
            label = step.labels[0]
            word = atom.name.text if isinstance(atom, tree.Call) else ""
            yield Symbol(label.text, "label", step.span, label.span, word, tuple(inner))
        else:
            yield from inner

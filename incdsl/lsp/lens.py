"""What stands above nets and blocks: parameters, multiply-accumulates, uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from incdsl.elaborate.resolve import Definition
from incdsl.frontend import Analysis
from incdsl.lsp.costs import Costs, costs
from incdsl.lsp.mentions import definition_target
from incdsl.lsp.numbers import macs, short
from incdsl.lsp.reading import Reading
from incdsl.source import Span
from incdsl.syntax import tree


@dataclass(frozen=True, slots=True)
class Lens:
    """A line above a name, and the places of the file that it counts."""

    name: Span
    text: str
    uses: tuple[Span, ...]


def lenses(analysis: Analysis) -> Iterator[Lens]:
    """`27.2 M · 5.71 GMACs` above a net, with `· 4 uses` above a block; a block's numbers are those of all its uses."""
    known = costs(analysis)
    written: dict[tuple[object, ...], list[Span]] = {}
    for each in Reading.of(analysis).mentions:
        if not each.declares:
            written.setdefault(each.target.key, []).append(each.span)
    for item in analysis.file.definitions:
        found = analysis.names.get(item.name.text)
        if found is None or found.tree is not item or isinstance(item, tree.Unit):
            continue
        uses = tuple(written.get(definition_target(found).key, ()))
        text = _net(item, known) if isinstance(item, tree.Net) else _block(found, known, len(uses))
        if isinstance(item, tree.Net) and uses:
            text += f" · {_counted(len(uses))}"
        if text:
            yield Lens(item.name.span, text, uses)


def _net(item: tree.Net, known: Sequence[Costs]) -> str:
    net = next((each.net for each in known if each.net.definition.tree is item), None)
    if net is None:
        return ""
    if not net.complete:  # what no output needs yet counts for nothing while the net runs
        return f"{short(net.cost.params)} so far"
    return " · ".join(number for number in (short(net.cost.params), macs(net.cost.macs)) if number)


def _block(found: Definition, known: Sequence[Costs], written: int) -> str:
    price = next((price for each in known if (price := each.of_definition(found))), None)
    if price is None:
        return _counted(written)
    return " · ".join(text for text in (short(price.params), macs(price.macs), _counted(price.uses)) if text)


def _counted(uses: int) -> str:
    return "1 use" if uses == 1 else f"{uses or 'no'} uses"

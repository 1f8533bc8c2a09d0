"""W421: rails whose costs differ a hundredfold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import ClassVar

from incdsl.compiler import in_macs
from incdsl.diagnostics import Diagnostic, Row
from incdsl.diagnostics.base import example
from incdsl.ir.graph import Node
from incdsl.linter.finding import Finding
from incdsl.linter.papers import RETHINKING
from incdsl.linter.view import NetView, View
from incdsl.ops.merge import Add, Concat
from incdsl.source import Span

TIMES = 100


@dataclass(frozen=True, kw_only=True)
class UnevenRails(Finding):
    """One rail of a merge costs a hundred times what another does.

    The rails of Inception share the work; a rail that does nearly all of it hides the others, and decides how long the
    merge takes. Rails without convolutions, such as pools, do not count, and neither do the factors of a product.
    """

    code: ClassVar[str] = "W421"
    title: ClassVar[str] = "rails whose costs differ a hundredfold"
    because: ClassVar[str] = (
        "work should be balanced over a net, and a rail that does nearly all of it hides the others"
    )
    paper: ClassVar[str] = f"{RETHINKING}, section 2, principle 4"
    wrong: ClassVar[str] = example("output y = x -> concat { | conv2d 1x1 @8 | conv2d 3x3 @256 }", shape="[64, 28, 28]")
    right: ClassVar[str] = wrong.replace("1x1 @8", "1x1 @64")

    least: int
    most: int
    cheap: Span
    dear: Span

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            for node in net.nodes((Concat, Add)):
                merge = view.merge(node.span)
                rails = [rail for rail in _rails(net, node, merge.span) if rail.macs] if merge else []
                if len(rails) < 2:
                    continue
                least, most = min(rails, key=_cost), max(rails, key=_cost)
                if most.macs >= TIMES * least.macs:
                    yield cls(
                        span=node.span, path=net.path(node), least=least.macs, most=most.macs,
                        cheap=least.span, dear=most.span,
                    )  # fmt: skip

    def message(self) -> str:
        return f"one rail costs {round(self.most / self.least)} times what another does"

    def rows(self) -> tuple[Row, ...]:
        return tuple(
            Row(span, in_macs(cost))
            for span, cost in sorted(((self.cheap, self.least), (self.dear, self.most)), key=_place)
        )

    def help(self) -> str:
        return "make the cheap rail wider, or put a 1x1 in front of what is expensive"


@dataclass(frozen=True, slots=True)
class _Rail:
    """What only one operand of a merge depends on and is written in the merge: its dearest step, and all costs."""

    span: Span
    macs: int


def _cost(rail: _Rail) -> int:
    return rail.macs


def _place(item: tuple[Span, int]) -> int:
    return item[0].start


def _rails(net: NetView, merge: Node, inside: Span) -> Iterator[_Rail]:
    for name in dict.fromkeys(net.graph.operands(merge.name)):
        own, waiting = {merge.name}, [-net.order[name]]
        costs: list[tuple[int, Span]] = []
        while waiting:
            node = net.in_order[-heappop(waiting)]
            span = _anchor(net, node, merge)
            written = span is not None and inside.start <= span.start < inside.end
            if node.name in own or not written or not {each.name for each in net.readers[node.name]} <= own:
                continue
            assert span is not None
            own.add(node.name)
            costs.append((net.macs(node), span))
            for operand in net.graph.operands(node.name):
                heappush(waiting, -net.order[operand])
        if costs:
            yield _Rail(max(costs, key=lambda each: each[0])[1], sum(cost for cost, _ in costs))


def _anchor(net: NetView, node: Node, merge: Node) -> Span | None:
    """The step beside the merge, in its block or net, that a node is or is part of."""
    lineage = node.instance.lineage
    if merge.instance not in lineage:
        return None
    below = lineage[lineage.index(merge.instance) + 1 :]
    return below[0].span if below else node.span

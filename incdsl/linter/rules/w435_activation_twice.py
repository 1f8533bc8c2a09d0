"""W435: an activation behind an activation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics import Diagnostic, Fix
from incdsl.diagnostics.base import example
from incdsl.edits import Edit
from incdsl.ir.graph import Node
from incdsl.linter.finding import Finding
from incdsl.linter.view import NetView, View
from incdsl.ops.activation import Activation, Hardsigmoid, ReLU, ReLU6, Sigmoid, Softmax
from incdsl.ops.dense import Dropout

CONV = "unit conv = conv2d (bias: false) -> batchnorm -> relu\n"


@dataclass(frozen=True, kw_only=True)
class ActivationTwice(Finding):
    """An activation stands behind another one, with nothing between them that computes.

    A relu of what is never negative changes nothing, also behind a pool; the fix takes it away, and the net computes
    the same bits. Another activation twice is another function than once, and probably a slip, such as a step that is
    an activation behind a unit that ends in one.
    """

    code: ClassVar[str] = "W435"
    title: ClassVar[str] = "an activation behind an activation"
    because: ClassVar[str] = "the second one changes nothing, or something that nobody meant"
    wrong: ClassVar[str] = example("output y = x -> conv 3x3 @16 -> relu", CONV)
    right: ClassVar[str] = example("output y = x -> conv 3x3 @16", CONV)

    first: str
    second: str
    idle: bool

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        doubled = [(net, node, first) for net in view.nets for node, first in _doubled(net)]
        idle = Counter(_place(net, node) for net, node, first in doubled if _is_idle(node, first))
        for net, node, first in doubled:
            nothing = _is_idle(node, first)
            fix = _fix(view, net, node, first, idle) if nothing else None
            yield cls(
                span=node.span, path=net.path(node), first=first.op.word, second=node.op.word, idle=nothing, fix=fix
            )

    def message(self) -> str:
        what = "changes nothing" if self.idle else "is applied again"
        return f"`{self.second}` {what} behind `{self.first}`"


def _doubled(net: NetView) -> Iterator[tuple[Node, Node]]:
    """Activations with the activation before them, if nothing stands between but pools and what copies.

    Of two that differ, only a relu of what cannot be negative is reported.
    """
    for node in net.nodes(Activation):
        first = net.source(node)
        while first.op.kind in ("pool", "view") and not isinstance(first.op, Dropout):
            first = net.source(first)
        if not isinstance(first.op, Activation):
            continue
        near = first is net.source(node)
        if _is_idle(node, first) or (near and type(first.op) is type(node.op)):
            yield node, first


def _is_idle(node: Node, first: Node) -> bool:
    """Whether an activation gives back what another one gave."""
    if isinstance(node.op, ReLU6):
        return isinstance(first.op, ReLU6 | Sigmoid | Hardsigmoid | Softmax)
    return isinstance(node.op, ReLU) and isinstance(first.op, ReLU | ReLU6 | Sigmoid | Hardsigmoid | Softmax)


def _place(net: NetView, node: Node) -> int:
    written = net.op_written(node)
    return written.call.span.start if written else -1


def _fix(view: View, net: NetView, node: Node, first: Node, idle: Counter[int]) -> Fix | None:
    """Without the step, if its own chain makes it idle, wherever that stands in a net, and if nobody named it."""
    written, maker = net.op_written(node), net.written(first)
    if written is None or maker is None or maker.chain is not written.chain:
        return None
    if written.step.labels or written.step.repeat or written.step.shape:
        return None
    places = len(view.analysis.steps.get(written.step, ()))
    before = written.chain.steps[written.index - 1].last_token
    if places != idle[written.call.span.start] or before is None:
        return None
    start, end = before.end, written.step.span.end
    if "#" in view.source.text[start:end]:
        return None
    return Fix("take it away", (Edit(start, end, ""),), safe=True)

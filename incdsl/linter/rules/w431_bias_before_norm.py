"""W431: a bias in front of a batch norm."""

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
from incdsl.linter.papers import BATCH_NORM
from incdsl.linter.view import NetView, View, Written
from incdsl.ops.dense import Linear
from incdsl.ops.norm import BatchNorm2d
from incdsl.ops.transposed import ConvTranspose2d
from incdsl.ops.window import Conv2d
from incdsl.syntax import tree


@dataclass(frozen=True, kw_only=True)
class BiasBeforeNorm(Finding):
    """A batch norm takes the mean of each channel away, and with it the bias that was added right before.

    The fix computes the same function. It is not safe, as the keys of the biases go from the checkpoint. There is none
    for an op of a unit that other uses of the unit need with its bias.
    """

    code: ClassVar[str] = "W431"
    title: ClassVar[str] = "a bias in front of a batch norm"
    because: ClassVar[str] = "the bias is cancelled by the mean that the norm subtracts, and its shift does the same"
    paper: ClassVar[str] = f"{BATCH_NORM}, section 3.2"
    wrong: ClassVar[str] = example("output y = x -> conv2d 3x3 @32 -> batchnorm -> relu")
    right: ClassVar[str] = example("output y = x -> conv2d 3x3 @32 (bias: false) -> batchnorm -> relu")

    op: str
    count: int

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        places = [(net, node) for net in view.nets for node in _cancelled(net)]
        written = Counter(each.call.span.start for net, node in places if (each := net.op_written(node)))
        for net, node in places:
            fix = _fix(view, net.op_written(node), written)
            yield cls(
                span=net.span(node), path=net.path(node), op=node.op.word, count=net.channels(node), fix=fix
            )  # fmt: skip

    def message(self) -> str:
        return f"the batch norm cancels the bias of `{self.op}`, {self.count} parameters"

    def help(self) -> str:
        return "write `(bias: false)`"


def _cancelled(net: NetView) -> Iterator[Node]:
    """What adds a bias that nothing but a batch norm reads."""
    for node in net.nodes((Conv2d, ConvTranspose2d, Linear)):
        norm = net.reader(node)
        if getattr(node.op, "bias", False) and norm and isinstance(norm.op, BatchNorm2d):
            yield node


def _fix(view: View, written: Written | None, cancelled: Counter[int]) -> Fix | None:
    """`bias: false` where the op itself is written, in its unit if it is one's, if no use of it needs the bias."""
    if written is None or written.call.factors:
        return None
    call = written.call
    if len(view.analysis.steps.get(written.step, ())) != cancelled[call.span.start]:
        return None
    given = [arg for arg in call.args if isinstance(arg, tree.Arg)]
    bias = next((arg.value.span for arg in given if arg.name and arg.name.text == "bias"), None)
    if bias:
        edit = Edit(bias.start, bias.end, "false")
    elif given:
        edit = Edit(given[-1].span.end, given[-1].span.end, ", bias: false")
    else:
        edit = Edit(call.span.end, call.span.end, " (bias: false)")
    return Fix("without the bias", (edit,), safe=False)

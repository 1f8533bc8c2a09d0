"""W434: a dropout before a batch norm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.base import example
from incdsl.ir.graph import Node
from incdsl.linter.finding import Finding
from incdsl.linter.papers import DISHARMONY
from incdsl.linter.view import NetView, View
from incdsl.ops.dense import Dropout
from incdsl.ops.norm import BatchNorm2d


@dataclass(frozen=True, kw_only=True)
class DropoutBeforeNorm(Finding):
    """A batch norm behind a dropout learns the variance of values that were scaled up in training alone.

    In evaluation nothing is dropped, and the variance that it has learned is too large by what the message says, for
    values of mean zero. A dropout behind the last norm does no harm.
    """

    code: ClassVar[str] = "W434"
    title: ClassVar[str] = "a dropout before a batch norm"
    because: ClassVar[str] = (
        "dropout shifts the variance between training and evaluation, and the norm keeps the wrong one"
    )
    paper: ClassVar[str] = f"{DISHARMONY}, section 3"
    wrong: ClassVar[str] = example(
        "output y = x -> conv2d 3x3 @16 -> relu -> dropout 0.5 -> conv2d 3x3 @16 (bias: false) -> batchnorm -> relu"
    )
    right: ClassVar[str] = example(
        "output y = x -> conv2d 3x3 @16 -> relu -> conv2d 3x3 @16 (bias: false) -> batchnorm -> relu -> dropout 0.5"
    )

    p: float
    norm: str

    @classmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        for net in view.nets:
            behind = _norms_behind(net)
            for node in net.nodes(Dropout):
                assert isinstance(node.op, Dropout)
                norm = behind.get(node.name)
                if norm and 0 < float(node.op.p) < 1:
                    name = norm.path or norm.op.word
                    yield cls(span=net.span(node), path=net.path(node), p=float(node.op.p), norm=name)

    def message(self) -> str:
        return f"the batch norm `{self.norm}` stands behind this dropout of {self.p:g}"

    def help(self) -> str:
        return (
            f"in training its values have {1 / (1 - self.p):.3g} times the variance; put the dropout behind all norms"
        )


def _norms_behind(net: NetView) -> dict[str, Node]:
    """For each value the first batch norm that depends on it."""
    found: dict[str, Node] = {}
    for node in reversed(net.in_order):
        first = node if isinstance(node.op, BatchNorm2d) else found.get(node.name)
        if first:
            found.update(dict.fromkeys(net.graph.operands(node.name), first))
    return found

"""A concat whose parts are written where they are read: refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ops.merge import Concat
from incdsl.passes.rule import Condition, Refusal
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """A concat."""

    concat: Node

    @property
    def nodes(self) -> tuple[str, ...]:
        return (self.concat.name,)


@final
class WriteConcatInPlace(Refusal[Site]):
    """concat(f(x), g(x)) as one buffer into whose channels f and g write: not in a PyTorch module.

    It takes ops that write into a tensor they are given. PyTorch's convolutions make their own: `aten::convolution.out`
    exists, but computes a new tensor and copies it, as `torch.cat` does, so nothing would be saved. A compiler behind
    PyTorch, or kernels of one's own, can do it.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition("ops that write into a given buffer", lambda *_: False,
                  "PyTorch's convolutions cannot write into a part of a buffer; copying is what the concat does"),
    )  # fmt: skip

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if isinstance(node.op, Concat):
            yield Site(node)

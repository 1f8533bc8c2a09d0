"""1x1 convolutions with their ReLU as products of matrices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ops.gpu import FusedConv2d, ProductConv2d
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Rule
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """A convolution that holds its ReLU."""

    conv: Node

    @property
    def nodes(self) -> tuple[str, ...]:
        """Its name."""
        return (self.conv.name,)


@final
class UseProducts(Rule[Site]):
    """relu(conv(x)) with a kernel of 1x1 as a product of matrices, pixels by filters.

    cuBLAS has it as one call with bias and ReLU. It comes where `tune` measured that it is faster than what cuDNN has.
    """

    by_default = False

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if view.net.ways.get(node.path) == "product" and isinstance(node.op, FusedConv2d) and is_product(node.op):
            yield Site(node)

    def rewrite(self, view: View, site: Site) -> Edit:
        edit, op = view.edit(at=site.conv), site.conv.op
        settings = {name: getattr(op, name) for name in op.settings if name != "residual"}
        edit.replace(site.conv.name, edit.remake(site.conv, ProductConv2d.model_construct(**settings)))
        return edit

    def describe(self, view: View, site: Site) -> str:
        return "with its ReLU"


def is_product(op: FusedConv2d) -> bool:
    """Whether each pixel of the result is made of one pixel of the image, and nothing else is added."""
    one = all(int(v) == 1 for pair in (op.kernel, op.stride) for v in pair) and int(op.groups) == 1
    return one and not any(map(int, op.padding)) and not op.residual

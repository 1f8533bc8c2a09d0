"""Dropout, which only training runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ops.dense import Dropout
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Rule
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """A dropout."""

    node: Node

    @property
    def nodes(self) -> tuple[str, ...]:
        return (self.node.name,)


@final
class RemoveDropout(Rule[Site]):
    """dropout(x) = x in evaluation, whatever its probability. Exact to the last bit; not for training."""

    exact = True

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if isinstance(node.op, Dropout):
            yield Site(node)

    def rewrite(self, view: View, site: Site) -> Edit:
        edit = view.edit(at=site.node)
        edit.replace(site.node.name, view.operand(site.node).name)
        return edit

    def describe(self, view: View, site: Site) -> str:
        return "only training runs it"

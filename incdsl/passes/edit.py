"""What a rule wants changed in a graph, put together step by step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from incdsl.ir.graph import Instance, Node
from incdsl.ir.weight_expr import WeightExpr
from incdsl.ops import Op

if TYPE_CHECKING:
    from incdsl.passes.view import View


class Edit:
    """New nodes, placed where `at` stands, and the values that they, or older ones, stand in for.

    Nothing is taken away: what nobody reads any more is dropped afterwards. `View.edit` starts one.
    """

    def __init__(self, view: View, at: Node) -> None:
        self.at = at.name
        self.added: list[tuple[Node, tuple[str, ...]]] = []
        self.replaced: dict[str, str] = {}
        self.weight_exprs: dict[str, WeightExpr] = {}
        self._view = view

    def add(
        self,
        op: Op,
        operands: Iterable[str],
        *,
        like: Node,
        instance: Instance | None = None,
        label: str = "",
        weight_expr: WeightExpr | None = None,
        note: str = "",
        own_step: bool = False,
    ) -> str:
        """The name of a new node that reads these values, of the graph or of this edit.

        `like` is the node that it stands for: place in the spec, chain, step and, unless told, instance are its own.
        With `own_step` generated code gives it a statement of its own.
        """
        instance = instance or like.instance
        name = self._view.free_name(op, instance, label)
        step = self._view.free_step() if own_step else like.step
        self.added.append((Node(name, op, instance, label, like.span, like.chain, step, note), tuple(operands)))
        if weight_expr:
            self.weight_exprs[name] = weight_expr
        return name

    def remake(
        self,
        node: Node,
        op: Op | None = None,
        operands: Iterable[str] | None = None,
        weight_expr: WeightExpr | None = None,
    ) -> str:
        """The name of a node that takes the place of another, with its label; what is not told stays as it is."""
        read = self._view.graph.operands(node.name) if operands is None else operands
        if weight_expr is None and node.op.owns_parameters():
            weight_expr = self._view.weight_expr(node)
        return self.add(op or node.op, read, like=node, label=node.label, weight_expr=weight_expr, note=node.note)

    def replace(self, old: str, new: str) -> None:
        """Let all that reads a value read another one, of the graph or of this edit."""
        self.replaced[old] = new

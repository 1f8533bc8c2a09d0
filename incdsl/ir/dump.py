"""A graph as text, one line for each node: stable, to be read and to be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from incdsl.ir.graph import Graph, Node
from incdsl.types import Num, Pair, Real, SymbolPair


def dump(graph: Graph, remarks: Mapping[str, str] = {}) -> str:
    """Nodes in their order, `name = op(operands; settings) : shape`; `remarks` stand behind the nodes of these names.

    Settings are those that differ from the op's defaults, symbols beside their values. A node whose attribute path is not
    its name has the path in brackets.
    """
    shapes = graph.shapes()
    written = [(_code(graph, node), f": {shapes[node.name]}", remarks.get(node.name, "")) for node in graph]
    columns = [max((len(row[i]) for row in written), default=0) for i in (0, 1)]
    lines = [
        f"{code.ljust(columns[0])}  {shape.ljust(columns[1])}  {remark}".rstrip() for code, shape, remark in written
    ]
    lines += [f"output {name} = {value}" for name, value in graph.outputs.items()]
    lines += [f"aux {head.name} = {head.node} (weight: {head.weight!r})" for head in graph.heads]
    return "\n".join(lines) + "\n"


def _code(graph: Graph, node: Node) -> str:
    operands = graph.operands(node.name)
    path = f" [{node.path}]" if node.label and node.path != node.name else ""
    if not operands:
        return f"{node.name}{path} = input"
    settings = ", ".join(_settings(node))
    return f"{node.name}{path} = {node.op.word}({', '.join(operands)}{'; ' if settings else ''}{settings})"


def _settings(node: Node) -> Iterator[str]:
    for name, field in type(node.op).model_fields.items():
        value = getattr(node.op, name)
        if field.is_required() or value != field.default:
            yield f"{name}: {_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, SymbolPair):
        return f"{value.name} = {value.text}"
    if isinstance(value, Pair):
        return value.text
    if isinstance(value, Num):
        return f"{value.expr} = {int(value)}"
    if isinstance(value, Real):
        return f"{value.name} = {float(value)!r}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_shown, value))}]"
    return value if isinstance(value, str) else repr(value)

"""A graph as text, one line for each node: stable, to be read and to be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from incdsl.ir.graph import Graph, Node
from incdsl.values import Num, Pair, Real, SymbolPair


def dump(graph: Graph, remarks: Mapping[str, str] = {}) -> str:
    """Nodes in their order, `name = op(operands; settings) : shape`; `remarks` stand behind the nodes of these names.

    A node goes by its attribute path, or as `class:op` if it has none. Settings are those that differ from the op's
    defaults, symbols beside their values.
    """
    shapes = graph.shapes()
    names = {node.name: node.path if node.label else node.name for node in graph}
    names |= {node: name for name, node in graph.inputs.items()}
    lines = []
    for node in graph:
        remark = f"  <- {remarks[node.name]}" if node.name in remarks else ""
        lines.append(f"{names[node.name]} = {_call(graph, node, names)} : {shapes[node.name]}{remark}")
    lines += [f"output {name} = {names[value]}" for name, value in graph.outputs.items()]
    lines += [f"aux {head.name} = {names[head.node]} (weight: {head.weight!r})" for head in graph.heads]
    return "\n".join(lines) + "\n"


def _call(graph: Graph, node: Node, names: Mapping[str, str]) -> str:
    operands = graph.operands(node.name)
    if not operands:
        return "input"
    settings = ", ".join(_settings(node))
    return f"{node.op.word}({', '.join(names[o] for o in operands)}{'; ' if settings else ''}{settings})"


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

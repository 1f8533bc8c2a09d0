"""What a net computes although no output needs it."""

from __future__ import annotations

from collections.abc import Iterator

from incdsl.diagnostics.unused import ForNothing
from incdsl.ir.graph import Graph, Instance


def unread(graph: Graph, title: str) -> Iterator[ForNothing]:
    """The last steps that no output needs and that stand in no auxiliary head, which would go with what it needs."""
    needed = graph.needed_by(list(graph.outputs.values()))
    for_heads = graph.needed_by([head.node for head in graph.heads])
    heads = {head.instance for head in graph.heads}
    idle = [
        node
        for node in graph
        if node.name not in needed and graph.operands(node.name) and not heads.intersection(_around(node.instance))
    ]
    read = {name for node in idle for name in graph.operands(node.name)}
    for node in idle:
        if node.name not in read:
            name = node.path or node.op.word
            yield ForNothing(span=node.span, path=title, name=name, head=node.name in for_heads)


def _around(instance: Instance | None) -> Iterator[Instance]:
    while instance is not None:
        yield instance
        instance = instance.parent

"""The rows of `incdsl summary`: what each block, step or op costs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal

from incdsl.analysis.cost import Cost, Field, NodeCost, receptive_fields
from incdsl.ir.graph import Instance
from incdsl.ir.net import Net
from incdsl.values import Shape

By = Literal["block", "layer", "op"]


@dataclass
class Row:
    """One line of the table; numbers are nothing where the input's size is free."""

    name: str
    kind: str
    shape: str = ""
    params: int = 0
    macs: int | None = 0
    activations: int | None = 0
    sees: str = ""
    training_only: bool = False
    nodes: list[NodeCost] = field(default_factory=list)


def rows(net: Net, cost: Cost, by: By) -> list[Row]:
    """The rows in the order in which the net runs, one for each module of the net, layer, or op."""
    fields = receptive_fields(net.graph)
    found: dict[object, Row] = {}
    keys: dict[str, object] = {}
    read: defaultdict[object, set[str]] = defaultdict(set)
    """Of each row, the nodes that are read by other rows, or by those who call the net."""
    labelled: set[object] = set()
    for node_cost in cost.nodes:
        node = node_cost.node
        if not net.graph.operands(node.name):
            continue
        key, name, kind = _group(node_cost, by)
        keys[node.name] = key
        for operand in net.graph.operands(node.name):
            if operand in keys and keys[operand] != key:
                read[keys[operand]].add(operand)
        row = found.setdefault(key, Row(name, kind))
        row.nodes.append(node_cost)
        own = by == "block" and node.instance is net.graph.net
        if own and key not in labelled and (node.label or row.kind == "pad"):
            if node.label:
                labelled.add(key)  # the first label of a step is its name, whatever came before it
            row.name, row.kind = name, kind
        row.params += node_cost.parameters
        row.macs = None if node_cost.macs is None else (row.macs or 0) + node_cost.macs
        row.activations = None if node_cost.activations is None else (row.activations or 0) + node_cost.activations
        row.training_only = not node_cost.deployed
    for end in net.graph.ends:
        if end in keys:
            read[keys[end]].add(end)
    for key, row in found.items():
        ends = [(shape_text(net, end.shape), _field(fields[end.node.name])) for end in _ends(row, read[key])]
        row.shape, row.sees = map(", ".join, zip(*dict.fromkeys(ends), strict=True))
    return list(found.values())


def _ends(row: Row, read: set[str]) -> list[NodeCost]:
    """The nodes whose values leave a row; where none does, the last one."""
    return [each for each in row.nodes if each.node.name in read] or row.nodes[-1:]


def _group(cost: NodeCost, by: By) -> tuple[object, str, str]:
    node = cost.node
    lineage = node.instance.lineage
    if by == "block" and len(lineage) > 1:
        top = lineage[1]
        return top, top.label, _kind(top)
    if by == "layer" and node.instance.kind == "unit":
        return node.instance, node.instance.path, _kind(node.instance)
    if by == "block":
        return node.step, node.path or node.op.word, node.op.word
    name = node.path or (f"{node.instance.path}.{node.op.word}" if node.instance.path else node.op.word)
    return node, name, node.op.word


def _kind(instance: Instance) -> str:
    return "sequence" if instance.kind == "sequence" else instance.word


def shape_text(net: Net, shape: Shape) -> str:
    """A shape at the nominal size as tables show it: `288 x 35 x 35`."""
    return " x ".join(part.strip() for part in net.conditions.show(shape).strip("[]").split(","))


def _field(fields: tuple[Field, Field]) -> str:
    texts = ["all" if f.size is None else str(int(f.size)) for f in fields]
    return texts[0] if texts[0] == texts[1] else " x ".join(texts)


def record(row: Row) -> dict[str, Any]:
    """A row for programs."""
    return {
        "name": row.name,
        "kind": row.kind,
        "shape": row.shape,
        "params": row.params,
        "macs": row.macs,
        "activations": row.activations,
        "receptive_field": row.sees,
        "training_only": row.training_only,
    }

"""Computes a net from its graph, op by op, as the ops say of themselves in the words of PyTorch's documentation.

It reads the structure alone: nodes, operands, fields of ops, and the module's state_dict by key. No shape rule, no
lowering and no generated code takes part, so that what the generated module computes can be compared with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from incdsl.ir.graph import Graph


class NotInterpreted(Exception):
    """An op that does not say what it computes: its word."""


def interpret(graph: Graph, inputs: Sequence[Tensor], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The value of every node in evaluation, heads included, by name; inputs in order, tensors by their keys.

    Raises:
        NotInterpreted: if there is an op without an interpretation.
    """
    known = dict(zip(graph.inputs.values(), inputs, strict=True))
    tensors: dict[str, dict[str, Tensor]] = {}
    for key, tensor in state.items():
        path, _, name = key.rpartition(".")
        tensors.setdefault(path, {})[name] = tensor
    for node in graph:
        if node.name in known:
            continue
        operands = [known[name] for name in graph.operands(node.name)]
        own = {"": state[node.path]} if node.op.is_parameter else tensors.get(node.path, {})
        value = node.op.interpret(torch, own, *operands)
        if value is None:
            raise NotInterpreted(node.op.word)
        known[node.name] = value
    return known

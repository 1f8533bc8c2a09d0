"""The numbers of what stands in repetitions, once rules have removed some: `nn.Sequential` counts what it holds."""

from __future__ import annotations

from dataclasses import replace

from incdsl.ir.graph import Entry, Graph, Instance
from incdsl.ir.net import Net
from incdsl.passes.base import Pass


class Renumber(Pass):
    """Gives the members of all repetitions the numbers 0, 1, …; moved layers keep the weights of their old path."""

    def __call__(self, net: Net) -> Net:
        """The net, renumbered."""
        graph, numbers = net.graph, _numbers(net.graph)
        if all(label == new for members in numbers.values() for label, new in members.items()):
            return net
        instances: dict[Instance, Instance] = {graph.net: graph.net}

        def now(instance: Instance) -> Instance:
            if instance not in instances and instance.parent:
                label = numbers.get(instance.parent, {}).get(instance.label, instance.label)
                above = now(instance.parent)
                same = above is instance.parent and label == instance.label
                instances[instance] = instance if same else replace(instance, label=label, parent=above)
            return instances[instance]

        entries, exprs = list[Entry](), dict(net.weight_exprs)
        for node, operands, shape in graph.entries():
            label = numbers.get(node.instance, {}).get(node.label, node.label)
            moved = replace(node, instance=now(node.instance), label=label)
            if moved.path != node.path and node.op.owns_parameters():
                exprs.setdefault(node.name, net.weight_expr(node))
            entries.append((moved, operands, shape))
        return replace(net, graph=graph.changed(entries, instance=now), weight_exprs=exprs)


def _numbers(graph: Graph) -> dict[Instance, dict[str, str]]:
    """For each repetition, what its members are called from now on."""
    numbers: dict[Instance, dict[str, str]] = {}
    for node in graph:
        label, instance = node.label, node.instance
        while True:
            if instance.kind == "sequence":
                members = numbers.setdefault(instance, {})
                members.setdefault(label, str(len(members)))
            if instance.parent is None:
                break
            label, instance = instance.label, instance.parent
    return numbers

"""Convolutions that read one value as one convolution."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, final

from incdsl.ir.graph import Chain, Node
from incdsl.ir.weight_expr import Merged
from incdsl.ops import Op
from incdsl.ops.activation import ReLU
from incdsl.ops.deployed import ActivationFloor
from incdsl.ops.merge import Slice
from incdsl.ops.window import Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.layers import Layer, first_of_each, layer
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View


@dataclass(frozen=True, slots=True)
class Site:
    """Siblings in the order of the merged channels: those with an activation first."""

    layers: tuple[Layer, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(name for each in self.layers for name in each.nodes)

    def alike(self, what: Callable[[Conv2d], object]) -> bool:
        """Whether all siblings agree."""
        return len({what(each.op) for each in self.layers}) == 1


def _alike(name: str, what: Callable[[Conv2d], object]) -> Condition[Site]:
    return Condition(name, lambda _, site: site.alike(what), f"the siblings do not have the {name}")


def _name(labels: list[str]) -> str:
    """What `rail_2a` and `rail_2b` have in common; `merged` for siblings that are not lettered."""
    stems = {label[:-1] for label in labels if label[-1:].isalpha()}
    stem = min(stems, default="")
    lettered = len(stems) == 1 and all(label[:-1] == stem for label in labels)
    return stem.rstrip("_") if lettered and stem.isidentifier() and stem.rstrip("_") else "merged"


@final
class MergeSiblingConvs(Rule[Site]):
    """[conv_1(x), …, conv_n(x)] = the channels of conv(x), whose filters are theirs, concatenated.

    The siblings have the same kernel, stride, padding and dilation, and no groups. Those with a ReLU come first. If
    some have none, the ReLU becomes a lower bound for each channel: 0 or −∞. Each sibling becomes a slice of channels.
    """

    keys: ClassVar[dict[str, Callable[[Conv2d], object]]] = {
        "same kernel": lambda op: tuple(map(int, op.kernel)),
        "same stride": lambda op: tuple(map(int, op.stride)),
        "same padding": lambda op: tuple(map(int, op.padding)),
        "same dilation": lambda op: tuple(map(int, op.dilation)),
    }
    conditions: tuple[Condition[Site], ...] = (
        *(_alike(name, what) for name, what in keys.items()),
        Condition("no groups", lambda _, s: all(int(e.op.groups) == 1 for e in s.layers), "a sibling has groups"),
        Condition("one step", lambda _, s: all(e.whole for e in s.layers), "the unit of a sibling does more"),
    )

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        convs = [
            view.graph[name] for name in view.readers.get(node.name, ()) if isinstance(view.graph[name].op, Conv2d)
        ]
        if len(convs) < 2:
            return
        keys = [self.keys[c.name] for c in self.active if c.name in self.keys]
        groups: dict[object, list[Layer]] = defaultdict(list)
        for conv in convs:
            found = layer(view, conv)
            if found.home.kind != "sequence":
                groups[(found.home, *(key(found.op) for key in keys))].append(found)
        for layers in groups.values():
            if len(layers) > 1:
                yield Site(tuple(sorted(layers, key=lambda each: each.relu is None)))
        yield from (
            Site(first) for first in first_of_each(groups.values()) if len(first) > 1
        )  # told why they are not one

    def rewrite(self, view: View, site: Site) -> Edit:
        layers, home = site.layers, site.layers[0].home
        written = {name: i for i, name in enumerate(view.readers[view.operand(layers[0].conv).name])}
        first = min(layers, key=lambda each: written[each.conv.name])
        ops = [each.op for each in layers]
        width = sum((op.width for op in ops[1:]), ops[0].width)
        bias = any(op.bias for op in ops)
        merged = ops[0].model_copy(update={"width": width, "bias": bias})
        label = view.free_label(home, _name([each.label for each in layers]))
        like = replace(first.step, chain=Chain(label, rail=True, parent=first.step.chain.parent), note="")
        weights = Merged(tuple(view.weight_expr(each.conv) for each in layers))
        edit = view.edit(at=first.conv)
        value = edit.add(
            merged, view.graph.operands(first.conv.name), like=like, instance=home, label=label, weight_expr=weights,
            own_step=True,
        )  # fmt: skip
        active = [each for each in layers if each.relu]
        if active:
            channels = sum((each.op.width for each in active[1:]), active[0].op.width)
            op: Op = ReLU() if len(active) == len(layers) else ActivationFloor(active=channels)
            floor = "" if isinstance(op, ReLU) else view.free_label(home, f"{label}_floor")
            value = edit.add(op, (value,), like=like, instance=home, label=floor)
        start: int = 0
        for each in layers:
            stop = start + each.op.width
            own = edit.add(Slice(start=start, stop=stop), (value,), like=each.step, instance=home, own_step=True)
            edit.replace(each.output, own)
            start = stop
        return edit

    def where(self, view: View, node: Node, site: Site) -> str:
        home = site.layers[0].home
        return home.path or home.word

    def describe(self, view: View, site: Site) -> str:
        return f"{len(site.layers)} convolutions as one: {', '.join(each.label for each in site.layers)}"

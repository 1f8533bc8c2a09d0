"""Containers that run from end to end: `features.0`, `features.1`, … as one `nn.Sequential`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

from incdsl.codegen.bodies import Body, Item
from incdsl.ir.graph import Instance
from incdsl.ops.code import SELF
from incdsl.values import Shape


def runs(body: Body, shapes: Mapping[str, Shape]) -> dict[str, list[Item]]:
    """Members of each container of a body that are numbered from 0 and feed nothing but each other, in order."""
    found: dict[str, list[Item]] = {}
    for item in body.items:
        if "." in item.label:
            found.setdefault(item.label.split(".")[0], []).append(item)
    uses = Counter(name for item in body.items for name in item.inputs)
    return {label: members for label, members in found.items() if _runs(label, members, uses, body, shapes)}


def _runs(label: str, members: list[Item], uses: Counter[str], body: Body, shapes: Mapping[str, Shape]) -> bool:
    if len(members) < 2 or [m.label for m in members] != [f"{label}.{i}" for i in range(len(members))]:
        return False
    ends = body.ends
    for member, following in pairwise(members):
        if following.inputs != (member.output,) or uses[member.output] != 1 or member.output in ends:
            return False
    return all(len(m.inputs) == len(m.outputs) == 1 and _is_module(m, shapes) for m in members)


def _is_module(item: Item, shapes: Mapping[str, Shape]) -> bool:
    """Whether calling its module is all there is to it."""
    if item.node is None:
        return True
    return item.node.op.lower(*(shapes[name] for name in item.inputs)).forward is SELF


def joined(body: Body, found: Mapping[str, list[Item]]) -> list[Item]:
    """The items of a body, each run as one call of its container."""
    ends = {members[-1].output: label for label, members in found.items()}
    inside = {member.output for members in found.values() for member in members}
    items = []
    for item in body.items:
        if item.output in ends:
            label = ends[item.output]
            instance = Instance("sequence", "sequence", label, body.instance, step=item.step, chain=item.chain)
            items.append(Item(None, instance, found[label][0].inputs, item.outputs))
        elif item.output not in inside:
            items.append(item)
    return items


def access(body: Body, found: Mapping[str, list[Item]]) -> dict[str, str]:
    """How each label is reached in `forward`: an attribute, or an entry of a container."""
    labels = [item.label for item in body.items if item.label]
    children: dict[str, list[str]] = {}
    for label in labels:
        parts = label.split(".")
        for i in range(1, len(parts)):
            known = children.setdefault(".".join(parts[:i]), [])
            if parts[i] not in known:
                known.append(parts[i])
    reached = {label: f"self.{label}" for label in found}
    for label in labels:
        first, *rest = label.split(".")
        text, path = f"self.{first}", first
        for part in rest:
            listed = children[path] == [str(i) for i in range(len(children[path]))]
            text += f"[{part}]" if listed else f'["{part}"]'
            path += f".{part}"
        reached[label] = text
    return reached

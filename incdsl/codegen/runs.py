"""Containers that run from end to end: `features.0`, `features.1`, … as one `nn.Sequential`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, Union

from incdsl.codegen.bodies import Item
from incdsl.codegen.flow import Flow
from incdsl.ir.graph import Instance
from incdsl.ops.code import SELF

Tree: TypeAlias = dict[str, Union["Tree", Item]]
"""Members by the parts of their labels."""


@dataclass(frozen=True, slots=True)
class Run:
    """A container whose members feed nothing but each other, in the order of their numbers.

    Calls without a label stand among them where the numbers leave room, as in `features.0: conv2d -> relu ->
    features.2: conv2d`, and behind the last one where they belong to its step.
    """

    path: str
    parts: tuple[Run | Item, ...]

    @property
    def items(self) -> tuple[Item, ...]:
        """All calls of it, in order."""
        return tuple(item for part in self.parts for item in (part.items if isinstance(part, Run) else (part,)))


def tree(items: Sequence[Item]) -> Tree:
    """The members of a body as its containers hold them."""
    found: Tree = {}
    for item in items:
        if item.label:
            *above, last = item.label.split(".")
            branch = found
            for part in above:
                inner = branch.setdefault(part, {})
                assert isinstance(inner, dict)
                branch = inner
            branch[last] = item
    return found


def runs(flow: Flow) -> dict[str, Run]:
    """The containers of a body that run from end to end, by their paths; those inside others are parts of them."""
    found: dict[str, Run] = {}
    waiting = [(name, part) for name, part in tree(flow.items).items() if isinstance(part, dict)]
    while waiting:
        path, members = waiting.pop()
        if run := _run(path, members, flow):
            found[path] = run
        else:
            waiting += [(f"{path}.{name}", part) for name, part in members.items() if isinstance(part, dict)]
    return found


def whole(flow: Flow) -> Run | None:
    """A body that is one such container itself: its labels are numbers, and it leads from its input to its output."""
    members, body = tree(flow.items), flow.body
    run = _run("", members, flow) if "0" in members and len(body.inputs) == len(body.outputs) == 1 else None
    if run is None or flow.inputs[run.items[0]] != (flow.value(body.inputs[0].value),):
        return None
    last, behind = run.items[-1], []
    while (following := flow.only_reader(last.output)) and _may_join(following, flow):
        behind.append(following)
        last = following
    return Run("", (*run.parts, *behind)) if last.output in flow.ends else None


def _run(path: str, members: Tree, flow: Flow) -> Run | None:
    parts: list[Run | Item] = []
    for name, member in members.items():
        part = _run(f"{path}.{name}" if path else name, member, flow) if isinstance(member, dict) else member
        if part is None or (isinstance(part, Item) and not _is_module(part, flow)):
            return None
        between = _between(parts[-1], part, flow) if parts else []
        if between is None or name != str(len(parts) + len(between)):
            return None
        parts += [*between, part]
    return Run(path, (*parts, *_behind(_last(parts[-1]), flow)))


def _between(before: Run | Item, after: Run | Item, flow: Flow) -> list[Item] | None:
    """The calls without labels between two members; None where these are not a chain."""
    found: list[Item] = []
    now, last = _first(after), _last(before)
    while True:
        (value,) = flow.inputs[now]
        if flow.only_reader(value) is not now or value not in flow.makes:
            return None
        now = flow.makes[value]
        if now is last:
            return found
        if not _may_join(now, flow):
            return None
        found.insert(0, now)


def _behind(last: Item, flow: Flow) -> list[Item]:
    """The calls without labels that belong to the step of the last member."""
    found: list[Item] = []
    following = flow.only_reader(last.output)
    while following and following.step == last.step and _may_join(following, flow):
        found.append(following)
        following = flow.only_reader(following.output)
    return found


def _first(part: Run | Item) -> Item:
    return part.items[0] if isinstance(part, Run) else part


def _last(part: Run | Item) -> Item:
    return part.items[-1] if isinstance(part, Run) else part


def _is_module(item: Item, flow: Flow) -> bool:
    """Whether calling its module with one value is all there is to it."""
    if len(item.inputs) != 1 or len(item.outputs) != 1 or item.is_head:
        return False
    return item.node is None or flow.lowering(item).forward is SELF


def _may_join(item: Item, flow: Flow) -> bool:
    """Whether a call without a label can be a module instead: one that PyTorch has, and that owns no parameters."""
    if item.node is None or item.label or item.node.op.owns_parameters() or not _is_module(item, flow):
        return False
    lowering = flow.lowering(item)
    return lowering.module is not None and lowering.helper is None and item.output not in flow.vectors.values


def joined(flow: Flow, found: Mapping[str, Run]) -> list[Item]:
    """The calls of a body, each run as one call of its container."""
    ends = {run.items[-1].output: run for run in found.values()}
    inside = {item for run in found.values() for item in run.items}
    items = []
    for item in flow.items:
        if run := ends.get(item.output):
            instance = Instance("sequence", "sequence", run.path, flow.body.instance, step=item.step, chain=item.chain)
            items.append(Item(None, instance, run.items[0].inputs, item.outputs, within=run.items))
        elif item not in inside:
            items.append(item)
    return items

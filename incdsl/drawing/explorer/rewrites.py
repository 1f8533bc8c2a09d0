"""What the optimizer would do to a net for inference, and what runs beside what on a GPU, for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from incdsl.analysis.kernels import kernels, launches
from incdsl.codegen.gpu import Gpu
from incdsl.compiler import Compilation, for_inference
from incdsl.ir.net import Event, Net

_KINDS = ("convolution", "linear", "pool", "norm", "pointwise", "copy")


def rewrites(done: Compilation) -> dict[str, Any]:
    """The rules that fired or declined, each with its places, and the kernels before and after."""
    deployed = for_inference(done)
    before, after = (kernels(net) for net in (done.net, deployed.net))
    return {
        "rules": [
            {
                "rule": rule,
                "applied": _told(deployed.net.trace, rule, True),
                "declined": _told(deployed.net.trace, rule, False),
            }
            for rule in dict.fromkeys(event.rule for event in deployed.net.trace)
        ],
        "kinds": {kind: [asdict(before)[kind], asdict(after)[kind]] for kind in _KINDS},
        "launches": [before.launches, after.launches],
        "bytes": [None if each.numbers is None else 4 * each.numbers for each in (before, after)],
    }


def _told(trace: Sequence[Event], rule: str, applied: bool) -> list[list[str]]:
    """Paths with what was said of them."""
    return [[event.path, event.text] for event in trace if event.rule == rule and event.applied is applied]


def streams(done: Compilation) -> list[dict[str, Any]]:
    """The forks of the form for GPUs: of each stream the steps in their order, with multiply-accumulates. Times are not
    known without a device."""
    net = for_inference(done, form=Gpu()).net
    schedule = net.schedule
    if schedule is None:
        return []
    costs = {each.node.name: each.macs or 0 for each in launches(net)}
    forks: dict[int, dict[int, list[dict[str, Any]]]] = {}
    for node in net.graph:
        lane = schedule.lanes.get(node.name)
        if lane is not None and node.name in costs:
            step = {"path": node.path or node.instance.path, "op": node.op.display_name, "macs": costs[node.name]}
            forks.setdefault(lane.fork, {}).setdefault(lane.stream, []).append(step)
    return [
        {"fork": _home(net, fork, lanes), "streams": [lanes[key] for key in sorted(lanes)]}
        for fork, lanes in forks.items()
    ]


def _home(net: Net, fork: int, lanes: dict[int, list[dict[str, Any]]]) -> str:
    """The block that a fork is in: what its paths begin with in common."""
    paths = [step["path"].split(".") for steps in lanes.values() for step in steps]
    common = []
    for parts in zip(*paths, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return ".".join(common) or f"{net.name}, fork {fork + 1}"

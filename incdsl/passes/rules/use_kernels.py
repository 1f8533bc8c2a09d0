"""Steps that neither PyTorch nor cuDNN has as one kernel, as kernels of our own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from incdsl.ir.graph import Node
from incdsl.ops.activation import ReLU
from incdsl.ops.deployed import ActivationFloor, ChannelBias
from incdsl.ops.gpu import BiasedAvgPool2d, FlooredConv2d, FusedConv2d
from incdsl.ops.window import AvgPool2d, Conv2d
from incdsl.passes.edit import Edit
from incdsl.passes.rule import Condition, Rule
from incdsl.passes.view import View
from incdsl.passes.ways import KERNEL, config_of, head_of


@dataclass(frozen=True, slots=True)
class Site:
    """Steps of one class, one behind the other, of which the last is left."""

    steps: tuple[Node, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple([node.name for node in self.steps])


@final
class UseKernels(Rule[Site]):
    """floor(conv(x)) and relu(avgpool(x) + b), each as one Triton kernel (docs/kernels.md).

    Merged convolutions end in a ReLU for some of their channels, and pools behind their 1x1 in a bias and a ReLU: two
    kernels more each. It must be asked for, since only a measurement tells whether it is faster; where `tune` measured
    that it is, a convolution that cuDNN would run with its ReLU becomes one, too. Every value in between must have one
    reader; the kernels have neither groups, dilation nor pools that round up.
    """

    conditions: tuple[Condition[Site], ...] = (
        Condition(
            "only reader",
            lambda v, s: all(len(v.readers[node.name]) == 1 for node in s.steps[:-1]),
            "a value in between has another reader",
        ),
        Condition(
            "inner value",
            lambda v, s: all(node.name not in v.ends for node in s.steps[:-1]),
            "a value in between leaves the net",
        ),
        Condition("kernel", lambda v, s: _has_kernel(s.steps[0]), "no kernel has groups, dilation, or rounds up"),
    )
    by_default = False

    def sites(self, view: View, node: Node) -> Iterator[Site]:
        if isinstance(node.op, FusedConv2d):
            if not node.op.residual and head_of(view.net.ways.get(node.path, "")) == KERNEL:
                yield Site((node,))
            return
        kinds = {Conv2d: (ActivationFloor,), AvgPool2d: (ChannelBias, ReLU)}.get(type(node.op), ())
        steps = _behind(view, node, kinds)
        if kinds and len(steps) > len(kinds) and _is_kernel(view, steps):
            yield Site(tuple(steps))

    def rewrite(self, view: View, site: Site) -> Edit:
        first, last = site.steps[0], site.steps[-1]
        edit = view.edit(at=last)
        settings = {name: getattr(first.op, name) for name in first.op.settings if name != "residual"}
        config = config_of(view.net.ways.get(_labelled(site.steps).path, KERNEL))
        if isinstance(first.op, Conv2d):
            active = last.op.active if isinstance(last.op, ActivationFloor) else first.op.width
            made = edit.remake(first, FlooredConv2d.model_construct(**settings, active=active, config=config))
        else:
            op = BiasedAvgPool2d.model_construct(**settings, config=config)
            made = edit.remake(site.steps[1], op, view.graph.operands(first.name))
        edit.replace(last.name, made)
        return edit

    def describe(self, view: View, site: Site) -> str:
        return " -> ".join(node.op.word for node in site.steps)


def _behind(view: View, node: Node, kinds: tuple[type, ...]) -> list[Node]:
    """A step and those of these kinds that follow it in its class, as far as there are such."""
    steps = [node]
    for kind in kinds:
        readers = (view.graph[name] for name in view.readers.get(steps[-1].name, ()))
        behind = next((each for each in readers if isinstance(each.op, kind)), None)
        if behind is None or behind.instance is not node.instance:
            break
        steps.append(behind)
    return steps


def _labelled(steps: Sequence[Node]) -> Node:
    """The step whose label the kernel has: the convolution, or the bias behind a pool."""
    return steps[0] if isinstance(steps[0].op, Conv2d) else steps[1]


def _is_kernel(view: View, steps: Sequence[Node]) -> bool:
    """Whether they are faster as a kernel, as far as that was measured."""
    return head_of(view.net.ways.get(_labelled(steps).path, KERNEL)) == KERNEL


def _has_kernel(node: Node) -> bool:
    settings = vars(node.op)
    dilation = settings.get("dilation", (1, 1))
    return settings.get("groups", 1) == 1 and max(map(int, dilation)) == 1 and not settings.get("ceil", False)

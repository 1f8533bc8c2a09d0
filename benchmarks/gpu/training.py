"""The ways to train a net that are compared: steps under bf16 autocast in channels_last, nothing dropped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.gpu.case import JUDGED, Case
from benchmarks.gpu.contenders import no_cuda, no_torchvision, replayed, torchvision_module
from benchmarks.gpu.device import Call
from benchmarks.gpu.images import distance

LIMIT = 0.1
"""Distance of the logits from float64 above which a step is wrong: norms that take the batch's own statistics have
larger errors than those of evaluation."""
HEAD_WEIGHT = 0.4


@dataclass(frozen=True, slots=True)
class Trainer:
    """A way to take a step; fields and methods are those of a `Contender`.

    The learning rate is 0: the work is the same, and every step can be compared with float64.
    """

    name: str
    module: Callable[[Case], nn.Module]
    compiled: bool = False
    captured: bool = False
    lacks: Callable[[Case], str] = lambda case: ""

    @property
    def stage(self) -> int:
        """0 starts at once, 1 is compiled."""
        return int(self.compiled)

    @property
    def seconds(self) -> float:
        """A guess at how long it takes to be built."""
        return 120 if self.compiled else 10

    def inputs(self, case: Case) -> list[Tensor]:
        """The images of the case in channels_last."""
        return [image.to(memory_format=torch.channels_last) for image in case.images]

    def call(self, case: Case) -> Call:
        """One step, which gives the logits that it has seen."""
        module = undropped(self.module(case)).to(case.device.name, memory_format=torch.channels_last)
        run = torch.compile(module, dynamic=False) if self.compiled else module
        optimizer = torch.optim.SGD(module.parameters(), lr=0, momentum=0.9)
        labels = _labels(case)

        def step(image: Tensor) -> Tensor:
            optimizer.zero_grad()
            with torch.enable_grad(), torch.autocast(case.device.name, torch.bfloat16, cache_enabled=False):
                outputs = _outputs(run(image))
                main, *heads = (cross_entropy(each, labels) for each in outputs)
                loss = main + HEAD_WEIGHT * sum(heads)
            loss.backward()
            optimizer.step()
            return outputs[0].detach()

        if not self.captured:
            return step
        held = self.inputs(case)[0].clone(memory_format=torch.preserve_format)
        return replayed(lambda: step(held), held)

    def error(self, case: Case, result: Tensor) -> float:
        """How far a step on the second input is from float64."""
        return distance(result[:JUDGED], _truths(case)[1])

    def apart(self, case: Case) -> float:
        """How far the truths of two inputs are from each other."""
        return distance(*_truths(case))

    def limit(self, case: Case) -> float:
        """The error above which it is wrong."""
        return LIMIT


def undropped(module: nn.Module) -> nn.Module:
    """The module with nothing dropped."""
    for each in module.modules():
        if isinstance(each, nn.Dropout):
            each.p = 0.0
    return module


def _truths(case: Case) -> list[Tensor]:
    """The first logits of a step on each of two inputs, in float64."""

    def make() -> list[Tensor]:
        module = undropped(case.net.training()).double().to(case.device.name)
        with torch.no_grad():
            return [_outputs(module(image.double()))[0][:JUDGED] for image in case.images[:2]]

    found: list[Tensor] = case.once("truths of training", make)
    return found


def _labels(case: Case) -> Tensor:
    """A class for each image."""
    classes = _truths(case)[0].shape[1]
    return torch.arange(case.batch, device=case.device.name) % classes


def _outputs(result: Tensor | tuple[Tensor, ...]) -> list[Tensor]:
    """The logits, then those of auxiliary heads."""
    return [result] if isinstance(result, Tensor) else [each for each in result if each is not None]


def _ours(case: Case) -> nn.Module:
    return case.net.training()


def _torchvision(case: Case) -> nn.Module:
    module = torchvision_module(case.net.name)
    module.load_state_dict(case.net.state)
    return module


def _no_torchvision_graph(case: Case) -> str:
    return no_cuda(case) or no_torchvision(case)


TRAINERS = (
    Trainer("ours", _ours),
    Trainer("ours + graph", _ours, captured=True, lacks=no_cuda),
    Trainer("ours + compile", _ours, compiled=True),
    Trainer("ours + compile + graph", _ours, compiled=True, captured=True, lacks=no_cuda),
    Trainer("torchvision", _torchvision, lacks=no_torchvision),
    Trainer("torchvision + graph", _torchvision, captured=True, lacks=_no_torchvision_graph),
    Trainer("torchvision + compile", _torchvision, compiled=True, lacks=no_torchvision),
    Trainer("torchvision + compile + graph", _torchvision, compiled=True, captured=True, lacks=_no_torchvision_graph),
)

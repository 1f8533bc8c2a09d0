"""The ways to run a net that are compared: a registry.

A contender is built by a function of a case and a type of numbers, which gives a call of one batch. Such functions are
composed: `graphed(compiled("deployed"))`. A form is a module that `prepare` writes.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from benchmarks.gpu.case import JUDGED, LIMITS, TYPES, Case
from benchmarks.gpu.device import Call
from benchmarks.gpu.images import distance
from benchmarks.gpu.ways import no_incdsl, tuned

Build = Callable[[Case, str], Call]
TORCHVISION = {"v3": "inception_v3"}
"""The networks of torchvision that have our state_dict, by the names of our specs."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to run a net.

    `dtype` is its own type of numbers, whatever the case has. `lacks` says what a case has not that it needs; empty if
    it has all. `stage` 0 starts at once, 1 is compiled, 2 takes minutes; `seconds` is a guess at how long it takes to
    be built and judged, until it was done once.
    """

    name: str
    build: Build
    dtype: str | None = None
    channels_last: bool = True
    lacks: Callable[[Case], str] = lambda case: ""
    stage: int = 0
    seconds: float = 5

    def inputs(self, case: Case) -> list[Tensor]:
        """The images of the case in its type of numbers and its layout."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        return [image.to(TYPES[self.dtype or case.dtype], memory_format=layout) for image in case.images]

    def call(self, case: Case) -> Call:
        """A call that runs a batch."""
        return self.build(case, self.dtype or case.dtype)

    def error(self, case: Case, result: Tensor) -> float:
        """How far the result for the second input is from float64."""
        return distance(result[:JUDGED], case.truths[1])

    def apart(self, case: Case) -> float:
        """How far the truths of two inputs are from each other: an error of that size would be another input's."""
        return distance(case.truths[0], case.truths[1])

    def limit(self, case: Case) -> float:
        """The error above which it is wrong."""
        return LIMITS[self.dtype or case.dtype]


def eager(form: str, channels_last: bool = True) -> Build:
    """The module itself."""

    def build(case: Case, dtype: str) -> Call:
        return case.module(form, dtype, channels_last=channels_last)

    return build


def torchvision_eager(case: Case, dtype: str) -> Call:
    """torchvision's network with the weights of the training module, contiguous."""
    module = torchvision_module(case.net.name)
    module.load_state_dict(case.net.state)
    return module.eval().to(case.device.name, TYPES[dtype])


def compiled(form: str, mode: str | None = None) -> Build:
    """The module under `torch.compile`, its weights constants."""

    def build(case: Case, dtype: str) -> Call:
        def make() -> Call:
            return _frozen(case.module(form, dtype, channels_last=True), mode)

        found: Call = case.once((form, dtype, mode), make)
        return found

    return build


def compiled_inside(form: str) -> Build:
    """The form for a GPU with what its CUDA graphs capture under `torch.compile`."""

    def build(case: Case, dtype: str) -> Call:
        module = case.module(form, dtype, channels_last=True)
        module.forward = _frozen(module.forward, None)  # type: ignore[method-assign]
        return module

    return build


def graphed(inner: Build) -> Build:
    """A CUDA graph of another way; its result is overwritten by the next call."""

    def build(case: Case, dtype: str) -> Call:
        call = inner(case, dtype)
        held = case.images[0].to(TYPES[dtype], memory_format=torch.channels_last, copy=True)
        return replayed(lambda: call(held), held)

    return build


def replayed(call: Callable[[], Tensor], held: Tensor) -> Call:
    """A CUDA graph of a call that reads `held`, which is overwritten by what the graph is called with."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # what is done at first calls alone must not be captured
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = call()

    def replay(image: Tensor) -> Tensor:
        held.copy_(image)
        graph.replay()
        return result

    return replay


def no_cuda(case: Case) -> str:
    """CUDA graphs need CUDA."""
    return "" if case.device.is_cuda else "needs CUDA"


def no_torchvision(case: Case) -> str:
    """torchvision has few of the nets, and is not everywhere."""
    if case.net.name not in TORCHVISION:
        return "torchvision has no such network"
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError) as error:  # a torchvision of another PyTorch
        return str(error)
    return ""


def torchvision_module(net: str) -> nn.Module:
    """torchvision's network of the same weights."""
    models = importlib.import_module("torchvision.models")
    module: nn.Module = getattr(models, TORCHVISION[net])(weights=None, init_weights=False)
    return module


def _frozen(module: Callable[..., Tensor], mode: str | None) -> Call:
    from torch._inductor import config

    config.freezing = True  # an option of the call comes too late for the weights
    function: Call = torch.compile(module, mode=mode, dynamic=False)
    return function


CONTENDERS = (
    Contender("torchvision fp32", torchvision_eager, dtype="fp32", channels_last=False, lacks=no_torchvision),
    Contender("eager fp32", eager("training", channels_last=False), dtype="fp32", channels_last=False),
    Contender("eager", eager("training")),
    Contender("graph", graphed(eager("training")), lacks=no_cuda),
    Contender("compile", compiled("training"), stage=1, seconds=60),
    Contender("compile + graph", graphed(compiled("training")), lacks=no_cuda, stage=1, seconds=60),
    Contender("max-autotune", compiled("training", "max-autotune"), stage=2, seconds=500),
    Contender("ours", eager("deployed")),
    Contender("ours + graph", graphed(eager("deployed")), lacks=no_cuda),
    Contender("ours gpu", eager("gpu"), lacks=no_cuda),
    Contender("ours gpu: 2 streams", eager("gpu_2_streams"), lacks=no_cuda),
    Contender("ours gpu: 1 stream", eager("gpu_1_stream"), lacks=no_cuda),
    Contender("ours gpu: not fused", eager("gpu_not_fused"), lacks=no_cuda),
    Contender("ours gpu: not commuted", eager("gpu_not_commuted"), lacks=no_cuda),
    Contender("ours gpu: not merged", eager("gpu_not_merged"), lacks=no_cuda),
    Contender("ours gpu: kernels", eager("gpu_kernels"), lacks=no_cuda),
    Contender("ours gpu: kernels alone", eager("gpu_kernels_alone"), lacks=no_cuda),
    Contender("ours gpu: no graphs", eager("gpu_no_graphs")),
    Contender("ours gpu: tuned", tuned, lacks=no_incdsl, stage=1, seconds=100),
    Contender("ours gpu: compile inside", compiled_inside("gpu_1_stream"), lacks=no_cuda, stage=1, seconds=60),
    Contender("ours + compile + graph", graphed(compiled("deployed")), lacks=no_cuda, stage=1, seconds=60),
    Contender("ours + max-autotune", compiled("deployed", "max-autotune"), stage=2, seconds=500),
)

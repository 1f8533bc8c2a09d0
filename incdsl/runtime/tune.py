"""Measures on the device at hand which rewrites, layout and execution are fastest for a net."""

from __future__ import annotations

import platform
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from incdsl.codegen.cpu import Cpu, facts
from incdsl.codegen.gpu import Gpu
from incdsl.compiler import Compilation, for_inference, measurable
from incdsl.ops.cpu import WinogradConv2d
from incdsl.passes.rules.use_winograd import UseWinograd
from incdsl.runtime.accuracy import calibrated, output_error
from incdsl.runtime.bench import interleaved
from incdsl.runtime.harness import noise, randomized
from incdsl.runtime.layers import layer_times
from incdsl.runtime.load import load_net
from incdsl.runtime.schemes import ways_measured
from incdsl.runtime.ways import fastest, measured

ROUNDS = 15
LEFT_OUT: tuple[tuple[str, ...], ...] = ((), ("CommuteAvgPool",), ("CommuteAvgPool", "MergeSiblingConvs"))
"""Rules whose profit depends on the device: all of them, no commuted pools, convolutions as they were written."""
ADDED = {"cpu": ("PackConvs",), "cuda": ("EnlargeKernels",)}
"""Rules that may pay on a kind of device, though a level does not run them by default."""
WINOGRAD = UseWinograd.__name__
"""The rule that makes the form for a CPU what it is."""
STREAMS = (1, 2, 4)
"""On how many streams the rails of the form for a GPU are tried."""
DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to run a net: rules that stay away or join, the layout of images, and whether PyTorch compiles it.

    With `streams` it is the form for a GPU, with its CUDA graphs and rails on so many streams; 0 is the plain form.
    """

    without: tuple[str, ...]
    also: tuple[str, ...]
    channels_last: bool
    compiled: bool
    streams: int = 0

    @property
    def name(self) -> str:
        """In a few words."""
        rewrites = f"without {' and '.join(self.without)}" if self.without else "all rules"
        rewrites += f", with {' and '.join(self.also)}" if self.also else ""
        layout = "channels_last" if self.channels_last else "contiguous"
        way = "torch.compile" if self.compiled else "eager"
        if self.streams:
            streams = f"{self.streams} stream{'s' * (self.streams > 1)}"
            way = f"CUDA graphs, {'torch.compile' if self.compiled else streams}"
        return f"{rewrites}, {layout}, {way}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """Median milliseconds of a choice."""

    choice: Choice
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Setting:
    """What is measured: the device, the batch, the type of numbers, and the size of the input."""

    device: str
    batch: int
    dtype: str
    sizes: tuple[int, ...]


def tune(
    done: Compilation, setting: Setting, compiled: bool, rounds: int = ROUNDS, ways: Mapping[str, str] | None = None
) -> list[Measurement]:
    """All choices, fastest first; eager choices alone unless `compiled`. `ways` are those of layers with kernels."""
    training = _training(done)
    choices = choices_for(setting.device, compiled, setting.dtype)
    calls = {choice.name: prepared(done, training, choice, setting, ways) for choice in choices}
    for call in calls.values():
        for _ in range(3):
            call()
    synchronize = torch.cuda.synchronize if setting.device.startswith("cuda") else None
    times = interleaved(calls, rounds, synchronize)
    found = [Measurement(choice, 1000 * statistics.median(times[choice.name])) for choice in choices]
    return sorted(found, key=lambda each: each.milliseconds)


def missing(device: str) -> str:
    """Why PyTorch has no such device; empty if it has."""
    try:
        torch.zeros(1, device=device)
    except (AssertionError, RuntimeError) as error:
        return str(error).partition("\n")[0]
    return ""


def choices_for(device: str, compiled: bool, dtype: str = "float32") -> list[Choice]:
    """What may be fastest on a device; what packs its own way is neither compiled nor run contiguously."""
    ways = [False, True] if compiled else [False]
    plain = [Choice(without, (), last, way) for way in ways for without in LEFT_OUT for last in (False, True)]
    added = ADDED.get(device.partition(":")[0], ())
    packs = "PackConvs" in added
    more = [Choice(without, added, True, way) for way in (ways if not packs else [False]) for without in LEFT_OUT]
    if device == "cpu" and dtype == "float32":
        more += [Choice(without, (WINOGRAD,), True, way) for way in ways for without in LEFT_OUT]
    graphs = []
    if device.startswith("cuda"):
        graphs = [Choice(without, (), True, False, streams) for streams in STREAMS for without in LEFT_OUT]
        graphs += [Choice(("FuseConvs",), (), True, False, STREAMS[-1])]  # some layers are slower when they are fused
        graphs += [Choice(without, ("UseKernels",), True, False, STREAMS[-1]) for without in LEFT_OUT[:2]]
        graphs += [Choice(without, (), True, True, 1) for without in LEFT_OUT if compiled]
    return [*plain, *(more if added else []), *graphs]


def _training(done: Compilation) -> nn.Module:
    torch.manual_seed(0)
    return randomized(load_net(done)()).eval()


def prepared(
    done: Compilation, training: nn.Module, choice: Choice, setting: Setting, ways: Mapping[str, str] | None = None
) -> Callable[[], Any]:
    """A call that runs a choice once on one input; with kernels, layers run as they were measured to be fastest."""
    if choice.streams:
        return _on_gpu(done, training, choice, setting, ways or {})
    form = Cpu(ways=tuple((ways or {}).items())) if WINOGRAD in choice.also else None
    deployed = for_inference(done, frozenset(choice.without), frozenset(choice.also), form)
    module = load_net(deployed).from_training(training.state_dict())
    layout = torch.channels_last if choice.channels_last else torch.contiguous_format
    dtype = getattr(torch, setting.dtype)
    module = module.eval().to(device=setting.device, dtype=dtype, memory_format=layout)
    images = [image.to(memory_format=layout) if image.dim() == 4 else image for image in inputs(done, setting)]
    if choice.compiled:
        module = frozen(module)

    def call() -> Any:
        with torch.no_grad():
            return module(*images)

    return call


def ways_of(done: Compilation, setting: Setting, rounds: int = ROUNDS) -> dict[str, str]:
    """How each layer is fastest by itself.

    On a GPU that is step by step, fused, or as a kernel; on a CPU in float32 it is a scheme of Winograd's, with how its
    work is cut up, or none.
    """
    sizes = dict(zip(done.net.conditions.nominal, setting.sizes, strict=True))
    if setting.device == "cpu":
        if setting.dtype != "float32":
            return {}
        return ways_measured(measurable(done, Cpu()), sizes, setting.batch, rounds)
    form = measurable(done, Gpu(DTYPES[setting.dtype], kernels=True))
    dtype = getattr(torch, setting.dtype)
    return fastest(list(measured(form, sizes, setting.batch, dtype, setting.device, rounds)), form)


def told(done: Compilation, setting: Setting, ways: Mapping[str, str]) -> Iterator[str]:
    """What the form for a CPU with these schemes costs: in memory, and in accuracy on one random input."""
    form = Cpu(ways=tuple(ways.items()))
    deployed = for_inference(done, form=form)
    ops = [node.op for node in deployed.net.graph if isinstance(node.op, WinogradConv2d)]
    yield f"schemes: {_counted(op.scheme for op in ops) or 'none'}"
    if cuts := _counted(" ".join(map(str, op.blocking)) for op in ops if op.blocking):
        yield f"tiles, panels, whether threads share filters: {cuts}"
    yield from facts(deployed.net, deployed.cost.params)
    images = noise(done, dict(zip(done.net.conditions.nominal, setting.sizes, strict=True)), batch=2)
    training = calibrated(load_net(done)(), images)
    without, with_it = (output_error(done, each, training, images) for each in (None, form))
    yield f"error of the outputs, with random weights: {with_it:.1e}, {without:.1e} without schemes (docs/accuracy.md)"


def _counted(words: Iterable[str]) -> str:
    return ", ".join(f"{word} x {count}" for word, count in Counter(words).most_common())


def _on_gpu(
    done: Compilation, training: nn.Module, choice: Choice, setting: Setting, ways: Mapping[str, str]
) -> Callable[[], Any]:
    """A call of the form for a GPU, on inputs as they come."""
    kernels = "UseKernels" in choice.also
    gpu = Gpu(DTYPES[setting.dtype], choice.streams, kernels=kernels, ways=tuple(ways.items()) if kernels else ())
    deployed = for_inference(done, frozenset(choice.without), frozenset(choice.also), gpu)
    module = load_net(deployed).from_training(training.state_dict()).to(setting.device)
    if choice.compiled:
        module.forward = frozen(module.forward)
    images = inputs(done, setting)

    def call() -> Any:
        with torch.no_grad():
            return module(*images)

    return call


def frozen(module: Callable[..., Any]) -> Any:
    """A module, or its `forward`, under torch.compile, the weights constants.

    The option alone comes too late for parameters that are arguments of the graph by then: it has to be the default.
    """
    from torch._inductor import config

    config.freezing = True
    return torch.compile(module)


def inputs(done: Compilation, setting: Setting) -> list[Tensor]:
    """Random inputs of a net."""
    sizes = dict(zip(done.net.conditions.nominal, setting.sizes, strict=True))
    made = noise(done, sizes, setting.batch)
    return [each.to(device=setting.device, dtype=getattr(torch, setting.dtype)) for each in made]


def times_of(done: Compilation, setting: Setting, rounds: int = ROUNDS) -> dict[str, float]:
    """The milliseconds of each module of the net as it is written, by its path, for `draw --heat time`."""
    module = _training(done).to(setting.device, getattr(torch, setting.dtype), memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = [
        image.to(memory_format=torch.channels_last) if image.dim() == 4 else image for image in inputs(done, setting)
    ]
    return layer_times(module, images, rounds)


def record(
    done: Compilation, setting: Setting, found: list[Measurement], ways: Mapping[str, str] | None = None,
    layers: Mapping[str, float] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The measurements as a document; the first is the winner."""
    return {
        "version": 1,
        "net": done.net.name,
        "keys": done.cost.keys,
        "torch": torch.__version__,
        "processor": _processor(setting.device),
        **asdict(setting),
        **({"ways": dict(ways)} if ways else {}),
        **({"layers": dict(layers)} if layers else {}),
        "choices": [{**asdict(each.choice), "milliseconds": round(each.milliseconds, 3)} for each in found],
    }


def _processor(device: str) -> str:
    if device.startswith("cuda"):
        return str(torch.cuda.get_device_name(device))
    return f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"

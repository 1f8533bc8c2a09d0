"""How fast deployed modules are on this machine's CPU, beside PyTorch, ONNX Runtime and OpenVINO.

Usage: python -m benchmarks.inference [SPEC ...] [--rounds N] [--cells fp32x1,fp32x8,bf16x1,bf16x8] [--few] [--write]
The peers are an extra: pip install -c constraints.txt -e '.[benchmark]'

Every round gives every contender a turn, in turning order: a rest of 30 ms, a call that is not counted, and three that
are. Without the rest, the threads of one library still spin while the next one runs. Ratios are taken round by round.
All outputs are compared with float64. --write puts the tables into docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib.util
import io
import platform
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.machine import processor
from benchmarks.page import put
from incdsl.codegen.cpu import Cpu
from incdsl.compiler import Compilation, compile_net, for_inference, read
from incdsl.runtime.accuracy import calibrated
from incdsl.runtime.bench import in_turns, ratio
from incdsl.runtime.harness import deviation, noise
from incdsl.runtime.load import load_net
from incdsl.runtime.tune import WINOGRAD, Choice, Setting, choices_for, frozen, ways_of

ROOT = Path(__file__).parents[1]
TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
PLAIN = Choice((), (), True, False)
PEERS = ("eager", "eager channels_last", "torch.compile", "ONNX Runtime", "OpenVINO")
WRONG = 100
"""How many times as far from float64 as PyTorch's own layers a result is wrong."""
TUNED = "ours, Winograd, layers measured"
"""The form whose schemes, and how their work is cut up, are what `incdsl tune` found."""
Call = Callable[[], Tensor]
Ways = tuple[tuple[str, str], ...]


def ours_in(kind: str, few: bool) -> list[Choice]:
    """What `incdsl tune` measures, in the layout that is the faster one here; and the plain module beside it.

    With `few` only what keeps all rules.
    """
    tuned = choices_for("cpu", True, {"fp32": "float32", "bf16": "bfloat16"}[kind])
    fast = [each for each in tuned if each.channels_last and (each.also or each.compiled)]
    return [PLAIN, *(each for each in fast if not (few and each.without))]


def module_of(done: Compilation) -> type[nn.Module]:
    """The generated class."""
    found: type[nn.Module] = load_net(done)
    return found


def alone(module: nn.Module, image: Tensor, *, last: bool, compiled: bool = False) -> Call:
    """A call of a PyTorch module."""
    layout = torch.channels_last if last else torch.contiguous_format
    module = module.to(memory_format=layout)
    image = image.to(memory_format=layout)
    if compiled:
        torch._dynamo.reset()
        module = frozen(module)

    def call() -> Tensor:
        with torch.no_grad():
            return module(image)

    return call


def exported(module: nn.Module, image: Tensor) -> str:
    """The path of an ONNX model of a module for this batch."""
    path = Path(tempfile.mkdtemp()) / "model.onnx"
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(module, (image,), dynamo=True, verbose=False)
        assert program is not None
        program.save(path)
    return str(path)


def onnxruntime_call(path: str, image: Tensor) -> Call:
    """A call of ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: image.numpy()}
    return lambda: torch.from_numpy(session.run(None, feed)[0])


def openvino_call(path: str, image: Tensor, kind: str) -> Call:
    """A call of OpenVINO."""
    import openvino

    core = openvino.Core()
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "f32" if kind == "fp32" else "bf16",
    }
    request = core.compile_model(core.read_model(path), "CPU", settings).create_infer_request()
    feed = image.numpy()
    return lambda: torch.from_numpy(request.infer([feed])[0])


def contenders(done: Compilation, training: nn.Module, image: Tensor, kind: str, few: bool) -> dict[str, Call]:
    """All that are compared, by name; a peer that is not installed is left out."""
    dtype = TYPES[kind]
    state = training.state_dict()

    def fresh() -> nn.Module:
        module = module_of(done)()
        module.load_state_dict(state)
        return module.eval().to(dtype)

    def ours(without: tuple[str, ...], also: tuple[str, ...], ways: Ways = ()) -> nn.Module:
        form = Cpu(batch=len(image), ways=ways) if WINOGRAD in also else None
        deployed = for_inference(done, frozenset(without), frozenset(also), form)
        return module_of(deployed).from_training(state).eval().to(dtype)

    typed = image.to(dtype)
    calls = {
        "eager": alone(fresh(), typed, last=False),
        "eager channels_last": alone(fresh(), typed, last=True),
        "torch.compile": alone(fresh(), typed, last=True, compiled=True),
    }
    if all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript")):
        path = exported(training.float(), image)
        if kind == "fp32" and importlib.util.find_spec("onnxruntime"):
            calls["ONNX Runtime"] = onnxruntime_call(path, image)
        if importlib.util.find_spec("openvino"):
            calls["OpenVINO"] = openvino_call(path, image, kind)
    for choice in ours_in(kind, few):
        calls[named(choice)] = alone(ours(choice.without, choice.also), typed, last=True, compiled=choice.compiled)
    if kind == "fp32":
        setting = Setting("cpu", len(image), "float32", tuple(image.shape[2:]))
        ways = tuple(ways_of(done, setting).items())
        for compiled in (False, True):
            module = ours((), (WINOGRAD,), ways)
            name = f"{TUNED}{' + compile' if compiled else ''}"
            calls[name] = alone(module, typed, last=True, compiled=compiled)
    return calls


def named(choice: Choice) -> str:
    """A way to run our module, in a few words."""
    rules = {0: "", 1: ", pools where they were", 2: ", folded only"}[len(choice.without)]
    how = ", Winograd" if WINOGRAD in choice.also else ", packed" if choice.also else ""
    return f"ours{how}{rules}{' + compile' if choice.compiled else ''}"


def peak(kind: str) -> float:
    """Multiply-accumulates a second of the best of a few convolutions."""
    best = 0.0
    for channels, size, batch in ((192, 35, 8), (256, 28, 8), (512, 14, 16)):
        x = torch.randn(batch, channels, size, size).to(TYPES[kind]).to(memory_format=torch.channels_last)
        weight = torch.randn(channels, channels, 3, 3).to(TYPES[kind]).to(memory_format=torch.channels_last)
        with torch.no_grad():
            for _ in range(3):
                F.conv2d(x, weight, padding=1)
            started = time.perf_counter()
            for _ in range(10):
                F.conv2d(x, weight, padding=1)
            taken = (time.perf_counter() - started) / 10
        best = max(best, batch * size * size * channels * channels * 9 / taken)
    return best


def cell(done: Compilation, training: nn.Module, kind: str, batch: int, rounds: int, few: bool) -> list[str]:
    """The table of one type of numbers and one batch, in Markdown."""
    sizes = [size for size in done.net.conditions.nominal.values() if size is not None]
    channels = int(next(iter(done.net.graph.shapes().values())).channels)
    image = torch.randn(batch, channels, *sizes, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        truth = training.double()(image.double())
    training.float()
    calls = contenders(done, training, image, kind, few)
    far = {}
    for name, call in calls.items():
        for _ in range(4):
            result = call()
        far[name] = deviation(result.double(), truth)
    wrong = [name for name in calls if not far[name] <= WRONG * far["eager"]]
    calls = {name: call for name, call in calls.items() if name not in wrong}
    candidates = {name: call for name, call in calls.items() if name not in PEERS}
    first = in_turns(candidates, max(rounds // 4, 5))
    tuned = min(candidates, key=lambda name: statistics.median(first[name]))
    times = in_turns(calls, rounds)
    top = peak(kind)
    macs = (done.cost.macs or 0) * batch
    best_peer = min((n for n in calls if n in PEERS), key=lambda n: statistics.median(times[n]))
    lines = [
        f"### {done.net.name}, {kind}, batch {batch}",
        "",
        f"Convolutions alone reach {2 * top / 1e9:.0f} GFLOP/s here; {rounds} rounds. The fastest peer is {best_peer};",
        f"*{tuned}* was the fastest of ours in rounds of their own before, as `incdsl tune` finds it.",
        "",
        "| contender | ms | of the peak | faster than the fastest peer | error |",
        "| --- | --: | --: | --: | --: |",
    ]
    for name in calls:
        median = statistics.median(times[name])
        against = "" if name == best_peer else str(ratio(times[best_peer], times[name]))
        share = macs / median / top
        shown = f"**{name}**" if name == tuned else name
        lines.append(f"| {shown} | {1000 * median:.1f} | {share:.0%} | {against} | {far[name]:.0e} |")
    lines += ["", *(f"- {name}: wrong, {far[name]:.0e} from float64, and not timed" for name in wrong)]
    return [*lines, ""] if wrong else lines


def report(specs: list[str], rounds: int, cells: list[tuple[str, int]], few: bool) -> str:
    """All tables, in Markdown."""
    versions = [f"torch {torch.__version__}"]
    for name in ("onnxruntime", "openvino"):
        if importlib.util.find_spec(name):
            versions.append(f"{name} {__import__(name).__version__.split('-')[0]}")
    lines = [
        "## The deployed module",
        "",
        "Written by `python -m benchmarks.inference --write`: random weights of He's, statistics of a batch.",
        f"{processor()}, {torch.get_num_threads()} threads; {', '.join(versions)}.",
        "",
        "Medians of interleaved rounds, in which each contender has a turn: 30 ms of rest, a call that is not counted,",
        "and three that are. Ratios are medians of the rounds' own ratios with a 95% interval, above 1 if the",
        "contender is faster. `eager` is the training module, torchvision's network to the last bit;",
        "`torch.compile` is with freezing. `packed` is a convolution and its ReLU as one call of oneDNN, eagerly;",
        "`Winograd` is the form that `--device cpu` writes ([accuracy](accuracy.md)), and with `layers measured` its",
        "schemes and blockings are those that `incdsl tune` measures. The error is the distance from float64",
        "relative to its norm; a deep net of random weights enlarges what its first layers round, for all alike.",
        "glibc keeps freed memory (`MALLOC_MMAP_THRESHOLD_`, `MALLOC_TRIM_THRESHOLD_`).",
        "",
    ]
    for spec in specs:
        done = compile_net(read(spec))
        images = noise(done, {axis: int(size or 224) for axis, size in done.net.conditions.nominal.items()}, 4)
        training = calibrated(module_of(done)(), images)
        for kind, batch in cells:
            found = cell(done, training, kind, batch, rounds if batch == 1 else max(rounds // 2, 7), few)
            print("\n".join(found), flush=True)
            lines += found
    return "\n".join(lines)


def keep_memory() -> None:
    """Let glibc keep what tensors give back, for all contenders: it returns large blocks; new ones cost page faults.

    The same as MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ in the environment; other systems are left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if platform.system() == "Linux" else None
    if mallopt:
        trim_threshold, mmap_threshold, largest = -1, -3, (1 << 31) - 1
        mallopt(mmap_threshold, largest)
        mallopt(trim_threshold, largest)


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("specs", nargs="*", default=[str(ROOT / "specs" / "v3.inc")])
    parser.add_argument("--few", action="store_true", help="Ours with all rules only.")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--cells", default="fp32x1,fp32x8,bf16x1,bf16x8")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    keep_memory()
    cells = [(kind, int(batch)) for kind, _, batch in (each.partition("x") for each in given.cells.split(","))]
    text = report(given.specs, given.rounds, cells, given.few)
    if given.write:
        put(text)


if __name__ == "__main__":
    main()

"""How far the form for CPUs is from float64: its outputs for whole networks, and each of v3's layers.

Usage: python -m benchmarks.accuracy [SPEC ...] [--write]

Random weights of He's, and the statistics of a batch. --write puts the tables into docs/accuracy.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import torch

from benchmarks.page import put
from incdsl.codegen.cpu import Cpu
from incdsl.compiler import Compilation, compile_net, for_inference, read
from incdsl.ops.cpu import WinogradConv2d
from incdsl.runtime.accuracy import LayerError, calibrated, layer_errors, output_error
from incdsl.runtime.harness import noise
from incdsl.runtime.load import load_net

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "accuracy.md"
SPECS = [
    *(ROOT / "specs" / f"{name}.inc" for name in ("v3", "v4", "inception_resnet_v2", "googlenet")),
    ROOT / "examples" / "resnet18.inc",
]
FORMS = (None, Cpu(), Cpu(higher_order=True))
BATCH = 4


def whole(specs: list[Path]) -> Iterator[str]:
    """The table of outputs."""
    yield from [
        "## Outputs, measured",
        "",
        f"Written by `python -m benchmarks.accuracy --write`, torch {torch.__version__}. Random weights of He's, batch",
        f"norms with the statistics of {BATCH} random images, and these as inputs: the distance of the logits from the",
        "training module's in float64, relative to their norm.",
        "",
        "| network | layers by schemes | float32 | with `--device cpu` | and `--higher-order` |",
        "| --- | --: | --: | --: | --: |",
    ]
    for spec in specs:
        done = compile_net(read(spec))
        images = images_of(done)
        training = calibrated(load_net(done)(), images)
        errors = " | ".join(f"{output_error(done, form, training, images):.1e}" for form in FORMS)
        count = sum(isinstance(node.op, WinogradConv2d) for node in for_inference(done, form=Cpu()).net.graph)
        line = f"| {done.net.name} | {count} | {errors} |"
        print(line, flush=True)
        yield line


def images_of(done: Compilation) -> list[torch.Tensor]:
    """A batch at the nominal size."""
    return noise(done, {axis: int(size or 224) for axis, size in done.net.conditions.nominal.items()}, BATCH)


def layers() -> Iterator[str]:
    """The table of v3's layers, equal ones together."""
    done = compile_net(read(SPECS[0]))
    images = images_of(done)
    training = calibrated(load_net(done)(), images)
    yield from [
        f"## Layers of {done.net.name}, measured",
        "",
        "The same for each layer alone, with the inputs that it has in the net. The bound is what no output of a layer",
        "can be away from the exact one, relative to its largest output.",
        "",
        "| scheme | layers | error | of the plain convolution | ratio | bound |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for form in FORMS[1:]:
        module = load_net(for_inference(done, form=form)).from_training(training.state_dict()).eval()
        errors = sorted(layer_errors(module, images), key=lambda each: each.scheme)
        for scheme, some in groupby(errors, key=lambda each: each.scheme):
            if form == FORMS[1] or any(scheme.startswith(f"F({tile}") for tile in ("6x", "1x6")):
                yield row(scheme, list(some))


def row(scheme: str, some: list[LayerError]) -> str:
    """Means of the layers of a scheme, and the largest bound."""
    winograd, direct = (sum(values) / len(some) for values in zip(*((e.winograd, e.direct) for e in some), strict=True))
    bound = max(each.bound for each in some)
    line = f"| {scheme} | {len(some)} | {winograd:.1e} | {direct:.1e} | {winograd / direct:.1f} | {bound:.0e} |"
    print(line, flush=True)
    return line


def main() -> None:
    """Parse the arguments, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("specs", nargs="*", type=Path, default=SPECS)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    outputs, of_layers = "\n".join(whole(given.specs)), "\n".join(layers())
    if given.write:
        put(outputs, PAGE)
        put(of_layers, PAGE)


if __name__ == "__main__":
    main()

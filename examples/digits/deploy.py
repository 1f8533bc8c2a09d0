"""Write the module of digits.inc to deploy, with the trained weights, and compare it with the training module.

Usage: python examples/digits/deploy.py [--device cpu]

With --device cpu it is the form for CPUs, whose convolutions are chosen for batches of 64.
"""

import argparse
import importlib.util
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from train import OUT, SPEC, digits, right

import incdsl

TOLERANCE = 1e-5
BATCH = 64


def written(folder: Path, weights: Path, device: str | None) -> nn.Module:
    """The module to deploy, certified, with its weights; the files need nothing but PyTorch and safetensors."""
    words = ["deploy", str(SPEC), "--weights", str(weights), "-o", str(folder)]
    words += ["--device", device, "--batch", str(BATCH)] if device else []
    subprocess.run([sys.executable, "-m", "incdsl", *words], check=True)
    sys.path.insert(0, str(folder))  # where the kernel lies, if there is one
    net = imported(folder / "digits.py").Digits().eval()
    net.load_state_dict(load_file(folder / "digits.safetensors"))
    return net


def imported(path: Path) -> ModuleType:
    """A file as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@torch.inference_mode()
def compare(trained: nn.Module, deployed: nn.Module, images: Tensor, labels: Tensor) -> bool:
    """Print how far the two are apart; whether classes are identical and logits within the tolerance."""
    before, after = trained(images), deployed(images)
    same = int((before.argmax(1) == after.argmax(1)).sum())
    apart = float((before - after).abs().max())
    print(f"right: {right(trained, images, labels)} before and {right(deployed, images, labels)} after")
    print(f"same class: {same} of {len(labels)}; logits up to {before.abs().max():.1f}, at most {apart:.1e} apart")
    return same == len(labels) and apart <= TOLERANCE


@torch.inference_mode()
def milliseconds(net: nn.Module, images: Tensor, runs: int = 30) -> float:
    """The median time of a batch."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        net(images)
        times.append(time.perf_counter() - started)
    return 1e3 * statistics.median(times)


def main() -> None:
    """Compile, load, compare, time; the exit code says whether the two modules agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the weights, and of what is written")
    parser.add_argument("--device", choices=["cpu"], help="write the form for CPUs")
    given = parser.parse_args()
    out = given.out
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)

    trained = incdsl.pretrained(SPEC, out / "weights.pt").eval()
    deployed = written(out / "deployed", out / "weights.pt", given.device)

    _, _, images, labels = digits()
    agree = compare(trained, deployed, images, labels)
    for batch in (1, BATCH):
        before, after = (milliseconds(net, images[:batch]) for net in (trained, deployed))
        print(f"batch {batch:2}: {before:.2f} ms before, {after:.2f} ms after")
    if not agree:
        sys.exit("the deployed module differs from the trained one")


if __name__ == "__main__":
    main()

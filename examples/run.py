"""Build a generated module, run a batch through it, take one training step, and say what happened.

Usage: python examples/run.py generated/v3.py
"""

import importlib.util
import sys
import time
from pathlib import Path

import torch
from torch import nn


def load(path: Path) -> type[nn.Module]:
    """The net's class: the last one of the file."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [v for v in vars(module).values() if isinstance(v, type) and issubclass(v, nn.Module)][-1]


def main() -> None:
    """Build, evaluate, train for one step."""
    net_class = load(Path(sys.argv[1]))
    torch.manual_seed(0)
    started = time.perf_counter()
    net = net_class()
    built = time.perf_counter() - started
    parameters = sum(p.numel() for p in net.parameters())
    print(f"{net_class.__name__}: {parameters:,} parameters, built in {built:.2f} s")

    images = torch.randn(4, 3, 299, 299)
    net.eval()
    with torch.inference_mode():
        started = time.perf_counter()
        logits = net(images)
    took = time.perf_counter() - started
    print(f"evaluation: {tuple(images.shape)} -> {tuple(logits.shape)} in {took:.2f} s")

    net.train()
    labels = torch.randint(0, logits.shape[1], (4,))
    outputs = net(images)
    loss = nn.functional.cross_entropy(outputs.logits, labels)
    for name, weight in net.aux_weights.items():
        loss = loss + weight * nn.functional.cross_entropy(getattr(outputs, name), labels)
    loss.backward()
    reached = sum(p.grad is not None for p in net.parameters())
    print(f"training: loss {loss.item():.3f} with aux heads {net.aux_weights}, gradients in {reached} tensors")


if __name__ == "__main__":
    main()

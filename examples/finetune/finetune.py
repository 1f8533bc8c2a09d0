"""Give a net of 10 classes the weights of one of 1000 classes, and train it a few steps.

Usage: python examples/finetune/finetune.py
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import incdsl

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "specs" / "googlenet.inc"
OUT = ROOT / "generated" / "finetune"
FRESH = ("aux1.fc2", "aux2.fc2", "fc")
CLASSES, BATCH = 10, 20


def published(path: Path) -> dict[str, Tensor]:
    """A checkpoint of 1000 classes on disk, as a published one would be; its weights are random."""
    path.parent.mkdir(parents=True, exist_ok=True)
    state = incdsl.load(SPEC).GoogLeNet(classes=1000).state_dict()
    torch.save(state, path)
    return state


def taken_over(net: nn.Module, state: dict[str, Tensor]) -> list[str]:
    """The names of the tensors that are those of the checkpoint, bit by bit."""
    return [name for name, tensor in net.state_dict().items() if torch.equal(tensor, state[name])]


def batches(steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Images [20, 3, 32, 32] and their classes: each class is a pattern of its own under noise."""
    patterns = torch.randn(CLASSES, 3, 32, 32)
    for _ in range(steps):
        labels = torch.randperm(BATCH) % CLASSES
        yield patterns[labels] + 0.3 * torch.randn(BATCH, 3, 32, 32), labels


def train(net: nn.Module, steps: int) -> list[float]:
    """The losses of a few steps, in which the fresh layers learn ten times as fast as the others."""
    named = dict(net.named_parameters())
    fresh = [parameter for name, parameter in named.items() if name.startswith(FRESH)]
    others = [parameter for name, parameter in named.items() if not name.startswith(FRESH)]
    optimizer = torch.optim.Adam([{"params": fresh, "lr": 1e-3}, {"params": others, "lr": 1e-4}])
    losses = []
    for images, labels in batches(steps):
        outputs = net(images)
        heads = ((weight, getattr(outputs, name)) for name, weight in net.aux_weights.items())
        loss = cross_entropy(outputs.logits, labels)
        loss = loss + sum(weight * cross_entropy(head, labels) for weight, head in heads)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def main() -> None:
    """Make the checkpoint, take its weights over, train, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the weights")
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()

    torch.manual_seed(0)
    state = published(options.out / "pretrained.pth")
    net = incdsl.pretrained(SPEC, options.out / "pretrained.pth", classes=CLASSES, fresh=FRESH)
    same = taken_over(net, state)
    fresh = [name for name in net.state_dict() if name not in same]
    print(f"{len(same)} tensors as in the checkpoint; fresh: {', '.join(fresh)}")
    losses = train(net, options.steps)
    print(f"loss {losses[0]:.2f} at the first step, {losses[-1]:.2f} at step {len(losses)}")
    torch.save(net.state_dict(), options.out / "finetuned.pth")


if __name__ == "__main__":
    main()

"""Train the module that incdsl generates from digits.inc on scikit-learn's digits, in one process or under torchrun.

Usage: python examples/digits/train.py
       torchrun --standalone --nproc-per-node 2 examples/digits/train.py
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed.nn  # before there is a group, which its functions would keep: its threads would outlive Python
from rich.progress import track
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, distributed, nn
from torch.nn import functional as F  # noqa: N812 (as everybody writes it)
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import BatchSampler, DistributedSampler

import incdsl

SPEC = Path(__file__).with_name("digits.inc")
OUT = Path("generated") / "digits"
SEED = 0
EPOCHS = 10
BATCH = 64  # images of one step, in all processes together
SMOOTHING = 0.1
RATE = 0.1
SMALL = 1e-12


@dataclass(frozen=True)
class Place:
    """Where a process stands: its device, its rank, how many there are, and whether torchrun started them."""

    device: torch.device
    rank: int = 0
    count: int = 1
    distributed: bool = False

    def spread(self, net: nn.Module) -> nn.Module:
        """The net, its gradients averaged over all processes."""
        if not self.distributed:
            return net
        if self.device.type == "cuda":  # one batch's statistics over all processes; PyTorch has it for CUDA only
            net = nn.SyncBatchNorm.convert_sync_batchnorm(net)
        return DistributedDataParallel(net)

    def batches(self, images: int, epoch: int) -> Iterator[list[int]]:
        """This process's share of each step; the shares of all together are the batch of one process alone."""
        sampler = DistributedSampler(range(images), self.count, self.rank, seed=SEED, drop_last=True)
        sampler.set_epoch(epoch)
        return iter(BatchSampler(sampler, BATCH // self.count, drop_last=True))


@contextmanager
def joined() -> Iterator[Place]:
    """The place that torchrun's variables tell, in touch with the others; without them a place of its own."""
    cuda = torch.cuda.is_available()
    device = torch.device("cuda" if cuda else "cpu", int(os.environ.get("LOCAL_RANK", "0")))
    if "WORLD_SIZE" not in os.environ:
        yield Place(device)
        return
    if cuda:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield Place(device, distributed.get_rank(), distributed.get_world_size(), distributed=True)
    finally:
        distributed.destroy_process_group()


def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images [N, 1, 8, 8] from -1 to 1 and their labels: 1,437 to train with, and 360 held out, stratified."""
    bundled = load_digits()
    images = torch.tensor(bundled.images, dtype=torch.float32).unsqueeze(1) / 8 - 1
    labels = torch.tensor(bundled.target)
    ours, held_out = train_test_split(range(len(labels)), test_size=0.2, stratify=labels, random_state=SEED)
    return images[ours], labels[ours], images[held_out], labels[held_out]


def moved(images: Tensor, epoch: int) -> Tensor:
    """Every image moved by up to a pixel along each axis, the same in all processes."""
    random = torch.Generator().manual_seed(SEED + epoch)
    down, right = torch.randint(0, 3, (2, len(images)), generator=random)
    windows = F.pad(images, (1, 1, 1, 1), value=-1.0).unfold(2, 8, 1).unfold(3, 8, 1)  # [N, 1, 3, 3, 8, 8]
    return windows[torch.arange(len(images)), :, down, right]


def loss_of(outputs: tuple[Tensor, ...], labels: Tensor, aux_weights: Mapping[str, float]) -> Tensor:
    """The cross-entropy of the logits, and that of each auxiliary head times its weight; labels are smoothed."""
    weights = {"logits": 1.0, **aux_weights}
    losses = {name: F.cross_entropy(getattr(outputs, name), labels, label_smoothing=SMOOTHING) for name in weights}
    return sum(weights[name] * losses[name] for name in weights)


def train(net: nn.Module, images: Tensor, labels: Tensor, epochs: int, place: Place) -> None:
    """Train the net in place: SGD with Nesterov's momentum, one cycle of the learning rate."""
    spread = place.spread(net.train().to(place.device, memory_format=torch.channels_last))
    labels = labels.to(place.device)
    optimizer = torch.optim.SGD(spread.parameters(), RATE, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, epochs * (len(images) // BATCH))
    silent = place.rank > 0 or not sys.stdout.isatty()
    for epoch in track(range(epochs), "training", disable=silent):
        seen = moved(images, epoch).to(place.device)
        for batch in place.batches(len(images), epoch):
            optimizer.zero_grad()
            loss_of(spread(seen[batch]), labels[batch], net.aux_weights).backward()
            optimizer.step()
            schedule.step()
    net.to("cpu", memory_format=torch.contiguous_format)


def gradients(net: nn.Module, images: Tensor, labels: Tensor, place: Place) -> dict[str, Tensor]:
    """Gradients of the first batch in float64, batch norms and dropout as in evaluation: nothing else differs."""
    net = net.to(place.device, torch.float64).train()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d | nn.Dropout):
            module.eval()
    spread = place.spread(net)  # averages as long as it lives
    batch = next(place.batches(len(images), epoch=0))
    outputs = spread(images[batch].to(place.device, torch.float64))
    loss_of(outputs, labels[batch].to(place.device), net.aux_weights).backward()
    return {name: parameter.grad.cpu() for name, parameter in net.named_parameters()}


def check_gradients(make: type[nn.Module], images: Tensor, labels: Tensor, place: Place, out: Path) -> None:
    """Compare the gradients of all processes together with those of one that sees the whole batch."""

    def fresh() -> nn.Module:
        torch.manual_seed(SEED)
        return make()

    together = gradients(fresh(), images, labels, place)
    if place.rank == 0:
        alone = gradients(fresh(), images, labels, Place(place.device))
        worst = max(float((together[name] - alone[name]).abs().max()) for name in alone)
        largest = max(float(gradient.abs().max()) for gradient in alone.values())
        torch.save(together, out / "gradients.pt")
        print(f"gradients of {place.count} and of 1: {worst:.1e} apart, {worst / largest:.1e} of the largest")
        if not worst <= SMALL * largest:
            sys.exit(1)


@torch.no_grad()
def right(net: nn.Module, images: Tensor, labels: Tensor) -> int:
    """How many images the net gives their label."""
    return int((net.eval()(images).argmax(1) == labels).sum())


def main() -> None:
    """Train, tell the accuracy on the digits held out, and save the weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the weights")
    parser.add_argument("--check-gradients", action="store_true", help="do not train; compare with one process")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)  # threads of so small a net wait longer than they work

    make = incdsl.load(SPEC).Digits
    images, labels, new_images, new_labels = digits()
    with joined() as place:
        if given.check_gradients:
            check_gradients(make, images, labels, place, given.out)
            return
        torch.manual_seed(SEED)
        net = make()
        torch.manual_seed(SEED + place.rank)  # each process has a dropout of its own
        started = time.perf_counter()
        train(net, images, labels, given.epochs, place)
        took = time.perf_counter() - started
        if place.rank == 0:
            torch.save(net.state_dict(), given.out / "weights.pt")
            count, all_of = right(net, new_images, new_labels), len(new_labels)
            where = f"{place.count} x {place.device.type}"
            print(f"{len(images)} digits, {given.epochs} epochs, aux heads {net.aux_weights}: {took:.1f} s on {where}")
            print(f"held out: {count} of {all_of} right ({count / all_of:.1%})")


if __name__ == "__main__":
    main()

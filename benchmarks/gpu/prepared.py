"""Reads what `prepare` wrote: classes of modules, layers, and weights for them."""

from __future__ import annotations

import copy
import importlib.util
import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.gpu.images import images


@dataclass(frozen=True, eq=False)
class PreparedNet:
    """One net; `image` is [channels, height, width]."""

    name: str
    kind: str
    image: tuple[int, int, int]
    folder: Path

    def layers(self, form: str) -> list[dict[str, Any]]:
        """What the kernels of a form cost for one image, in the order in which they run."""
        found: list[dict[str, Any]] = json.loads(self._file(form, "json").read_text(encoding="utf-8"))
        return found

    def training(self) -> nn.Module:
        """The training module in float32 on the CPU, always with the same weights."""
        module = self._class("training")()
        module.load_state_dict(self.state)
        return module

    def module(self, form: str) -> nn.Module:
        """A form of the net for evaluation, in float32 on the CPU: a copy of its own."""
        return copy.deepcopy(_filled(self, form))

    @property
    def state(self) -> dict[str, Tensor]:
        """The state_dict of the training module."""
        return _state(self)

    def _class(self, form: str) -> Any:
        return getattr(_imported(self._file(form, "py")), self.kind)

    def _file(self, form: str, suffix: str) -> Path:
        return self.folder / f"{self.name}_{form}.{suffix}"


def read_nets(folder: Path) -> list[PreparedNet]:
    """All nets of a folder."""
    nets = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return [PreparedNet(name, net["class"], tuple(net["image"]), folder) for name, net in nets.items()]


@cache
def _state(net: PreparedNet) -> dict[str, Tensor]:
    """Random weights; batch norms have scales and shifts of their own, and statistics of what flows into them.

    So no layer explodes or dies in half precision, however deep the net is, and images keep their own logits.
    """
    torch.manual_seed(0)
    module: nn.Module = net._class("training")().train()
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d | nn.BatchNorm1d):
            norm.register_forward_pre_hook(_settle)
    with torch.no_grad():
        module(images(net.image, 8, seed=0))
    return module.state_dict()


def _settle(norm: nn.BatchNorm2d | nn.BatchNorm1d, inputs: tuple[Tensor]) -> None:
    """Fill a norm in: a part of the mean of what it sees [N, C, ...], and how far that is from there."""
    (x,) = inputs
    others = [axis for axis in range(x.dim()) if axis != 1]
    if norm.weight is not None:
        nn.init.uniform_(norm.weight, 0.5, 1)
    if norm.bias is not None:
        nn.init.uniform_(norm.bias, -1, 1)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean = x.mean(others) / 5
    norm.running_mean.copy_(mean)
    norm.running_var.copy_((x.transpose(1, -1) - mean).transpose(1, -1).square().mean(others))
    norm.eval()


@cache
def _filled(net: PreparedNet, form: str) -> nn.Module:
    if form == "training":
        return net.training().eval()
    module: nn.Module = net._class(form).from_training(net.state)
    return module.eval()


@cache
def _imported(path: Path) -> Any:
    name = f"prepared_{path.stem}"
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # the kernels, which some forms import
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module

"""How many digits the form for a CPU costs: each layer, and the outputs, beside plain convolutions and float64."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from incdsl.codegen.cpu import Cpu
from incdsl.compiler import Compilation, for_inference
from incdsl.runtime.harness import deviation, outputs
from incdsl.runtime.kernels.bounds import error_bound
from incdsl.runtime.kernels.layer import WinogradConv2d, raised
from incdsl.runtime.load import load_net
from incdsl.winograd import scheme_named


@dataclass(frozen=True, slots=True)
class LayerError:
    """Distances of a layer's outputs from exact ones, relative to their norm, with the inputs that the net gives it."""

    path: str
    scheme: str
    winograd: float
    direct: float
    """Of the convolution that PyTorch computes."""
    bound: float
    """No output can be farther than this from the exact one, relative to the largest output."""


def calibrated(module: nn.Module, images: Sequence[Tensor], seed: int = 0) -> nn.Module:
    """A module with random weights of He's, zero biases, and the statistics that these images have, to be evaluated.

    Errors grow as they do in a trained net; weights of another size would let them die out or explode.
    """
    torch.manual_seed(seed)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None  # the statistics are those of all batches
    with torch.no_grad():
        module.train()(*images)
    return module.eval()


def output_error(done: Compilation, form: Cpu | None, training: nn.Module, images: Sequence[Tensor]) -> float:
    """The distance of a form's outputs in float32 from the training module's in float64, the largest of all outputs."""
    deployed = load_net(for_inference(done, form=form)).from_training(training.state_dict()).eval()
    with torch.no_grad():
        exact = outputs(training.double()(*(image.double() for image in images)))
        found = outputs(deployed(*images))
    training.float()
    return max(deviation(f.double(), e) for f, e in zip(found, exact, strict=False))


def layer_errors(module: nn.Module, images: Sequence[Tensor]) -> Iterator[LayerError]:
    """What each Winograd layer of a module loses on these images, in float32."""
    given: dict[str, Tensor] = {}
    layers = {path: each for path, each in module.named_modules() if isinstance(each, WinogradConv2d)}
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs, path=path: given.update({path: inputs[0].clone()}))
        for path, layer in layers.items()
    ]
    with torch.no_grad():
        module(*images)
        for hook in hooks:
            hook.remove()
        for path, layer in layers.items():
            yield _layer_error(path, layer, given[path])


def _layer_error(path: str, layer: WinogradConv2d, x: Tensor) -> LayerError:
    weight, bias, padding = layer.weight, layer.bias, layer.padding
    exact = F.conv2d(x.double(), weight.double(), None if bias is None else bias.double(), padding=padding)
    bound = error_bound(weight, bias, scheme_named(layer.scheme), float(x.abs().max())).max() / exact.abs().max()
    exact = raised(exact, layer.active, layer.out_channels)
    direct = raised(F.conv2d(x, weight, bias, padding=padding), layer.active, layer.out_channels)
    winograd, plain = (deviation(each.double(), exact) for each in (layer(x), direct))
    return LayerError(path, layer.scheme, winograd, plain, float(bound))

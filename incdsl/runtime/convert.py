"""Loads converted weights into the generated module, and compares its outputs with those of the source model."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Mapping
from itertools import islice
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

from incdsl.compiler import Compilation
from incdsl.diagnostics import CompileError
from incdsl.diagnostics.weights import OutputsDiffer, listed
from incdsl.runtime.harness import TOLERANCE, doubles, noise, outputs, run_heads
from incdsl.runtime.load import load_net
from incdsl.weights.checkpoint import first_line
from incdsl.weights.match import Origin

_TRANSFORM = "transform_input"
"""What torchvision calls a change of its images that comes before the first layer."""


def loaded(done: Compilation, state: Mapping[str, Tensor], *, aux: bool, exact: bool = False) -> nn.Module:
    """The training module with these weights, in float64 if `exact`; without `aux` it has no auxiliary heads."""
    make = load_net(done)
    net: nn.Module = make() if aux or not done.net.graph.heads else make(aux=False)
    net = net.double() if exact else net
    net.load_state_dict(state, strict=True)
    return net


def compare(
    done: Compilation, net: nn.Module, model: nn.Module, against: str, source: Mapping[str, Tensor]
) -> list[str]:
    """What was compared with a model of these tensors, and how far apart it was, a sentence each.

    The net is in float64. `against` is what the model is called, which is copied and stays as it is.

    Raises:
        CompileError: if the model has no place for the tensors, or gives other outputs.
    """
    net.eval()
    other = _filled(model, against, source)
    told = _transform(other, against)
    told.append(_compared(done, net, other, against, training=False))
    if any(True for _ in _heads(net, done)):
        told.append(_compared(done, net, other, against, training=True))
    return told


def _transform(model: nn.Module, against: str) -> list[str]:
    """What a model does to its images before its first layer, if it says so: it is no tensor, and in no checkpoint."""
    on = getattr(model, _TRANSFORM, None)
    if on is None:
        return []
    if on:
        return [f"warning: {against} transforms its input ({_TRANSFORM} is on), and the net must do the same"]
    return [f"warning: {against} has {_TRANSFORM} off; built with pretrained weights, torchvision's has it on"]


def refuse_fresh(against: str, origins: Mapping[str, Origin]) -> None:
    """Refuse to compare where layers are fresh, for the source model has others.

    Raises:
        CompileError: if there are any.
    """
    fresh = dict.fromkeys(key.rpartition(".")[0] for key, origin in origins.items() if origin.fresh)
    if fresh:
        _differ(against, f"{listed(list(fresh))} {'are' if len(fresh) > 1 else 'is'} fresh, so outputs are others")


def _heads(net: nn.Module, done: Compilation) -> list[nn.Module]:
    present = dict(net.named_modules())
    return [present[head.instance.path] for head in done.net.graph.heads if head.instance.path in present]


def source_model(against: str, arguments: Mapping[str, Any]) -> nn.Module:
    """The model that `MODULE:CALLABLE` builds. It runs that module.

    Raises:
        CompileError: if it builds none.
    """
    place, _, name = against.partition(":")
    try:
        model = getattr(importlib.import_module(place), name)(**arguments)
    except Exception as error:  # it is the user's code
        _differ(against, f"it cannot be built, {_said(error)}")
    if not isinstance(model, nn.Module):
        _differ(against, f"it gives a {type(model).__name__}, not an nn.Module")
    return model


def _filled(model: nn.Module, against: str, source: Mapping[str, Tensor]) -> nn.Module:
    """A copy of the model with these tensors, in evaluation and float64."""
    try:
        other = copy.deepcopy(model).double().eval()
        other.load_state_dict(dict(source), strict=True)
    except Exception as error:  # it is the user's code
        _differ(against, f"it cannot be loaded, {_said(error)}")
    return other


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _compared(done: Compilation, net: nn.Module, other: nn.Module, against: str, *, training: bool) -> str:
    """One batch through both; `training` asks the net's top for its auxiliary heads, all else stays in evaluation."""
    inputs = _inputs(done, training=training)
    other.training = training
    if training:
        run_heads(net, done.net.graph)
    try:
        with torch.no_grad():
            mine, theirs = outputs(net(*inputs)), outputs(other(*inputs))
    except Exception as error:  # it is the user's code
        _differ(against, f"{type(error).__name__}: {first_line(error)}")
    finally:
        other.training = False
        net.eval()
    sizes = ", ".join("x".join(map(str, value.shape)) for value in inputs)
    what = "logits and auxiliary logits" if training else "logits"
    if training and len(theirs) < len(mine):
        return f"{against} shows no auxiliary logits: those heads were not compared"
    transforms = bool(getattr(other, _TRANSFORM, False))
    worst = max((_distance(value, theirs, against, what, transforms=transforms) for value in mine), default=0.0)
    return f"{what} of {against} on random {sizes}: relative difference {worst:.1e}"


def _distance(value: Tensor, candidates: list[Tensor], against: str, what: str, *, transforms: bool) -> float:
    """How far an output is from the nearest one of the other model, relative to the largest number in it."""
    found = [(value - other).abs().max() / other.abs().max() for other in candidates if other.shape == value.shape]
    if not found:
        shapes = ", ".join(str(list(other.shape)) for other in candidates)
        _differ(against, f"{what} are {list(value.shape)}, not {shapes or 'anything'}")
    nearest = min((float(distance) for distance in found), key=lambda d: d if d == d else float("inf"))
    if not nearest <= TOLERANCE:
        reason = "not finite, or all zero" if nearest != nearest else f"relative difference {nearest:.1e}"
        _differ(against, f"{what}: {reason}; {TOLERANCE:.0e} is allowed", transforms=transforms)
    return nearest


def _differ(against: str, reason: str, *, transforms: bool = False) -> NoReturn:
    problem = OutputsDiffer(span=None, against=against, reason=reason, transforms=transforms)
    raise CompileError((problem,)) from None


def _inputs(done: Compilation, *, training: bool) -> list[Tensor]:
    """Random images, of the nominal size or else of a small legal one."""
    legal = done.sizes.training if training else done.sizes.evaluation
    sizes = {
        axis: size if size is not None else list(islice(legal[axis], 8))[-1]
        for axis, size in done.net.conditions.nominal.items()
    }
    with doubles():
        return noise(done, sizes)

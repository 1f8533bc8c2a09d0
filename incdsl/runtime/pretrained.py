"""A checkpoint's weights in the training module, or as its state_dict."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from incdsl.analysis.cost import state_dict
from incdsl.compiler import Compilation
from incdsl.runtime.checkpoint import header, rearranged, tensors
from incdsl.runtime.convert import compare, loaded, refuse_fresh
from incdsl.runtime.load import load_net
from incdsl.weights.checkpoint import Checkpoint
from incdsl.weights.decisions import Decisions
from incdsl.weights.match import Correspondence, Origin, correspond
from incdsl.weights.report import padded_alike


@dataclass(frozen=True)
class Given:
    """A checkpoint on disk, and what its user says about it."""

    path: Path
    entry: str = ""
    """Which state_dict of several."""
    decisions: Decisions = field(default_factory=Decisions)
    against: nn.Module | None = None
    """The model that the checkpoint is of, whose outputs are compared."""


@dataclass(frozen=True)
class Weights:
    """What a checkpoint gives a net: tensors under the net's names, and where they come from."""

    checkpoint: Checkpoint
    found: Correspondence
    entries: dict[str, Tensor]
    """Of the checkpoint, as they are there."""
    state: dict[str, Tensor]
    notes: tuple[str, ...]
    """What its user should know."""


def weights(done: Compilation, given: Given) -> Weights:
    """The weights of a training module, whatever a checkpoint calls them.

    Raises:
        CompileError: if the checkpoint cannot be read, or does not say whose weights are whose.
    """
    known = header(given.path, given.entry)
    found = correspond(done.net, known, given.decisions)
    entries = tensors(given.path, known)
    origins = {pair.key: pair.origin for pair in found.pairs}
    notes = (*known.notes, *padded_alike(found, done.net))
    return Weights(known, found, entries, _state(done, entries, origins, known.name), notes)


def _state(
    done: Compilation, entries: Mapping[str, Tensor], origins: Mapping[str, Origin], name: str
) -> dict[str, Tensor]:
    graph = done.net.graph
    wanted = {key: tensor.shape for key, tensor in state_dict(graph, graph.shapes()) if key in origins}
    return rearranged(entries, origins, wanted, initial(done, origins), name)


def initial(done: Compilation, origins: Mapping[str, Origin]) -> dict[str, Tensor]:
    """What the module is initialized with, if that is wanted anywhere."""
    fresh = any(origin.fresh for origin in origins.values())
    return dict(load_net(done)().state_dict()) if fresh else {}


def pretrained(done: Compilation, given: Given) -> nn.Module:
    """The training module with the weights of a checkpoint, in training mode, as a new module is.

    Raises:
        CompileError: as `weights`; or if `against` gives other outputs.
    """
    found = weights(done, given)
    tell(found, compared(done, found, given.against))
    return loaded(done, found.state, aux=not found.found.absent)


def compared(done: Compilation, found: Weights, against: nn.Module | None) -> list[str]:
    """What a comparison with the source model says of it, in sentences; empty if there is none.

    Raises:
        CompileError: if its outputs are others.
    """
    if against is None:
        return []
    refuse_fresh(type(against).__name__, {pair.key: pair.origin for pair in found.found.pairs})
    net = loaded(done, found.state, aux=not found.found.absent, exact=True)
    return compare(done, net, against, type(against).__name__, found.entries)


def tell(found: Weights, told: list[str]) -> None:
    """What a reader of a command would see, as warnings of the caller's caller's caller."""
    for note in (*found.notes, *told):
        warnings.warn(f"{found.checkpoint.name}: {note}", stacklevel=4)

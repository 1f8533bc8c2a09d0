"""From a spec and a checkpoint to the module that is deployed."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

from torch import nn

from incdsl.analysis.cost import state_dict
from incdsl.compiler import Compilation, for_inference
from incdsl.runtime.certify import certify
from incdsl.runtime.checkpoint import pytorch_header, rearranged, tensors
from incdsl.runtime.load import load_net
from incdsl.weights.checkpoint import HEADERS
from incdsl.weights.match import correspond


class NotCertified(RuntimeError):
    """The rewritten net is not the net that it was made of."""


def certified(
    done: Compilation, without: frozenset[str] = frozenset(), also: frozenset[str] = frozenset()
) -> Compilation:
    """The compilation of the module that is deployed, compared with the training module; its file says how.

    It says as well what could not be compared, such as an op that has no rule in the prime field.

    Raises:
        NotCertified: if a rewrite changed the function of the net.
    """
    rewritten = for_inference(done, without, also)
    evidence = list(certify(done, rewritten))
    failed = [each for each in evidence if each.verdict == "FAIL"]
    if failed:
        raise NotCertified("; ".join(f"{each.name}: {each.detail}" for each in failed))
    held = ", ".join(each.words for each in evidence if each.passed)
    missing = tuple(each.words for each in evidence if not each.passed)
    certificate = f"certified against the training module: {held}" if held else "not certified"
    return replace(rewritten, certificate="; ".join((certificate, *missing)), unchecked=missing)


def deployed(done: Compilation, checkpoint: Path, also: frozenset[str] = frozenset()) -> nn.Module:
    """The deployed module with the weights of a training checkpoint, whatever that calls them; in evaluation mode.

    `also` names rules that run although they do not by default.

    Raises:
        CompileError: if the checkpoint cannot be read, or does not say whose weights are whose.
        NotCertified: if a rewrite changed the function of the net.
    """
    rewritten = certified(done, also=also)
    for each in rewritten.unchecked:
        warnings.warn(f"the module of {done.net.name} is {each}", stacklevel=3)
    header = HEADERS.get(checkpoint.suffix, pytorch_header)(checkpoint)
    heads = tuple(f"{head.instance.path}." for head in done.net.graph.heads)
    without = bool(heads) and not any(key.startswith(heads) for key in header.shapes)
    found = correspond(done.net, header, without_aux=without)
    origins = {pair.key: pair.origin for pair in found.pairs}
    graph = done.net.graph
    wanted = {key: tensor.shape for key, tensor in state_dict(graph, graph.shapes()) if key in origins}
    state = rearranged(tensors(checkpoint, header), origins, wanted, header.name)
    module: nn.Module = load_net(rewritten).from_training(state)
    return module.eval()

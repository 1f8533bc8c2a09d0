"""From a spec and a checkpoint to the module that is deployed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor, nn

from incdsl.codegen.forms import Form
from incdsl.compiler import Compilation, for_inference
from incdsl.runtime.certify import certify
from incdsl.runtime.load import load_net
from incdsl.runtime.pretrained import Given, compared, tell, weights


class NotCertified(RuntimeError):
    """The rewritten net is not the net that it was made of."""


def certified(
    done: Compilation,
    without: frozenset[str] = frozenset(),
    also: frozenset[str] = frozenset(),
    form: Form | None = None,
) -> Compilation:
    """The compilation of the module that is deployed, compared with the training module; its file says how.

    It says as well what could not be compared, such as an op that has no rule in the prime field.

    Raises:
        NotCertified: if a rewrite changed the function of the net.
    """
    rewritten = for_inference(done, without, also, form)
    evidence = list(certify(done, rewritten))
    failed = [each for each in evidence if each.verdict == "FAIL"]
    if failed:
        raise NotCertified("; ".join(f"{each.name}: {each.detail}" for each in failed))
    held = ", ".join(each.words for each in evidence if each.passed)
    missing = tuple(each.words for each in evidence if not each.passed)
    certificate = f"certified against the training module: {held}" if held else "not certified"
    return replace(rewritten, certificate="; ".join((certificate, *missing)), unchecked=missing)


def deployed(
    done: Compilation, given: Given, also: frozenset[str] = frozenset(), form: Form | None = None
) -> nn.Module:
    """The deployed module with the weights of a training checkpoint, whatever that calls them; in evaluation mode.

    Auxiliary heads are not deployed: the checkpoint may have any of them, under any names. `also` names rules that run
    although they do not by default. The `form` for a GPU may be moved there.

    Raises:
        CompileError: if the checkpoint cannot be read, or does not say whose weights are whose.
        NotCertified: if a rewrite changed the function of the net.
    """
    rewritten = certified(done, also=also, form=form)
    for each in rewritten.unchecked:
        warnings.warn(f"the module of {done.net.name} is {each}", stacklevel=3)
    found = weights(done, given)
    tell(found, compared(done, found, given.against))
    return filled(rewritten, found.state)


def filled(rewritten: Compilation, state: Mapping[str, Tensor]) -> nn.Module:
    """The deployed module with weights computed from those of the training module, in evaluation mode."""
    module: nn.Module = load_net(rewritten).from_training(state)
    return module.eval()

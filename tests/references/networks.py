"""Published networks: their recorded facts, and our nets filled with the same numbers."""

import json
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from incdsl.compiler import compile_net, read
from incdsl.source import Source
from tests.modules import generated
from tests.references import detfill

HERE = Path(__file__).parent
SPECS = HERE.parents[1] / "specs"
NAMES = sorted(path.stem for path in HERE.glob("*.*.json"))


class Family(NamedTuple):
    """What the variants of a published network have in common."""

    spec: str
    least: int
    """The smallest height and width, in evaluation and without heads."""
    least_training: int
    """With heads, while they run."""
    head_params: int = 0
    head_macs: int = 0


FAMILIES = {
    "googlenet": Family("googlenet", 15, 15, 6_379_984, 8_372_224),
    "inception_v3": Family("v3", 75, 299, 3_326_696, 5_683_200),
    "inception_v4": Family("v4", 75, 75),
    "inception_resnet_v2": Family("inception_resnet_v2", 75, 75),
    "legacy_xception": Family("xception", 7, 7),
}
HEADS = {"aux1": "AuxLogits", "aux_logits": "AuxLogits", "aux_logits1": "aux1", "aux_logits2": "aux2"}
"""Recorded outputs of auxiliary heads by our names."""


@cache
def reference(name):
    """The facts recorded of a published network."""
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


def family(name):
    """The family of a published network, the second part of its name."""
    return FAMILIES[name.split(".")[1]]


def has_aux(name):
    """Whether the published network has its auxiliary heads."""
    return reference(name)["params"]["aux"] > 0


@cache
def compilation(spec, edits=()):
    """Our net, each of the edits made to its spec: a pattern and what stands in its place."""
    path = SPECS / f"{spec}.inc"
    if not edits:
        return compile_net(read(path))
    text = path.read_text(encoding="utf-8")
    for old, new in edits:
        text, count = re.subn(old, new, text)
        assert count
    return compile_net(Source(f"{spec}_edited.inc", text))


def ours(name, edits=()):
    """Our net for a published one; where torchvision's rescales its input, the variant that starts with such a step."""
    transformed = "_torchvision" if name.endswith("transform_input") else ""
    return compilation(f"{family(name).spec}{transformed}", edits)


def instance(name, edits=(), rewrite=lambda text: text):
    """An instance of our class for a published network."""
    options = {"aux": has_aux(name)} if family(name).head_params else {}
    return generated(rewrite(ours(name, edits).text))(**options)


def filled(name, edits=(), rewrite=lambda text: text):
    """An instance of our class in float64, with the numbers that the published network was recorded with."""
    net = instance(name, edits, rewrite).double().eval()
    net.load_state_dict(detfill.state(reference(name)["state_dict"]))
    return net


def run(net, x):
    """Outputs by name."""
    result = net(x)
    if isinstance(result, torch.Tensor):
        return {"logits": result}
    return result._asdict()


def without_dropout(net):
    """The net with nothing dropped."""
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return net


def far_from(output, facts):
    """How far an output is from a recorded one, relative to its l2 norm; infinite if it has other maxima."""
    flat = output.detach().flatten(1)
    if list(output.shape) != facts["shape"] or flat.argmax(1).tolist() != facts["argmax"]:
        return float("inf")
    first, size = flat[0, :8].tolist(), facts["l2"]
    pairs = [*zip(first, facts["first8"], strict=True), (flat.sum().item(), facts["sum"]), (flat.norm().item(), size)]
    return max(abs(actual - expected) for actual, expected in pairs) / size


def assert_recorded(outputs, facts, tolerance):
    """Fail unless all outputs are those recorded."""
    facts = {HEADS.get(name, name): recorded for name, recorded in facts.items()}
    assert outputs.keys() == facts.keys()
    far = {name: far_from(outputs[name], facts[name]) for name in facts}
    assert max(far.values()) <= tolerance, far

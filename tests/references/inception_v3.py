"""Published Inception-v3 variants: their recorded facts, and our nets filled with the same numbers."""

import json
from functools import cache
from pathlib import Path

import torch
from torch import nn

from incdsl.compiler import compile_net, read
from incdsl.source import Source
from tests.nets import generated
from tests.references import detfill

HERE = Path(__file__).parent
SPEC = HERE.parents[1] / "specs" / "v3.inc"
NAMES = sorted(path.stem for path in HERE.glob("*.inception_v3*.json"))
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@cache
def reference(name):
    """The facts recorded of a published network."""
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


def has_aux(name):
    """Whether the published network has its auxiliary head."""
    return reference(name)["params"]["aux"] > 0


@cache
def compilation(transform_input=False):
    """Our net; where torchvision's rescales its input, ours starts with a step that does."""
    if not transform_input:
        return compile_net(read(SPEC))
    scale = [std / 0.5 for std in STD]
    shift = [(mean - 0.5) / 0.5 for mean in MEAN]
    text = SPEC.read_text(encoding="utf-8")
    for old, new in (
        ("stem = image\n", f"stem = image\n    -> normalize (scale: {scale}, shift: {shift})\n"),
        ('  expect keys = "4f189a04c26ece82"\n', ""),
    ):
        assert text.count(old) == 1
        text = text.replace(old, new)
    return compile_net(Source("v3_transform_input.inc", text))


def ours(name):
    """Our net for a published one."""
    return compilation(name.endswith("transform_input"))


def filled(name, rewrite=lambda text: text):
    """An instance of our class in float64, with the numbers that the published network was recorded with."""
    net = generated(rewrite(ours(name).text))(aux=has_aux(name)).double().eval()
    net.load_state_dict(detfill.state(reference(name)["state_dict"]))
    return net


def run(net, shape):
    """Outputs by the recorded names."""
    result = net(detfill.image(shape))
    if isinstance(result, torch.Tensor):
        return {"logits": result}
    return {"logits": result[0], "aux": result[1]}


def recorded(outputs):
    """Recorded outputs under one name for the auxiliary head: it is `aux1` with timm, `aux_logits` with torchvision."""
    return {"aux" if name.startswith("aux") else name: facts for name, facts in outputs.items()}


def without_dropout(net):
    """The net with nothing dropped."""
    for module in net.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return net


def deviation(output, facts):
    """How far an output is from a recorded one, relative to its l2 norm; infinite if it has other maxima."""
    flat = output.detach().flatten(1)
    if list(output.shape) != facts["shape"] or flat.argmax(1).tolist() != facts["argmax"]:
        return float("inf")
    first, size = flat[0, :8].tolist(), facts["l2"]
    pairs = [*zip(first, facts["first8"], strict=True), (flat.sum().item(), facts["sum"]), (flat.norm().item(), size)]
    return max(abs(actual - expected) for actual, expected in pairs) / size


def assert_recorded(outputs, facts, tolerance):
    """Fail unless all outputs are those recorded."""
    facts = recorded(facts)
    assert list(outputs) == list(facts)
    far = {name: deviation(outputs[name], facts[name]) for name in facts}
    assert max(far.values()) <= tolerance, far

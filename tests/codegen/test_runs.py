"""Numbered labels become one `nn.Sequential` where they run from end to end; others are reached by one index."""

import warnings

import pytest
import torch

import incdsl
from tests.modules import built

CHAIN = "f.0: conv2d 3x3 @4 -> f.1: relu -> f.2: conv2d 1x1 @4"


def text(items: str) -> str:
    units = "unit cr = conv2d -> relu\nunit cbr = conv2d -> batchnorm -> relu\n"
    return f"inc 1\n{units}net N {{\n  input x [4, 8, 8]\n  {items}\n}}\n"


SPECS = {
    f"output y = x -> {CHAIN}": ["self.f(x)"],
    "a = x -> f.0: conv2d 3x3 @4 -> f.1: relu\n  output y = a -> f.2: conv2d 1x1 @4": ["self.f(x)"],
    "output y = x -> f.0: conv2d 3x3 @4 -> relu": ["self.f(x)", "F.relu"],
    "output y = x -> f.0: conv2d 3x3 @4 -> relu -> maxpool 3x3 -> f.3: conv2d 1x1 @4": ["self.f(x)"],
    "output y = x -> f.0: conv2d 3x3 @4 -> relu -> maxpool 3x3 -> f.2: conv2d 1x1 @4": ['f["0"]', 'f["2"]', "F.relu"],
    "output y = x -> f.0.0, f.0.1: cbr 3x3 @4 -> f.1: relu": ["self.f(x)"],
    "output y = x -> f.0: cr 3x3 @4 -> f.2: cr 3x3 @4": ["self.f(x)"],
    "output y = x -> f.0: cr 3x3 @4 -> f.1: cr 3x3 @4": ["f[0](x)", "f[1](x)"],
    "output y = x -> gap -> f.0: dropout 0.5 -> f.1: linear @4": ["self.f(x)", "x.mean((2, 3))"],
    "a = x -> f.0: conv2d 3x3 @4\n  output y = a -> f.1: relu -> add { | identity | a }": ["f[0](x)", "f[1](a)"],
    "output a = x -> f.0: conv2d 3x3 @4\n  output y = a -> f.1: relu": ["f[0](x)", "f[1](a)"],
    "aux h = x -> gap -> linear @2\n  output y = x -> f.0: conv2d 3x3 @4 -> tanh -> f.1: relu": ["f[0](x)", "f[1](x)"],
    "output y = x -> f.1: conv2d 3x3 @4 -> f.0: relu": ['f["1"](x)', 'f["0"](x)'],
    "output y = x -> f.0: layernorm -> f.1: relu": ["f[0](x.permute", "f[1](x)"],
    "output y = x -> f.0.a: conv2d 3x3 @4 -> f.1: relu": ['f_0 = self.f[0]', 'f_0["a"](x)', "f[1](x)"],
    "a = x -> f.0.a: conv2d 3x3 @4\n  output y = a -> f.1.a: conv2d 1x1 @4 -> add { | identity | a }": [
        "f_0 = self.f[0]", "f_1 = self.f[1]", 'f_0["a"](x)', 'f_1["a"](a)',
    ],
    "a = x -> f.0.0.0: conv2d 3x3 @4\n  output y = a -> f.0.1.0: conv2d 1x1 @4 -> add { | identity | a }": [
        "f_0 = self.f[0]", "f_0[0](x)", "f_0[1](a)",
    ],
    "v = x -> f_0: relu\n  output y = v -> f.0.a: conv2d 3x3 @4": ["f_0 = self.f", "f_0["],
}  # fmt: skip
"""What stands in `forward` for the items of a net."""


@pytest.mark.parametrize("items", SPECS)
def test_how_containers_are_called(items: str) -> None:
    done, net = built(text(items))
    forward = done.text.split("def forward")[-1]
    assert [each for each in SPECS[items] if each not in forward] == []
    assert "][" not in done.text
    outputs = net(torch.randn(2, 4, 8, 8, dtype=next(net.parameters()).dtype))
    assert (outputs if isinstance(outputs, torch.Tensor) else outputs[0]).shape[0] == 2
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        if "aux" not in items:
            torch.jit.script(net)


def test_a_container_has_what_stands_between_its_members() -> None:
    """As many modules as the numbers say; only what owns a fresh tensor is overwritten."""
    chain = "f.0: conv2d 3x3 @4 -> relu -> f.2: tanh -> relu -> f.4: conv2d 1x1 @4"
    done, net = built(text(f"output y = x -> {chain}"))
    made = "nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(inplace=True), nn.Tanh(), nn.ReLU(), nn.Conv2d(4, 4, 1)"
    assert made in done.text
    assert list(net.state_dict()) == ["f.0.weight", "f.0.bias", "f.4.weight", "f.4.bias"]


CLASSES = {
    "0: conv2d 3x3 @4 -> 1: batchnorm -> relu": ["nn.Conv2d", "nn.BatchNorm2d", "nn.ReLU(inplace=True)"],
    "0: conv2d 3x3 @4 -> relu -> 2: conv2d 1x1 @4": ["nn.Conv2d", "nn.ReLU(inplace=True)", "nn.Conv2d"],
    "0: conv2d 3x3 @4 as 1x3, 3x1 -> 1: tanh": ["nn.Sequential(", "nn.Conv2d", "nn.Conv2d", "nn.Tanh()"],
    "0..: cbr 3x3 @4 times 3": ["Cbr(in_channels", "Cbr(4", "Cbr(4"],
    "0: conv2d 3x3 @4 -> relu -> 1: conv2d 1x1 @4": [],
    "relu -> 0: conv2d 3x3 @4 -> 1: batchnorm": [],
    "0: conv2d 3x3 @4 -> add { | identity | in }": [],
    "add { | identity | 0: conv2d 3x3 @4 -> 1: gain 0.5 }": [],
    "0: conv2d 3x3 @4 -> fc: conv2d 1x1 @4": [],
    "concat { | 0: conv2d 3x3 @2 | 1: conv2d 1x1 @2 -> relu }": [],
    "1: conv2d 3x3 @4 -> 0: batchnorm": [],
}
"""What the class of a block is made of; nothing where it is no chain of numbers."""


@pytest.mark.parametrize("chain", CLASSES)
def test_a_block_whose_steps_are_numbered(chain: str) -> None:
    """A chain is an `nn.Sequential`, as careful people write it; elsewhere the numbers are names all the same."""
    unit = "unit cbr = 0: conv2d -> 1: batchnorm -> relu\n" if "cbr" in chain else ""
    block = f"{unit}block B {{ output y = in -> {chain} }}\n"
    done, net = built(f"inc 1\n{block}net N {{\n  input x [4, 8, 8]\n  output y = x -> a: B -> b: B\n}}\n")
    (body,) = [part for part in done.text.split("\nclass ")[1:] if part.startswith("B(")]
    assert body.startswith("B(nn.Sequential)" if CLASSES[chain] else "B(nn.Module)")
    assert ("def forward" in body) != bool(CLASSES[chain])
    modules = body.partition("super().__init__(")[2]
    for each in CLASSES[chain]:
        assert each in modules
        modules = modules.partition(each)[2]
    assert {key.split(".")[1] for key in net.state_dict()} <= {"0", "1", "2", "fc"}
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        scripted = torch.jit.script(net.eval())
    image = torch.randn(2, 4, 8, 8, dtype=next(net.parameters()).dtype)
    assert torch.equal(scripted(image), net(image))


def test_a_net_has_no_numbers_for_names() -> None:
    (problem,) = incdsl.analyze(text("output y = x -> 0: conv2d 3x3 @4")).errors
    assert "`features.0:` labels a member of a container" in problem.label()

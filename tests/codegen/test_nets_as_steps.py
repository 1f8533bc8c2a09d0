"""A net as a step of another: a class like a block, whose auxiliary heads the outer net collects."""

import pytest
import torch

from tests.codegen.graphs import Part, agrees, built, net, noise, text


def backbone(part: Part, image: str, heads: int, results=("c3", "c4")) -> tuple[str, str]:
    """A net with two outputs and some auxiliary heads."""
    inner = part.open("Backbone", "backbone", kind="net", classes=5)
    c3 = inner.named("c3").relu(inner.conv(image, 4, "stem", stride=2))
    for i in range(heads):
        aux = inner.named(f"aux{i}").open(
            "AuxHead", f"aux{i}", optional=True, in_channels=4, classes=inner.symbol("classes")
        )
        value = aux.named("").classifier(c3, aux.symbol("classes"), "fc")
        part.head(f"backbone_aux{i}", value, of=aux)
    c4 = inner.named("c4").conv(c3, 6, "deep", kernel=3, stride=2)
    inner.ports({"image": image}, {"c3": c3, "c4": c4}, *results)
    return c3, c4


def detector(heads: int = 1, own_heads: int = 0, outputs: int = 1) -> Part:
    """A net around the backbone; head `late` is its own."""
    part, image = net(name="Detector")
    c3, c4 = backbone(part.named("backbone"), image, heads)
    both = part.named("both").concat(part.pool(c3), c4)
    for _ in range(own_heads):
        late = part.named("late").open("LateHead", "late", optional=True, in_channels=10)
        part.head("late", late.classifier(both, 5, "fc"), of=late)
    part.graph.outputs["logits"] = part.named("logits").classifier(both, 5, "fc")
    if outputs == 2:
        part.graph.outputs["c4"] = c4
    return part


def test_a_net_as_a_step_is_a_class_like_a_block():
    part = detector(heads=0)
    code = text(part)
    assert "class Backbone(nn.Module):" in code
    assert "def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:" in code
    assert "c3, c4 = self.backbone(image)" in code
    assert "aux" not in code
    assert agrees(part, built(part))


def test_its_heads_leave_it_and_are_collected():
    part = detector()
    code = text(part)
    assert "def __init__(self, classes: int, *, aux: bool = True) -> None:" in code
    assert "def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:" in code
    assert "aux0 = self.aux0(c3) if self.aux0 is not None and self.training else None" in code
    assert "return c3, c4, aux0" in code
    assert "self.backbone = Backbone(classes=5, aux=aux)" in code
    assert "c3, c4, backbone_aux0 = self.backbone(image)" in code
    returns = "return logits\n        return DetectorOutputs(logits, backbone_aux0)"
    assert f"if backbone_aux0 is None:\n            {returns}" in code
    assert 'aux_weights: ClassVar[dict[str, float]] = {"backbone_aux0": 0.4}' in code


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize(("heads", "own_heads"), [(1, 0), (2, 0), (0, 1), (1, 1), (2, 1)])
def test_heads_run_while_training_only(heads, own_heads, outputs):
    part = detector(heads, own_heads, outputs)
    model, x = built(part), noise(2, 3, 16, 16)
    assert agrees(part, model)
    evaluated = model(x)
    if outputs == 1:
        assert isinstance(evaluated, torch.Tensor)
    else:
        assert all(value is None for value in evaluated[2:])
    trained = model.train()(x)
    names = [*(f"backbone_aux{i}" for i in range(heads)), *["late"] * own_heads]
    assert [*trained._fields] == [*part.graph.outputs, *names]
    assert all(getattr(trained, name).shape == (2, 5) for name in names)


def test_a_model_without_heads_has_none_inside_either():
    part = detector(heads=2, own_heads=1)
    cls = type(built(part))
    model = cls(aux=False).double().train()
    assert isinstance(model(noise(2, 3, 16, 16)), torch.Tensor)
    assert not any("aux" in name or "late" in name for name in model.state_dict())
    assert any("aux1" in name for name in cls().state_dict())


def test_heads_pass_through_a_block_around_their_net():
    part, image = net()
    block = part.named("y").open("Wrapped", "wrapped", in_channels=3)
    _, c4 = backbone(block, image, heads=1)
    y = block.named("y").relu(c4)
    block.ports({"x": image}, {"y": y})
    part.graph.outputs["y"] = y
    code = text(part)
    assert code.count("*, aux: bool = True) -> None:") == 3
    assert "self.wrapped = Wrapped(aux=aux)" in code
    model = built(part)
    assert agrees(part, model)
    assert model.train()(noise(2, 3, 16, 16)).backbone_aux0.shape == (2, 5)


def test_the_same_net_twice_is_one_class():
    part, image = net()
    values = []
    for label in ("left", "right"):
        inner = part.named(label).open("Half", label, kind="net", classes=4 if label == "left" else 2)
        value = inner.named("logits").classifier(image, inner.symbol("classes"), "fc")
        inner.ports({"image": image}, {"logits": value})
        values.append(value)
    part.graph.outputs["y"] = part.named("y").concat(*values)
    code = text(part)
    assert code.count("class Half") == 1
    assert "self.right = Half(classes=2)" in code
    assert agrees(part, built(part))

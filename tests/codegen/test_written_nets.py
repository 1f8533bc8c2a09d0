"""What is generated of specs with ports and nets inside reads as if a careful engineer had written it."""

import subprocess
import sys
import warnings

import pytest
import torch

from tests.modules import generated, noise
from tests.nets import EXAMPLES, compiled, nets_of

PYRAMIDS = ["fpn", "hrnet", "pan", "unet"]
WIDE = """inc 1
unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu
net Wide(first_width_of_the_body = 8, number_of_classes_of_the_heads = 5) {
  input image_of_the_scene [3, 32, 32]
  fine_map_of_the_scene, middle_map_of_the_scene, coarse_map_of_the_scene = image_of_the_scene
    -> body_of_the_network: Body(width: first_width_of_the_body, classes: number_of_classes_of_the_heads)
  output fine_result_of_the_scene, middle_result_of_the_scene, coarse_result_of_the_scene
    = (fine_map_of_the_scene, middle_map_of_the_scene, coarse_map_of_the_scene)
    -> exchange_between_the_scales: Exchange(first_width_of_the_block: first_width_of_the_body,
      second_width_of_the_block: first_width_of_the_body, third_width_of_the_block: number_of_classes_of_the_heads)
}
net Body(width = 4, classes = 3) {
  input image [3, 32, 32]
  output fine = image -> a: conv 3x3/2 @width half
  aux the_auxiliary_classifier_of_the_finest_scale (weight: 0.3)
    = fine -> AuxiliaryClassifierOfTheScale(classes: classes, hidden_width_of_the_classifier: width * 2 + classes)
  output middle = fine -> b: conv 3x3/2 @width half
  output coarse = middle
    -> c: conv 3x3/2 @(width + classes) half
    -> repeated_steps_on_the_coarsest_scale: NarrowBlockOfTheScale(the_width_of_the_block: width + classes) times 4
}
block NarrowBlockOfTheScale(the_width_of_the_block) = conv: conv 1x1 @the_width_of_the_block -> last: conv 1x1 @in
block AuxiliaryClassifierOfTheScale(classes, hidden_width_of_the_classifier)
  = gap -> one: linear @hidden_width_of_the_classifier -> relu -> two: linear @classes
block Exchange(first_width_of_the_block, second_width_of_the_block, third_width_of_the_block) {
  input fine_map_of_the_scene, middle_map_of_the_scene, coarse_map_of_the_scene
  output fine = add {
    | fine_map_of_the_scene -> a: conv 1x1 @first_width_of_the_block
    | middle_map_of_the_scene -> b: conv 1x1 @first_width_of_the_block -> upsample 2
    | coarse_map_of_the_scene -> c: conv 1x1 @first_width_of_the_block -> upsample 4
  } -> relu
  output middle = middle_map_of_the_scene -> d: conv 1x1 @second_width_of_the_block
  output coarse = coarse_map_of_the_scene -> e: conv 1x1 @third_width_of_the_block
}
"""
TEXTS = {
    **{f"{name}.inc": [done.text for done in nets_of(EXAMPLES / f"{name}.inc").values()] for name in PYRAMIDS},
    "wide names": [compiled(WIDE, "Wide").text],
    "a net inside": [compiled(WIDE, "Body").text],
}


@pytest.mark.parametrize("name", TEXTS)
def test_it_is_formatted_and_clean(name, tmp_path):
    for i, text in enumerate(TEXTS[name]):
        (tmp_path / f"net{i}.py").write_text(text, encoding="utf-8")
        assert max(len(line) for line in text.splitlines() if not line.startswith("#")) <= 120
    for arguments in (
        ["format", "--check", "--diff"],
        ["check", "--select", "E,F,W,I,B,UP,SIM,C4", "--ignore", "E501"],
    ):
        command = [sys.executable, "-m", "ruff", arguments[0], "--isolated", *arguments[1:], "--line-length", "120"]
        done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", PYRAMIDS)
def test_it_is_scripted(name):
    """TorchScript takes no whole number as a factor of `F.interpolate`."""
    done = next(iter(nets_of(EXAMPLES / f"{name}.inc").values()))
    model = generated(done.text)().eval()
    (shape,) = [done.net.graph.shapes()[node] for node in done.net.graph.inputs.values()]
    x = noise(1, int(shape.channels), 32, 64, dtype=torch.float32)
    with torch.no_grad(), warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        found, expected = torch.jit.script(model)(x), model(x)
    found, expected = ([y] if isinstance(y, torch.Tensor) else list(y) for y in (found, expected))
    assert len(found) == len(expected)
    assert all(map(torch.equal, found, expected))


def body(name, block):
    """The lines of a block's `forward`."""
    text = next(iter(nets_of(EXAMPLES / f"{name}.inc").values())).text
    return text.split(f"class {block}(nn.Module):")[1].split("def forward")[1].split("\n\n\n")[0]


def test_an_output_is_made_under_its_own_name():
    lines = body("hrnet", "Two")
    assert "        y = y_a + coarse\n        y = F.relu(y, inplace=True)\n        return x, y" in lines
    assert "x_" not in lines.replace("x_b", "")


def test_what_several_chains_read_has_its_name():
    assert "        m5 = self.inner_blocks[3][0](c5)\n" in body("fpn", "FPN")
    assert "        p5 = self.layer_blocks[3][0](m5)\n" in body("fpn", "FPN")


def test_single_steps_stand_together():
    assert "        fine = self.blocks1(a)\n        middle = self.blocks2(b)\n        coarse" in body("hrnet", "Three")


def test_a_mean_is_shown_as_the_vector_that_it_is():
    text = next(iter(nets_of(EXAMPLES / "hrnet.inc").values())).text
    (line,) = [line for line in text.splitlines() if "x.mean((2, 3))" in line]
    assert line.split("#")[1].split() == ["128"]


def test_the_value_beside_a_head_is_called_like_its_chain():
    inner = (
        "net Body {\n  input image [3, 16, 16]\n  v = image -> conv2d 3x3 @4\n"
        "  aux h = v -> gap -> linear @2\n  output y = v -> relu\n}\n"
    )
    outer = "net N {\n  input x [3, 16, 16]\n  b = x -> body: Body\n  output y = b -> conv2d 1x1 @2\n}\n"
    assert "        x, body_h = self.body(x)\n" in compiled(f"inc 1\n{inner}{outer}", "N").text

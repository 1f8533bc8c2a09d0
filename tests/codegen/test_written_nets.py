"""What is generated of specs with ports and nets inside reads as if a careful engineer had written it."""

import re
import subprocess
import sys
import warnings

import pytest
import torch

from tests.modules import generated, noise
from tests.nets import EXAMPLES, compiled, nets_of, spec

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
    assert "        y = down + coarse\n        y = F.relu(y, inplace=True)\n        return x, y" in lines
    assert "x_" not in lines


def test_what_several_chains_read_has_its_name():
    assert "        m5 = self.inner_blocks[3](c5)\n" in body("fpn", "FPN")
    assert "        p5 = self.layer_blocks[3](m5)\n" in body("fpn", "FPN")


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
    assert "        x, body_h = self.body(x)\n" in compiled(f"inc 1\n{inner}{outer}", "N").text.replace(
        "  # 4 x 16 x 16", ""
    )


CONV = "unit cbr = conv2d (bias: false) -> batchnorm -> relu\n"
RAILS = {
    "add { | identity | conv1, bn1: cbr 3x3 @8 -> conv2: conv2d 3x3 @8 }": ["residual = self.conv2(residual)"],
    "add { | conv1: cbr 3x3 @8 -> conv2: cbr 3x3 @8 | down: cbr 1x1 @8 }": ["residual + down"],
    "mul { | identity | gap -> conv2d 1x1 @4 -> relu -> conv2d 1x1 @8 -> sigmoid }": ["return x * gate"],
    "add { | identity | mul { | cbr 3x3 @8 | gap -> cbr 1x1 @8 -> sigmoid } }": ["residual = cbr * gate"],
    "concat { | branch1.0: cbr 1x1 @4 -> branch1.1: cbr 3x3 @4 | branch2.0: maxpool 3x3 -> branch2.1: cbr 1x1 @4 }": [
        "[branch1, branch2]",
    ],
    "concat { | in -> branch1.0: maxpool 3x3 -> branch1.1: cbr 1x1 @4 | branch2: cbr 1x1 @4 }": ["[branch1, branch2]"],
    "concat { | branch1_0: cbr 1x1 @4 -> branch1_1: cbr 3x3 @4 | side: cbr 1x1 @4 }": ["[branch1, side]"],
    "concat { | left: cbr 1x1 @4 -> cbr 3x3 @4 | maxpool 3x3 }": ["left = self.left_2(left)", "[left, maxpool]"],
    "concat { | cbr 1x1 @4 -> cbr 3x3 @4 | cbr 3x3 @4 }": ["branch_a = self.branch_a_2(branch_a)"],
    "add { | identity | in -> up: cbr 1x1 @8 -> maxpool 3x3 }": ["residual = F.max_pool2d(residual"],
    "add { | cbr 1x1 @8 | in -> up: cbr 1x1 @8 -> maxpool 3x3 }": ["residual"],
    "concat { | identity | in -> up: cbr 1x1 @8 -> maxpool 3x3 }": ["up = F.max_pool2d(up", "[x, up]"],
}  # fmt: skip
"""What stands in `forward` for the only merge of a block."""


@pytest.mark.parametrize("merge", RAILS)
def test_what_rails_are_called(merge):
    text = compiled(spec("conv2d 1x1 @8 -> B", f"{CONV}block B = {merge}\n")).text
    forward = text.split("class B(nn.Module):")[1].split("def forward")[1].split("\n\n\n")[0]
    assert [each for each in RAILS[merge] if each not in forward] == []
    assert re.findall(r"\w+_[2-9] = ", forward) == []


def test_a_rail_that_is_read_while_another_of_its_name_is_alive():
    inner = "add { | identity | conv2d 3x3 @8 -> relu -> conv2d 3x3 @8 }"
    block = f"block B = add {{ | identity | conv2d 1x1 @8 -> {inner} -> conv2d 1x1 @8 }}\n"
    text = compiled(spec("conv2d 1x1 @8 -> B", block)).text
    assert "branch_b = self." in text
    assert "residual = residual + branch_b" in text


@pytest.mark.parametrize("name", [*PYRAMIDS, "mobilenet_v2", "resnet18", "densenet", "se"])
def test_a_lone_return_stands_with_what_it_returns(name):
    for done in nets_of(EXAMPLES / f"{name}.inc").values():
        for lines in re.findall(r"def forward.*\n((?:        .*\n|\n)+)", done.text):
            paragraphs = lines.strip("\n").split("\n\n")
            if len(paragraphs) == 2 and paragraphs[1].count("\n") == 0:
                assert not paragraphs[1].lstrip().startswith("return"), lines
        assert not re.search(r"^        (\w+) = .*\n        return \1$", done.text, re.MULTILINE)


def test_a_comment_is_written_once():
    text = nets_of(EXAMPLES / "resnet18.inc")["ResNet18"].text
    assert text.count("# Where the width changes") == 1
    assert "class Basic_2" in text


COMMENTED = """inc 1
# About the file.

# More about it

# About the net
net N {
  # About the input
  input x [8, 16, 16]
  # About the trunk,
  # in two lines
  trunk = x -> f.0: conv2d 3x3 @8  # about the step
    # About the next step
    -> f.1: relu
  # About the head
  aux h = trunk -> gap -> fc: linear @2
  # About the rest
  output y = trunk -> B -> relu
}

# About the block
block B {
  # About the value
  v = in -> conv2d 3x3 @8
  output y = v -> add {
    | identity
    # About the rail
    | a: conv2d 3x3 @8 -> relu
  }
}
"""


def test_which_comments_survive():
    """Those above definitions, values, outputs, heads and rails, where their code begins."""
    text = compiled(COMMENTED).text
    above = {
        "About the net": "class N(",
        "in two lines": "x = self.f(x)",
        "About the head": "h = self.h(x)",
        "About the rest": "x = self.y(x)",
        "About the block": "class B(",
        "About the value": "v = self.v(x)",
        "About the rail": "a = self.a(v)",
    }
    for comment, line in above.items():
        (found,) = re.findall(rf"# {comment}\n(?:\s*#.*\n)*\s*(.*)", text)
        assert found.startswith(line), found
    assert "About the trunk" in text
    assert "#\n# About the file.\n# More about it\n" in text
    assert [each for each in ("input", "next step", "about the step") if each in text] == []


WIDTHS = {
    "t * in": "t * in_channels",
    "in + t": "in_channels + t",
    "2 * (t + 8)": "2 * (t + 8)",
    "(in + 16) // t * 4": "(in_channels + 16) // t * 4",
    "16 - (t - in)": "16 - (t - in_channels)",
    "(t * 2) * (in // 2)": "t * 2 * (in_channels // 2)",
    "((t))": "t",
    "t - t + 8": "8",
    "t + t": "t + t",
}


@pytest.mark.parametrize("width", WIDTHS)
def test_a_width_is_written_as_its_author_wrote_it(width):
    block = f"block B(t) = a: conv2d 1x1 @({width}) -> b: conv2d 1x1 @in\n"
    text = compiled(spec("B(t: 3) -> C", f"{block}block C = B(t: in)\n", shape="[16, 8, 8]")).text
    assert f"self.a = nn.Conv2d(in_channels, {WIDTHS[width]}, 1)" in text
    assert f"self.b = nn.Conv2d({WIDTHS[width]}, in_channels, 1)" in text
    generated(text)()(noise(1, 16, 8, 8, dtype=torch.float32))


def test_what_stands_right_below_the_edition_is_about_the_file():
    text = compiled(f"inc 1\n# A small file\n{spec('cbr 3x3 @4', CONV).removeprefix('inc 1')}").text
    assert text.count("A small file") == 1
    assert text.index("A small file") < text.index('"""')

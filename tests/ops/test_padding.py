"""Four sides, TensorFlow's SAME, `pad` and `crop`, against loops that are written out."""

from itertools import product

import pytest
import torch
from torch.nn import functional as F

from incdsl.analysis.cost import receptive_fields
from incdsl.analysis.table import rows
from incdsl.compiler import for_inference
from incdsl.diagnostics import CompileError
from incdsl.ops.padding import TF_SAME, Sides
from incdsl.runtime.certify import certify
from incdsl.runtime.harness import randomized
from incdsl.runtime.load import load_net
from incdsl.runtime.verify import verify
from incdsl.syntax.parser import parse
from incdsl.syntax.printer import show
from tests.modules import assert_near, assert_same, generated, noise
from tests.nets import codes, compiled, keys, predicted, problems, spec

CHECKS = ("state_dict", "shapes at legal sizes", "numbers", "gradients", "torch.fx", "torch.export")
EXACT = 1e-14


def tensorflow(size, kernel, stride, dilation=1):
    """What TensorFlow adds before and behind, as its documentation of SAME says: the smaller half first."""
    outputs = -(-size // stride)
    total = max((outputs - 1) * stride + dilation * (kernel - 1) + 1 - size, 0)
    return total // 2, total - total // 2


def swept(x, kernel, stride, padding, dilation, read):
    """What `read` makes of the cells of each window: of the values in the image, and of their taps."""
    (top, bottom), (left, right) = padding
    height, width = x.shape[2:]
    rows = range(-top, height + bottom - dilation[0] * (kernel[0] - 1), stride[0])
    columns = range(-left, width + right - dilation[1] * (kernel[1] - 1), stride[1])
    found = []
    for row, column in product(rows, columns):
        taps = [(i, j) for i, j in product(range(kernel[0]), range(kernel[1]))]
        cells = [(row + dilation[0] * i, column + dilation[1] * j, i, j) for i, j in taps]
        inside = [cell for cell in cells if 0 <= cell[0] < height and 0 <= cell[1] < width]
        values = torch.stack([x.new_zeros(x.shape[:2]), *(x[:, :, r, c] for r, c, _, _ in inside)], -1)[..., 1:]
        found.append(read(values, [(i, j) for _, _, i, j in inside]))
    return torch.stack(found, -1).unflatten(-1, (len(rows), len(columns)))


def averaged(counted):
    def read(values, taps):
        return values.sum(-1) / (counted or len(taps))

    return read


def convolved(weight):
    def read(values, taps):
        none = values.new_zeros(len(values), len(weight))
        return sum((values[..., k] @ weight[:, :, i, j].T for k, (i, j) in enumerate(taps)), none)

    return read


def pairs_of(kernel, stride, sizes, dilation=(1, 1)):
    return tuple(tensorflow(*each) for each in zip(sizes, kernel, stride, dilation, strict=True))


GRID = [
    ((7, 7), (2, 2)), ((3, 3), (2, 2)), ((2, 2), (2, 2)), ((2, 3), (1, 1)), ((4, 4), (1, 2)), ((5, 3), (3, 2)),
    ((2, 2), (3, 3)), ((3, 3), (5, 4)), ((1, 1), (2, 2)), ((6, 5), (4, 3)), ((3, 4), (1, 1)),
]  # fmt: skip
SIZES = [(1, 1), (2, 3), (5, 4), (8, 7), (9, 12), (11, 6)]


def written(word, kernel, stride, more=""):
    return f"m: {word} {kernel[0]}x{kernel[1]}/{stride[0]}x{stride[1]} {more}"


@pytest.mark.parametrize(("kernel", "stride"), GRID)
def test_a_convolution_is_padded_as_tensorflow_pads(kernel, stride):
    done = compiled(spec(written("conv2d", kernel, stride, "@3 tfsame (bias: false)"), shape="[2, 11, 12]"))
    module = generated(done.text)().double()
    assert keys(done) == ["m.weight"]
    for sizes in SIZES:
        x = noise(2, 2, *sizes)
        expected = swept(x, kernel, stride, pairs_of(kernel, stride, sizes), (1, 1), convolved(module.m.weight))
        assert_near(module(x), expected, EXACT)
        rounded_up = tuple(-(-size // s) for size, s in zip(sizes, stride, strict=True))
        assert predicted(done, dict(zip("HW", sizes, strict=True)))[1:] == expected.shape[2:] == rounded_up


def test_every_size_is_legal_and_the_shape_is_a_quotient():
    done = compiled(
        spec("conv2d 7x7/2 @4 tfsame -> conv2d 3x3/2 @4 tfsame : [4, (H + 3) // 4, (W + 3) // 4]", shape="[3, H, W]")
    )
    assert all(str(done.sizes.evaluation[axis]) == ">= 1" for axis in "HW")


@pytest.mark.parametrize("dilation", [(2, 2), (3, 1)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 2)])
def test_dilation_counts_for_what_a_window_spans(dilation, stride):
    step = written("conv2d", (3, 2), stride, f"@3 tfsame (bias: false, dilation: {list(dilation)})")
    module = generated(compiled(spec(step, shape="[2, 9, 8]")).text)().double()
    for sizes in SIZES:
        x = noise(2, 2, *sizes)
        padding = pairs_of((3, 2), stride, sizes, dilation)
        assert_near(module(x), swept(x, (3, 2), stride, padding, dilation, convolved(module.m.weight)), EXACT)


@pytest.mark.parametrize(("kernel", "stride"), GRID)
def test_a_maximum_never_sees_what_pads_it(kernel, stride):
    module = generated(
        compiled(spec(written("maxpool", kernel, stride, "tfsame"), shape="[2, 11, 12]")).text
    )().double()
    for sizes in SIZES:
        x = noise(2, 2, *sizes) - 10
        expected = swept(x, kernel, stride, pairs_of(kernel, stride, sizes), (1, 1), lambda v, _: v.amax(-1))
        assert_same(module(x), expected)


@pytest.mark.parametrize(("kernel", "stride"), GRID)
def test_an_average_does_not_count_what_pads_it(kernel, stride):
    step = written("avgpool", kernel, stride, "tfsame (count_include_pad: false)").removeprefix("m: ")
    module = generated(compiled(spec(step, shape="[2, 11, 12]")).text)().double()
    for sizes in SIZES:
        x = noise(2, 2, *sizes)
        expected = swept(x, kernel, stride, pairs_of(kernel, stride, sizes), (1, 1), averaged(0))
        assert_near(module(x), expected, EXACT)


SIDES = [Sides(0, 0, 1, 1), Sides(1, 0, 0, 1), Sides(0, 1, 1, 0), Sides(1, 1, 0, 0), Sides(0, 1, 0, 0)]


def around(sides):
    return (sides.top, sides.bottom), (sides.left, sides.right)


def pad_of(sides):
    return f"pad ({', '.join(f'{side}: {number}' for side, number in sides._asdict().items() if number)})"


@pytest.mark.parametrize("sides", SIDES)
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (2, 1)])
@pytest.mark.parametrize("kernel", [(2, 2), (3, 3), (2, 3)])
def test_windows_with_four_sides(kernel, stride, sides):
    how, padding = pad_of(sides), around(sides)
    steps = {
        "conv2d": (f"@3 {how} (bias: false)", None),
        "maxpool": (how, lambda values, _: values.amax(-1)),
        "avgpool": (f"{how} (count_include_pad: true)", averaged(kernel[0] * kernel[1])),
        "avgpool ": (f"{how} (count_include_pad: false)", averaged(0)),
    }
    for word, (more, read) in steps.items():
        step = written(word.strip(), kernel, stride, more).removeprefix("m: ")
        done = compiled(spec(step, shape="[2, 7, 8]"))
        module = generated(done.text)().double()
        for sizes in [(7, 8), (4, 3), (3, 3)]:
            x = noise(2, 2, *sizes) - 5
            filters = next(module.parameters(), None)
            expected = swept(x, kernel, stride, padding, (1, 1), read or convolved(filters))
            assert_near(module(x), expected, EXACT)
            assert predicted(done, dict(zip("HW", sizes, strict=True)))[1:] == expected.shape[2:]


def test_darknets_pool_keeps_its_size():
    """yolov3-tiny: `size=2 stride=1` pads one cell below and on the right, which no maximum sees."""
    done = compiled(spec("maxpool 2x2 pad (bottom: 1, right: 1) : [512, 13, 13]", shape="[512, 13, 13]"))
    x = noise(1, 512, 13, 13)
    expected = F.max_pool2d(F.pad(x, (0, 1, 0, 1), mode="replicate"), 2, 1)
    assert_same(generated(done.text)()(x), expected)


def test_sames_at_a_stride_are_two_functions():
    """Of the same shape and unrelated: nobody may get one for the other."""
    torch.manual_seed(0)
    first, second = (
        generated(compiled(spec(f"m: conv2d 7x7/2 @64 {word}", shape="[3, 224, 224]")).text)()
        for word in ("tfsame", "half")
    )
    second.load_state_dict(first.state_dict())
    x = torch.randn(1, 3, 224, 224)
    assert first(x).shape == second(x).shape == (1, 64, 112, 112)
    assert torch.dist(first(x), second(x)) / second(x).norm() > 1


def test_only_what_pytorch_cannot_pad_is_padded_apart():
    chain = "conv2d 3x3 @4 tfsame -> maxpool 5x3 tfsame -> conv2d 1x1/2 @4 tfsame"
    alike = compiled(spec(f"{chain} -> conv2d 3x3 @4 pad (top: 1, bottom: 1)"))
    assert "pad(" not in alike.text
    assert "padding=1" in alike.text
    assert "pad_same(x, (7, 7), (2, 2))" in compiled(spec("conv2d 7x7/2 @4 tfsame")).text
    assert "F.pad(x, (0, 1, 0, 1), value=-torch.inf)" in compiled(spec("maxpool 2x2 tfsame")).text
    assert "F.pad(x, (1, 2, 1, 2))" in compiled(spec("conv2d 4x4 @4 tfsame")).text


NET = """inc 1
unit mean = avgpool (count_include_pad: false)
unit conv = conv: conv2d (bias: false) -> bn: batchnorm (scale: false, eps: 1e-3) -> relu6
net N {
  input x [3, 25, 22]
  a = x -> Conv2d_1a: conv 7x7/2 @4 tfsame -> conv 3x3/2 @4 tfsame -> Conv2d_2b: conv 3x3 @4 tfsame
  b = a -> maxpool 3x3/2 tfsame -> maxpool 2x2 pad (bottom: 1, right: 1) -> pool: maxpool 2x2/2 tfsame
  c = a -> mean 3x3/2 tfsame -> mean 3x3 pad (top: 1, left: 1)
  d = x -> pad 1 -> pad (top: 2) -> crop 1 -> crop (left: 2) -> z: pad 0x1 -> conv2d 3x2/2 @4 pad (right: 2, top: 1)
  e = x -> conv2d 5x5/2 @8 tfsame as 3x3, 3x3 -> relu -> maxpool 3x3 pad (top: 1) -> relu
  output p = b -> scale -1
  output q = c
  output r = d -> norm: batchnorm
  output s = e
}
"""


def test_all_of_it_holds_up_in_every_check_and_when_it_is_rewritten():
    done = compiled(NET)
    assert {check.verdict for check in verify(done, CHECKS)} == {"ok"}
    deployed = for_inference(done)
    assert all(evidence.passed for evidence in certify(done, deployed))
    assert deployed.text.count("nn.BatchNorm") == 0


@pytest.mark.filterwarnings("ignore:.torch.jit.*:DeprecationWarning")
def test_it_scripts():
    module = randomized(load_net(compiled(NET))()).eval()
    x = torch.randn(1, 3, 18, 21)
    with torch.no_grad():
        for ours, theirs in zip(torch.jit.script(module)(x), module(x), strict=True):
            assert_same(ours, theirs)


def test_half_precision_is_padded_as_well():
    module = load_net(compiled(spec("maxpool 3x3/2 tfsame -> conv2d 3x3/2 @4 tfsame")))().bfloat16()
    assert module(torch.randn(1, 8, 9, 10).bfloat16()).isfinite().all()


@pytest.mark.parametrize(
    "step",
    [
        "pad 1", "pad 1x2", "pad (top: 1, left: 2)", "crop 1", "crop 1x0", "crop (bottom: 1)", "scale -1", "scale -0.5",
        "leakyrelu -1e-3", "conv2d 3x3/2 @4 tfsame", "maxpool 2x2 pad (bottom: 1, right: 1)",
        "conv2d 3x3 @4 pad (top: 2) (bias: false)", "conv2d 3x3/2 @4 (padding: tfsame)",
    ],
)  # fmt: skip
def test_it_is_printed_as_it_is_written(step):
    file = parse(spec(step)).file
    assert str(file) == spec(step)
    assert f"-> {step}\n" in show(file)
    assert show(parse(show(file)).file) == show(file)
    assert not codes(spec(step))


def test_sides_may_be_parameters():
    step = "m: conv2d 3x3 @2 pad (top: k - 1, left: k) -> crop (top: k)"
    text = spec(step, shape="[2, 8, 8]", params="(k = 3)")
    x = noise(1, 2, 8, 8)
    for k in (2, 4):
        module = generated(compiled(text, k=k).text)().double()
        assert_near(module(x), F.conv2d(F.pad(x, (k, 0, k - 1, 0)), module.m.weight, module.m.bias)[:, :, k:], EXACT)


def test_pad_and_crop():
    x = noise(2, 8, 6, 5)
    for step, expected in {
        "pad 2": F.pad(x, (2, 2, 2, 2)),
        "pad 1x2": F.pad(x, (2, 2, 1, 1)),
        "pad (left: 3, bottom: 1)": F.pad(x, (3, 0, 0, 1)),
        "crop 2": x[:, :, 2:4, 2:3],
        "crop 1x2": x[:, :, 1:5, 2:3],
        "crop (right: 3, top: 1)": x[:, :, 1:, :2],
        "crop 0": x,
    }.items():
        assert_same(generated(compiled(spec(step)).text)()(x), expected)
    assert str(compiled(spec("crop 1x2")).sizes.evaluation["W"]) == ">= 5"


def test_padding_apart_does_not_change_how_far_a_window_sees():
    for word in ("tfsame", "half"):
        graph = compiled(spec(f"conv2d 7x7/2 @4 {word} -> conv2d 3x3/2 @4 {word}")).net.graph
        assert [field.size for field in receptive_fields(graph)[graph.outputs["y"]]] == [11, 11]


@pytest.mark.parametrize(
    ("step", "code", "told"),
    [
        ("maxpool 3x3/2 pad (bottom: 2)", "E308", "padding 2 is more than half"),
        ("maxpool 3x3/2 tfsame ceil", "E307", "so does its padding"),
        ("avgpool 2x2 pad (bottom: 1) ceil", "E307", "so does its padding"),
        ("maxpool 2x2 tfsame (dilation: 2)", "E307", "padding alone"),
        ("avgpool 3x3/2 tfsame", "E307", "does not count"),
        ("avgpool 3x3 tfsame (count_include_pad: true)", "E307", "does not count"),
        ("convtranspose2d 4x4/2 @4 tfsame", "E307", "on both sides"),
        ("convtranspose2d 4x4/2 @4 pad (top: 1)", "E307", "on both sides"),
        ("conv2d 3x3 @4 pad (north: 1)", "E202", "north"),
        ("conv2d 3x3 @4 pad (1)", "E202", "1"),
        ("conv2d 3x3 @4 pad (top: 1, top: 2)", "E203", "twice"),
        ("conv2d 3x3 @4 pad (top: 0 - 1)", "E203", "0 or more"),
        ("conv2d 3x3 @4 pad (top: 0.5)", "E203", "0 or more"),
        ("conv2d 3x3 @4 pad ()", "E203", "says nothing"),
        ("pad 1 (top: 1)", "E203", "beside a number for all sides"),
        ("crop 1 (top: 1)", "E203", "beside a number for all sides"),
        ("pad (north: 1)", "E202", "north"),
        ("crop 8", "E303", "does not fit"),
        ("crop (top: 0 - 1)", "E203", "at least 0"),
        ("conv2d 3x3/2 @8 tfsame times 2", "E213", "a step of its own"),
        ("c: crop 1", "E215", "no label"),
        ("gap -> flatten -> pad 1", "E309", "image"),
        ("conv2d 5x5/2 @8 pad (top: 1) as 3x3, 3x3", "E313", "explicit padding"),
        ("linear @4 pad (top: 1)", "E205", "padding"),
    ],
)
def test_mistakes_are_told(step, code, told):
    found = problems(spec(step))
    assert code in [each.code for each in found], found
    assert any(told in each.message() for each in found if each.code == code), [each.message() for each in found]


def test_what_help_says_of_an_average_can_be_typed():
    (problem,) = problems(spec("avgpool 3x3/2 tfsame"))
    assert "(count_include_pad: false)" in problem.help()
    assert not codes(spec("avgpool 3x3/2 tfsame (count_include_pad: false)"))


@pytest.mark.parametrize("step", ["conv2d 3x3/2 @4 same", "conv2d 2x2 @4 same", "maxpool 2x2"])
def test_same_still_means_what_it_means_and_names_the_other(step):
    with pytest.raises(CompileError, match="tfsame"):
        compiled(spec(step))


def test_a_word_that_depends_on_the_size_stays_one():
    assert TF_SAME == "tfsame"
    assert Sides(1, 2, 1, 2).alike() == (1, 2)


def test_a_step_is_called_by_what_it_is_and_not_by_what_pads_it():
    chain = "maxpool 3x3/2 tfsame -> maxpool 2x2 pad (right: 1) -> avgpool 2x2/2 tfsame (count_include_pad: false)"
    done = compiled(spec(f"{chain} -> avgpool 2x2 pad (top: 1) -> pad 1 -> conv2d 3x3/2 @4 tfsame"))
    names = [row.name for row in rows(done.net, done.cost, "block")]
    assert names == ["maxpool", "maxpool", "avgpool", "avgpool", "pad", "y"]
    assert [row.kind for row in rows(done.net, done.cost, "block")][-1] == "conv2d"


def test_a_unit_says_its_windows_itself_where_they_are_padded_apart():
    unit = "unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu\n"
    chain = "a: conv 3x3/2 @4 tfsame -> b: conv 3x3/2 @6 tfsame -> c: conv 5x5/2 @6 tfsame -> d: conv 3x3 @6 tfsame"
    text = compiled(spec(chain, unit)).text
    assert "self.a = Conv(8, 4)" in text
    assert "self.b = Conv(4, 6)" in text
    assert "self.c = Conv_2(6, 6)" in text
    assert "self.d = Conv_3(6, 6, 3, padding=1)" in text
    assert text.count("def pad_same(") == 1


def test_a_crop_makes_a_unet_fit():
    """The way down is cropped to the way up, 568 to 560."""
    text = """inc 1
net U {
  input image [1, 572, 572]
  down = image -> conv2d 3x3 @8 valid -> conv2d 3x3 @8 valid
  up = down -> maxpool 2x2/2 valid -> conv2d 3x3 @16 valid -> conv2d 3x3 @16 valid -> upsample 2
  output y = concat { | down -> crop 4 | up } : [24, 560, 560]
}
"""
    legal = compiled(text).sizes.evaluation["H"]
    assert [size for size in range(1, 24) if size in legal] == [14, 16, 18, 20, 22]

"""Steps with random settings compute what PyTorch's functions do, and are refused where those refuse."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.nn import functional as F

from incdsl.diagnostics import CompileError
from incdsl.runtime.harness import randomized
from tests.modules import assert_near, assert_same, generated, noise
from tests.nets import codes, compiled, predicted, problems, spec

EXACT = 1e-14
"""For what sums in another order than PyTorch's function."""

thoroughly = settings(max_examples=60)
channels = st.integers(1, 8)
heights = st.integers(1, 12)
images = st.tuples(channels, heights, heights)
truths = st.booleans()


def pairs(least, most):
    return st.tuples(st.integers(least, most), st.integers(least, most))


def written(flag):
    return str(flag).lower()


def attempt(function):
    """The result of a function of PyTorch, or nothing if it refuses."""
    try:
        return function()
    except RuntimeError:
        return None


def checked(step, shape, reference, *, net=None):
    """Hold a step to a function of its input and its state_dict; both refuse, or both give the same."""
    x, text = noise(2, *shape), net or spec(step, shape=list(shape))
    try:
        done = compiled(text)
    except CompileError as error:
        refused = reference is None or attempt(lambda: reference(x, {})) is None
        about_sizes = all(d.code.startswith(("E3", "W")) or d.code == "E203" for d in error.diagnostics)
        assert refused, f"{step} on {shape} is refused: {error}"  # noqa: PT017
        assert about_sizes, error  # noqa: PT017
        return
    assert reference is not None, f"{step} on {shape} is not refused"
    module = randomized(generated(done.text)().double().eval())
    actual = module(x)
    assert_same(actual, reference(x, {k.partition(".")[2]: v for k, v in module.state_dict().items()}))
    height, width = (*shape, 0, 0)[1:3]
    assert tuple(actual.shape[1:]) == predicted(done, {"H": height, "W": width})


@thoroughly
@given(images, st.integers(1, 4), st.integers(1, 4), pairs(1, 4), pairs(1, 3), pairs(0, 3), pairs(1, 2), truths)
def test_conv2d(shape, groups, multiple, kernel, stride, padding, dilation, bias):
    width = multiple * groups
    step = (
        f"conv2d {kernel[0]}x{kernel[1]}/{stride[0]}x{stride[1]} @{width} pad {padding[0]}x{padding[1]} "
        f"(groups: {groups}, dilation: {list(dilation)}, bias: {written(bias)})"
    )

    def reference(x, state):
        filters = torch.zeros(width, shape[0] // groups, *kernel, dtype=x.dtype)
        return F.conv2d(x, state.get("weight", filters), state.get("bias"), stride, padding, dilation, groups)

    checked(step, shape, None if shape[0] % groups else reference)


@thoroughly
@given(
    images,
    st.integers(1, 4),
    st.integers(1, 4),
    pairs(1, 4),
    pairs(1, 3),
    pairs(0, 3),
    pairs(0, 3),
    pairs(1, 2),
    truths,
)
def test_convtranspose2d(shape, groups, multiple, kernel, stride, padding, more, dilation, bias):
    width = multiple * groups
    step = (
        f"convtranspose2d {kernel[0]}x{kernel[1]}/{stride[0]}x{stride[1]} @{width} pad {padding[0]}x{padding[1]} "
        f"(groups: {groups}, dilation: {list(dilation)}, output_padding: {list(more)}, bias: {written(bias)})"
    )

    def reference(x, state):
        filters = state.get("weight", torch.zeros(shape[0], width // groups, *kernel, dtype=x.dtype))
        return F.conv_transpose2d(x, filters, state.get("bias"), stride, padding, more, groups, dilation)

    checked(step, shape, None if shape[0] % groups else reference)


@pytest.mark.parametrize("word", ["conv2d", "convtranspose2d"])
@pytest.mark.parametrize(("groups", "width"), [(3, 6), (2, 5), (16, 16), (0, 4)])
def test_convolutions_refuse_groups(word, groups, width):
    checked(f"{word} 1x1 @{width} (groups: {groups})", (8, 3, 3), None)


PADDED = {
    "convtranspose2d 4x4/2 @3 half": (2, 1, 0),
    "convtranspose2d 2x2/2 @3 valid": (2, 0, 0),
    "convtranspose2d 3x3/2 @3 half (output_padding: 1)": (2, 1, 1),
    "convtranspose2d 3x3 @3": (1, 1, 0),
    "convtranspose2d 5x3 @3 same": (1, (2, 1), 0),
    "convtranspose2d 3x3/2 @3 pad 2x0": (2, (2, 0), 0),
}


@pytest.mark.parametrize("step", PADDED)
def test_padding_words_of_transposed_convolutions(step):
    def reference(x, state):
        stride, padding, more = PADDED[step]
        return F.conv_transpose2d(x, state["weight"], state["bias"], stride, padding, more)

    checked(step, (4, 5, 6), reference)


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("convtranspose2d 4x4/2 @3", "E306"),
        ("convtranspose2d 4x4 @3", "E307"),
        ("convtranspose2d 3x3/2 @3 same", "E307"),
        ("convtranspose2d 3x3 @3 (dilation: 2, output_padding: 1)", "E307"),
        ("convtranspose2d 3x3 @3 valid (output_padding: 1)", "E203"),
        ("convtranspose2d 3x3/2 @3 valid (output_padding: [1, 2])", "E203"),
        ("convtranspose2d 3x3/2 @3 pad 20", "E303"),
        ("convtranspose2d 3x3 @3 ceil", "E205"),
    ],
)
def test_transposed_convolutions_are_refused_with_codes(step, code):
    with pytest.raises(CompileError) as caught:
        compiled(spec(step))
    assert [each.code for each in caught.value.diagnostics] == [code]


@thoroughly
@given(images, pairs(1, 5), pairs(1, 3), pairs(0, 2), pairs(1, 2), truths)
def test_maxpool(shape, kernel, stride, padding, dilation, ceil):
    step = (
        f"maxpool {kernel[0]}x{kernel[1]}/{stride[0]}x{stride[1]} pad {padding[0]}x{padding[1]} "
        f"{'ceil' if ceil else ''} (dilation: {list(dilation)})"
    )

    def reference(x, _):
        return F.max_pool2d(x, kernel, stride, padding, dilation, ceil)

    x = noise(2, *shape)
    y = attempt(lambda: reference(x, {}))
    portable = all(2 * p <= k for p, k in zip(padding, kernel, strict=True))
    checked(step, shape, reference if y is not None and y.isfinite().all() and portable else None)


@thoroughly
@given(images, pairs(1, 5), pairs(1, 3), pairs(0, 2), truths, truths)
def test_avgpool(shape, kernel, stride, padding, ceil, counted):
    step = (
        f"avgpool {kernel[0]}x{kernel[1]}/{stride[0]}x{stride[1]} pad {padding[0]}x{padding[1]} "
        f"{'ceil' if ceil else ''} (count_include_pad: {written(counted)})"
    )
    checked(step, shape, lambda x, _: F.avg_pool2d(x, kernel, stride, padding, ceil, counted))


@thoroughly
@given(images, pairs(1, 6))
def test_adaptiveavgpool(shape, size):
    step = f"adaptiveavgpool {size[0]}x{size[1]}"
    checked(step, shape, lambda x, _: F.adaptive_avg_pool2d(x, size))


@thoroughly
@given(images, st.integers(1, 4), st.sampled_from(["nearest", "bilinear"]), truths)
def test_upsample(shape, factor, mode, corners):
    step = f"upsample {factor} (mode: {mode}, align_corners: {written(corners)})"

    def reference(x, _):
        return F.interpolate(x, scale_factor=factor, mode=mode, align_corners=None if mode == "nearest" else corners)

    checked(step, shape, None if corners and mode == "nearest" else reference)


def test_aligned_corners_keep_their_values():
    x = noise(1, 2, 3, 4)
    y = generated(compiled(spec("upsample 3 (mode: bilinear, align_corners: true)", shape="[2, 3, 4]")).text)()(x)
    for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        assert_near(y[:, :, *corner], x[:, :, *corner], EXACT)


@thoroughly
@given(images, st.integers(1, 3))
def test_pixelshuffle(shape, factor):
    """Each cell becomes a square, row by row."""

    def reference(x, _):
        squares = x.unflatten(1, (-1, factor, factor))
        return squares.permute(0, 1, 4, 2, 5, 3).flatten(4, 5).flatten(2, 3)

    checked(f"pixelshuffle {factor}", shape, None if shape[0] % factor**2 else reference)


@thoroughly
@given(images, st.integers(1, 3))
def test_pixelunshuffle(shape, factor):
    def reference(x, _):
        rows = [x[:, :, i::factor, j::factor] for i in range(factor) for j in range(factor)]
        return torch.stack(rows, 2).flatten(1, 2)

    even = not any(size % factor for size in shape[1:])
    checked(f"pixelunshuffle {factor}", shape, reference if even else None)


def test_pixelunshuffle_wants_sizes_that_come_out_even():
    done = compiled(spec("pixelunshuffle 2 -> conv2d 3x3/2 @4 half -> pixelunshuffle 3", shape="[2, 24, 12]"))
    legal = [size for size in range(1, 60) if size in done.sizes.evaluation["H"]]
    assert legal == [size for size in range(1, 60) if size % 2 == 0 and (size // 2 + 1) // 2 % 3 == 0]


def test_shuffles_undo_each_other():
    x = noise(2, 3, 4, 6)
    module = generated(compiled(spec("pixelunshuffle 2 -> pixelshuffle 2", shape="[3, 4, 6]")).text)()
    assert_same(module(x), x)


@thoroughly
@given(st.one_of(images, st.tuples(channels)), st.integers(1, 4))
def test_softmax_across_groups(shape, groups):
    """As SKNet and ResNeSt choose among paths: at each channel of a group, over the groups."""

    def reference(x, _):
        paths = x.reshape(len(x), groups, shape[0] // groups, *shape[1:])
        return torch.softmax(paths, 1).reshape(x.shape)

    checked(f"softmax (across: {groups})", shape, None if shape[0] % groups else reference)


@thoroughly
@given(st.one_of(images, st.tuples(channels)), st.sampled_from([1e-12, 1e-3]))
def test_l2norm(shape, eps):
    checked(f"l2norm (eps: {eps:.12f})", shape, lambda x, _: F.normalize(x, dim=1, eps=eps))


def test_l2norm_of_nothing_is_nothing():
    module = generated(compiled(spec("l2norm")).text)()
    assert not module(torch.zeros(1, 8, 2, 2)).any()


@thoroughly
@given(images, st.integers(1, 9), truths)
def test_linear_at_every_position(shape, width, bias):
    """With the weights of `nn.Linear`, also where the image is one position: a 1x1 convolution."""
    step = f"linear @{width} (pointwise: true, bias: {written(bias)})"
    module = randomized(generated(compiled(spec(step, shape=list(shape))).text)().double().eval())
    x, (weight, *rest) = noise(2, *shape), module.parameters()
    assert weight.shape == (width, shape[0])
    assert len(rest) == bias
    assert_near(module(x), F.conv2d(x, weight[:, :, None, None], *rest), EXACT)


def test_linear_on_an_image_says_what_it_can_be():
    (problem,) = problems(spec("linear @4"))
    assert problem.code == "E309"
    assert "(pointwise: true)" in problem.help()
    assert codes(spec("linear @4 (pointwise: true)", shape="[8]")) == ["E309"]


@thoroughly
@given(images, st.integers(0, 9), st.integers(1, 9))
def test_slice(shape, start, stop):
    legal = start < stop <= shape[0]
    checked(f"slice (start: {start}, stop: {stop})", shape, (lambda x, _: x[:, start:stop]) if legal else None)


@thoroughly
@given(images, st.integers(1, 8))
def test_channelshuffle(shape, groups):
    def reference(x, _):
        parts = x.unflatten(1, (groups, shape[0] // groups))
        return parts.transpose(1, 2).flatten(1, 2)

    checked(f"channelshuffle {groups}", shape, None if shape[0] % groups else reference)


@thoroughly
@given(images, st.lists(st.integers(1, 4), min_size=2, max_size=4))
def test_split(shape, sizes):
    rails = " ".join(f"| scale {i}.5" for i in range(len(sizes)))

    def reference(x, _):
        return torch.cat([part * (i + 0.5) for i, part in enumerate(x.split(sizes, 1))], 1)

    checked(f"concat (split: {sizes}) {{ {rails} }}", shape, reference if sum(sizes) == shape[0] else None)


@thoroughly
@given(images, st.integers(2, 4))
def test_equal_split(shape, count):
    names = ", ".join("abcd"[:count])
    rails = " ".join(f"| {name} -> scale {i}.5" for i, name in enumerate("abcd"[:count]))
    net = (
        f"inc 1\nnet N {{\n  input image {list(shape)}\n  {names} = image -> split {count}\n"
        f"  output y = concat {{ {rails} }}\n}}\n"
    )

    def reference(x, _):
        return torch.cat([part * (i + 0.5) for i, part in enumerate(x.chunk(count, 1))], 1)

    checked("split", shape, None if shape[0] % count else reference, net=net)


@thoroughly
@given(images, st.permutations(["identity", "gap", "relu"]), st.integers(2, 3))
def test_mul_broadcasts(shape, order, count):
    rails = order[:count]
    function = {"identity": lambda x: x, "gap": lambda x: x.mean((2, 3), keepdim=True), "relu": torch.relu}

    def reference(x, _):
        product = function[rails[0]](x)
        for rail in rails[1:]:
            product = product * function[rail](x)
        return product

    checked(f"mul {{ {' '.join(f'| {rail}' for rail in rails)} }}", shape, reference)


@thoroughly
@given(images, channels, st.sampled_from([1e-5, 1e-3, 0.5]))
def test_groupnorm(shape, groups, eps):
    def reference(x, state):
        return F.group_norm(x, groups, state["weight"], state["bias"], eps)

    checked(f"groupnorm {groups} (eps: {eps})", shape, None if shape[0] % groups else reference)


@thoroughly
@given(images, st.integers(1, 8), st.floats(-2, 2, width=16))
def test_prelu(shape, slopes, init):
    legal = slopes in (1, shape[0])
    step = f"prelu (slopes: {slopes}, init: {init:.6f})"
    checked(step, shape, (lambda x, state: F.prelu(x, state["weight"])) if legal else None)
    if legal:
        (weight,) = generated(compiled(spec(step, shape=list(shape))).text)().parameters()
        assert weight.tolist() == pytest.approx([init] * slopes, abs=1e-6)


@thoroughly
@given(st.one_of(images, st.tuples(channels)), st.sampled_from([1e-6, 1e-2]))
def test_layernorm(shape, eps):
    def reference(x, state):
        y = F.layer_norm(x.movedim(1, -1), shape[:1], state["weight"], state["bias"], eps)
        return y.movedim(-1, 1)

    checked(f"layernorm (eps: {eps:f})", shape, reference)


@thoroughly
@given(st.one_of(images, st.tuples(channels)), st.sampled_from([1e-3, 0.5]))
def test_batchnorm(shape, eps):
    def reference(x, state):
        return F.batch_norm(
            x, state["running_mean"], state["running_var"], state["weight"], state["bias"], training=False, eps=eps
        )

    checked(f"batchnorm (eps: {eps})", shape, reference)


@pytest.mark.parametrize("shape", [(6, 5, 4), (6,)])
@pytest.mark.parametrize(
    ("settings", "learned"),
    [("scale: false", ["bias"]), ("affine: false", []), ("affine: false, scale: false", []), ("scale: true", None)],
)
def test_batchnorm_learns_what_it_is_told(settings, learned, shape):
    learned = ["weight", "bias"] if learned is None else learned
    module = randomized(generated(compiled(spec(f"m: batchnorm ({settings})", shape=list(shape))).text)().double())
    state = {key.removeprefix("m."): value for key, value in module.state_dict().items()}
    assert list(state) == [*learned, "running_mean", "running_var", "num_batches_tracked"]
    assert [name for name, _ in module.named_parameters()] == [f"m.{name}" for name in learned]
    assert type(module.m) is (torch.nn.BatchNorm2d if len(shape) == 3 else torch.nn.BatchNorm1d)
    x, weights = noise(4, *shape), (state.get("weight"), state.get("bias"))
    means = state["running_mean"].clone(), state["running_var"].clone()
    assert_same(module.eval()(x), F.batch_norm(x, *means, *weights, training=False))
    expected = F.batch_norm(x, *means, *weights, training=True)
    y = module.train()(x)
    assert_same(y, expected)
    assert_same(state["running_mean"], means[0])
    for name, parameter in module.named_parameters():
        (gradient,) = torch.autograd.grad(y.pow(3).sum(), parameter, retain_graph=True)
        assert gradient.any(), name


@pytest.mark.parametrize("momentum", [0.0, 0.1, 0.7, 1.0])
def test_batchnorm_momentum(momentum):
    x = noise(4, 8, 3, 3)
    module = generated(compiled(spec(f"batchnorm (momentum: {momentum})")).text)().double().train()
    module(x)
    mean = next(v for k, v in module.state_dict().items() if k.endswith("running_mean"))
    expected = torch.zeros(8, dtype=x.dtype), x.mean((0, 2, 3))
    assert torch.dist(mean, torch.lerp(*expected, momentum)) <= EXACT


@pytest.mark.parametrize("size", [1, 2, 5])
def test_lrn(size):
    step = f"lrn {size} (alpha: 0.5, beta: 0.3, k: 2)"
    checked(step, (8, 3, 4), lambda x, _: F.local_response_norm(x, size, 0.5, 0.3, 2.0))


def test_normalize():
    scale, shift = [0.5, -2.0, 3.25], [1.0, 0.0, -0.125]
    checked(
        f"normalize (scale: {scale}, shift: {shift})",
        (3, 4, 5),
        lambda x, _: x * x.new_tensor(scale).view(-1, 1, 1) + x.new_tensor(shift).view(-1, 1, 1),
    )


POINTWISE = {
    "relu": torch.relu,
    "relu6": lambda x: x.clamp(0, 6),
    "leakyrelu": lambda x: torch.where(x > 0, x, 0.01 * x),
    "leakyrelu (slope: 0.3)": lambda x: torch.where(x > 0, x, 0.3 * x),
    "sigmoid": lambda x: 1 / (1 + (-x).exp()),
    "silu": lambda x: x / (1 + (-x).exp()),
    "gelu": lambda x: x * (1 + torch.erf(x / 2**0.5)) / 2,
    "gelu (approximate: tanh)": lambda x: x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3))) / 2,
    "tanh": lambda x: (x.exp() - (-x).exp()) / (x.exp() + (-x).exp()),
    "hardswish": lambda x: x * (x + 3).clamp(0, 6) / 6,
    "hardsigmoid": lambda x: (x + 3).clamp(0, 6) / 6,
    "softmax": lambda x: x.exp() / x.exp().sum(1, keepdim=True),
    "scale (factor: -0.17)": lambda x: -0.17 * x,
    "scale 3": lambda x: 3 * x,
    "identity": lambda x: x,
    "dropout 0.9": lambda x: x,
}


@pytest.mark.parametrize("step", POINTWISE)
@pytest.mark.parametrize("shape", [(6, 5, 4), (6,)])
def test_pointwise(step, shape):
    x = 3 * noise(2, *shape)
    module = generated(compiled(spec(step, shape=list(shape))).text)().double().eval()
    assert_near(module(x), POINTWISE[step](x), EXACT)


def test_layerscale():
    module = randomized(generated(compiled(spec("m: layerscale 0.5")).text)().double())
    x = noise(2, 8, 3, 3)
    assert_same(module(x), x * module.m.gamma.view(-1, 1, 1))
    (gamma,) = generated(compiled(spec("layerscale 0.5")).text)().parameters()
    assert gamma.tolist() == [0.5] * 8


def test_dropout_drops():
    module = generated(compiled(spec("dropout 0.25")).text)().train()
    kept = (module(torch.ones(8, 8, 16, 16)) * 0.75).flatten()
    assert set(kept.tolist()) == {0.0, 1.0}
    assert 0.7 < kept.mean() < 0.8


@thoroughly
@given(images, st.integers(1, 9), truths)
def test_flatten_and_linear(shape, width, bias):
    def reference(x, state):
        return F.linear(x.flatten(1), state["weight"], state.get("bias"))

    checked(f"flatten -> linear @{width} (bias: {written(bias)})", shape, reference)


def test_what_pytorch_does_not_repeat_evenly_is_refused():
    x = torch.arange(12.0).reshape(1, 1, 3, 4)
    repeated = {n: x.repeat_interleave(n, 2).repeat_interleave(n, 3) for n in range(1, 130)}
    uneven = [n for n, y in repeated.items() if not torch.equal(F.interpolate(x, scale_factor=n), y)]
    refused = [n for n in range(1, 130) if codes(spec(f"upsample {n}"))]
    assert refused == uneven
    assert uneven[:3] == [41, 47, 55]
    assert not codes(spec("upsample 41 (mode: bilinear)"))

"""Shape rules called by themselves: what the elaborator would not let through, and what several inputs are to them."""

from itertools import product

import pytest

from incdsl.ops import REGISTRY, ShapeError
from incdsl.ops.deployed import ActivationFloor, ChannelBias
from incdsl.ops.merge import Joining, is_scale
from incdsl.values import Extent, Image, Num, Vector

H, W, ONE = Extent.of("H"), Extent.of("W"), Extent.fixed(1)
IMAGE = Image(8, H, W)
SCALE = Image(8, ONE, ONE)

ALONE = {
    "conv2d": {"kernel": 3, "width": 4, "groups": 2},
    "convtranspose2d": {"kernel": 3, "width": 4, "groups": 2},
    "maxpool": {"kernel": 3, "padding": 1, "dilation": 2},
    "avgpool": {"kernel": 3},
    "adaptiveavgpool": {"size": (4, 5)},
    "upsample": {"factor": 2},
    "linear": {"width": 4},
    "dropout": {"p": 0.5},
    "scale": {"factor": 2},
    "slice": {"start": 2, "stop": 6},
    "channelshuffle": {"groups": 4},
    "groupnorm": {"groups": 4},
    "lrn": {"size": 5},
    "normalize": {"scale": (1,) * 8, "shift": (0,) * 8},
    "prelu": {"slopes": 8},
    "pixelshuffle": {"factor": 2},
    "pixelunshuffle": {"factor": 2},
    "softmax": {"across": 2},
}


def ops():
    for word, op in REGISTRY.items():
        if not issubclass(op, Joining) and not op.sized_by:
            yield op(**ALONE.get(word, {})), Vector(8) if op.example_rank == 1 else IMAGE
    yield ChannelBias(), IMAGE
    yield ActivationFloor(active=3), IMAGE


@pytest.mark.parametrize(("op", "shape"), list(ops()), ids=lambda x: getattr(x, "word", ""))
def test_ops_of_one_input_look_at_the_first(op, shape):
    other = Vector(5) if isinstance(shape, Image) else Image(5, ONE, ONE)
    assert op.infer(shape, other) == op.infer(shape)
    assert tuple(op.demands(shape, other)) == tuple(op.demands(shape))
    assert op.tensors(shape, other) == op.tensors(shape)
    sizes = shape.at({"H": 6, "W": 9})
    assert op.macs((sizes, (1,)), (4, 3, 3)) == op.macs((sizes,), (4, 3, 3))
    assert op.parameters(shape) == sum(
        t.shape[0] for t in op.tensors(shape) if len(t.shape) == 1 and t.trainable
    ) + sum(t.shape[0] * t.shape[1] * (9 if len(t.shape) == 4 else 1) for t in op.tensors(shape) if len(t.shape) > 1)


@pytest.mark.parametrize("word", ["add", "mul"])
def test_rails_of_other_widths_are_refused(word):
    op = REGISTRY[word]()
    for widths in ((3, 4), (3, 3, 4), (3, 4, 5), (300, 301)):
        with pytest.raises(ShapeError) as caught:
            op.infer(*(Vector(n) for n in widths))
        assert caught.value.kind == "channels"


def test_joined_shapes_are_the_first_rails():
    first, second = Image(300, H.window(3, 2, 1), W), Image(Num.symbol(300, "c"), H.window(1, 2), W)
    assert REGISTRY["add"]().infer(first, second) is first
    assert REGISTRY["add"]().infer(second, first, first) is second
    assert REGISTRY["mul"]().infer(first, second) is first
    assert REGISTRY["mul"]().infer(Image(300, ONE, ONE), second, first) is second
    assert REGISTRY["mul"]().infer(Vector(8), SCALE) == Vector(8)
    assert REGISTRY["mul"]().infer(SCALE, Vector(8)) == SCALE
    assert REGISTRY["concat"]().infer(first, second, IMAGE) == Image(608, H.window(3, 2, 1), W)
    assert REGISTRY["concat"]().infer(Vector(3)) == Vector(3)


def test_scales_are_of_size_one():
    assert is_scale(SCALE)
    assert is_scale(Vector(3))
    for height, width in (
        (H, ONE),
        (ONE, W),
        (H, W),
        (Extent.fixed(2), ONE),
        (ONE, Extent.fixed(2)),
        (Extent.fixed(2),) * 2,
    ):
        assert not is_scale(Image(8, height, width))


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (0, 8), (7, 8), (2, 6)])
def test_slices_are_within_the_channels(start, stop):
    assert REGISTRY["slice"](start=start, stop=stop).infer(IMAGE) == Image(stop - start, H, W)


@pytest.mark.parametrize(("start", "stop"), [(0, 9), (3, 3), (4, 3), (8, 9)])
def test_other_slices_are_refused(start, stop):
    with pytest.raises(ShapeError, match=f"{start} to {stop}"):
        REGISTRY["slice"](start=start, stop=stop).infer(IMAGE)


@pytest.mark.parametrize(
    ("word", "setting"),
    [("groupnorm", "groups"), ("channelshuffle", "groups"), ("prelu", "slopes"), ("softmax", "across")],
)
def test_groups_divide_the_channels(word, setting):
    legal = [n for n in range(1, 18) if _fits(REGISTRY[word](**{setting: n}))]
    assert legal == ([1, 8] if word == "prelu" else [1, 2, 4, 8])


@pytest.mark.parametrize("word", ["conv2d", "convtranspose2d"])
def test_convolutions_of_groups(word):
    legal = [(g, w) for g, w in product(range(1, 10), repeat=2) if _fits(REGISTRY[word](kernel=1, width=w, groups=g))]
    assert legal == [(g, w) for g, w in product(range(1, 10), repeat=2) if 8 % g == 0 and w % g == 0]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 300])
def test_constants_are_as_many_as_channels(count):
    for counts in ((count, 8), (8, count)):
        scale, shift = ((1,) * n for n in counts)
        assert _fits(REGISTRY["normalize"](scale=scale, shift=shift)) == (count == 8)
    wide = REGISTRY["normalize"](scale=(1,) * 300, shift=(0,) * 300)
    assert wide.infer(Image(300, H, W)).channels == 300


def _fits(op):
    try:
        return op.infer(IMAGE) is not None
    except ShapeError:
        return False


def test_no_window_of_a_pool_lies_in_the_padding_alone():
    for kernel, stride, padding, dilation in product(range(1, 8), range(1, 4), range(4), range(1, 5)):
        if 2 * padding > kernel:
            continue
        op = REGISTRY["maxpool"](kernel=(kernel, 1), stride=(stride, 1), padding=(padding, 0), dilation=(dilation, 1))
        demands = list(op.demands(IMAGE))
        assert [d.axis for d in demands] == (["height"] if dilation > 1 and padding else [])
        least = max([1, *(1 + _first_cell(start, dilation) for start in range(-padding, 0, stride))])
        assert all((d.extent, d.size, d.exact) == (H, least, False) for d in demands)
        turned = REGISTRY["maxpool"](
            kernel=(1, kernel), stride=(1, stride), padding=(0, padding), dilation=(1, dilation)
        )
        assert [(d.axis, d.extent, d.size) for d in turned.demands(IMAGE)] == [("width", W, d.size) for d in demands]


def _first_cell(start, dilation):
    """The first cell of the input that a window reads which starts in the padding before it."""
    while start < 0:
        start += dilation
    return start

"""What settings of ops may be, at the borders; the small parts that shape rules are made of."""

import pytest
from pydantic import ValidationError

from incdsl.ops import REGISTRY, Demand, ShapeError, Tensor, Window
from incdsl.ops.base import divides, image, vector
from incdsl.values import Extent, Image, Num, Pair, Real, Vector

HUGE = 1 << 31
IMAGE = Image(8, Extent.of("H"), Extent.of("W"))

REFUSED = [
    *[("conv2d", {"kernel": 3, "width": n}) for n in (0, -1, HUGE, HUGE + 5, True, 1.0, "1", None, (1,))],
    *[
        ("conv2d", {"kernel": n, "width": 1})
        for n in (0, (3,), (3, 3, 3), (), (3, 0), (0, 3), (True, 1), Pair(0, 1), Pair(1, 0))
    ],
    *[("conv2d", {"kernel": 3, "width": 1, "padding": n}) for n in (-1, (0, -1), (-1, 0), HUGE, "same")],
    *[("conv2d", {"kernel": 3, "width": 1, "bias": n}) for n in (1, 0, "true", None)],
    *[
        ("convtranspose2d", {"kernel": 3, "width": 1, "stride": s, "dilation": d, "output_padding": n})
        for s, d, n in ((1, 1, 1), (2, 1, 2), (1, 2, 2), (3, 3, 3), (2, 2, (0, 2)), ((2, 1), 1, 1), (2, 2, -1))
    ],
    *[("slice", {"start": n, "stop": 3}) for n in (-1, True, 0.0)],
    *[("dropout", {"p": n}) for n in (-0.5, 1.5, True, "0", float("nan"), float("inf"))],
    *[("scale", {"factor": n}) for n in (True, "1", float("nan"), float("inf"), float("-inf"))],
    *[("batchnorm", {"eps": n}) for n in (0, 0.0, -0.5, -1e-9, -2, True)],
    *[("normalize", {"scale": n, "shift": (0,)}) for n in ((), [1.0], 1.0, (True,), (1, "2"), (float("nan"),))],
]

TAKEN = [
    *[("conv2d", {"kernel": 3, "width": n}) for n in (1, HUGE - 1)],
    *[("conv2d", {"kernel": n, "width": 1}) for n in (1, (1, 2), Pair(2, 1), HUGE - 1)],
    *[("conv2d", {"kernel": 3, "width": 1, "padding": n}) for n in (0, (0, 1), (1, 0))],
    *[
        ("convtranspose2d", {"kernel": 3, "width": 1, "stride": s, "dilation": d, "output_padding": n})
        for s, d, n in ((2, 1, (1, 1)), (1, 2, (1, 1)), (3, 1, (2, 0)), ((3, 1), (1, 2), (2, 1)))
    ],
    *[("slice", {"start": n, "stop": 1}) for n in (0, 1)],
    *[("dropout", {"p": n}) for n in (0, 0.0, 0.25, 1, 1.0)],
    *[("scale", {"factor": n}) for n in (-3, 0, 0.5)],
    *[("batchnorm", {"eps": n}) for n in (1e-30, 0.5, 3)],
    *[("normalize", {"scale": n, "shift": (0,)}) for n in ((1,), (1.5, -2))],
]


@pytest.mark.parametrize(("word", "settings"), REFUSED)
def test_what_is_no_such_number_is_refused(word, settings):
    with pytest.raises(ValidationError):
        REGISTRY[word](**settings)


@pytest.mark.parametrize(("word", "settings"), TAKEN)
def test_numbers_at_the_border_are_taken(word, settings):
    op = REGISTRY[word](**settings)
    for name, value in settings.items():
        expected = (
            (value, value) if name in ("kernel", "padding", "stride", "dilation") and isinstance(value, int) else value
        )
        assert getattr(op, name) == expected


def test_numbers_keep_their_expressions():
    symbol = Num.symbol(3, "k")
    conv = REGISTRY["conv2d"](kernel=symbol, width=symbol, padding=(symbol, 0))
    assert conv.width is conv.kernel[0] is conv.kernel[1] is conv.padding[0] is symbol
    pair = Pair(3, symbol)
    assert REGISTRY["conv2d"](kernel=pair, width=1).kernel is pair
    real = Real(0.5, "p")
    assert REGISTRY["dropout"](p=real).p is real
    assert type(REGISTRY["scale"](factor=2).factor) is float
    assert [type(v) for v in REGISTRY["normalize"](scale=(1,), shift=(2.5,)).scale] == [float]


def test_settings_have_pytorchs_defaults():
    conv = REGISTRY["conv2d"](kernel=3, width=2)
    assert (conv.stride, conv.padding, conv.dilation, conv.groups, conv.bias) == ((1, 1), (0, 0), (1, 1), 1, True)
    back = REGISTRY["convtranspose2d"](kernel=3, width=2)
    assert {**dict(conv), "output_padding": (0, 0)} == dict(back)
    pools = REGISTRY["maxpool"](kernel=3), REGISTRY["avgpool"](kernel=3)
    assert [(p.stride, p.padding, p.ceil) for p in pools] == [((1, 1), (0, 0), False)] * 2
    assert (pools[0].dilation, pools[1].count_include_pad) == ((1, 1), True)
    assert REGISTRY["linear"](width=2).bias
    assert REGISTRY["flatten"]().size == (1, 1)
    assert REGISTRY["slice"](stop=2).start == 0
    norms = [dict(REGISTRY[word]()) for word in ("batchnorm", "layernorm", "layerscale", "prelu", "leakyrelu")]
    assert norms == [
        {"eps": 1e-5, "momentum": 0.1, "affine": True, "scale": True},
        {"eps": 1e-5}, {"init": 1e-6}, {"slopes": 1, "init": 0.25}, {"slope": 0.01},
    ]  # fmt: skip
    assert dict(REGISTRY["groupnorm"](groups=2)) == {"groups": 2, "eps": 1e-5}
    assert dict(REGISTRY["l2norm"]()) == {"eps": 1e-12}
    assert dict(REGISTRY["gain"]()) == {"init": 1.0, "shape": "vector"}
    assert dict(REGISTRY["softmax"]()) == {"across": None}
    assert dict(REGISTRY["resize"]()) == {"mode": "nearest", "align_corners": False}
    assert dict(REGISTRY["lrn"](size=5)) == {"size": 5, "alpha": 1e-4, "beta": 0.75, "k": 1.0}


@pytest.mark.parametrize(
    ("exact", "sizes"), [(False, {999: False, 1000: True, 1001: True}), (True, {999: False, 1000: True, 1001: False})]
)
def test_demands_hold(exact, sizes):
    demand = Demand("height", Extent.of("H"), 1000, "because", exact)
    assert {size: demand.holds(int(str(size))) for size in sizes} == sizes
    assert not Demand("height", Extent.of("H"), 1, "because").exact


def test_windows_and_tensors_have_defaults():
    assert Window(3, 2) == (3, 2, 0, 1, False)
    assert [Window(k, 1, 0, d).span for k, d in ((1, 5), (3, 1), (3, 2), (5, 3))] == [1, 3, 5, 13]
    assert Tensor("weight", (1,)).trainable


def test_kinds_of_shapes_are_told_apart():
    assert image("x", IMAGE) is IMAGE
    assert vector("x", Vector(3)) == Vector(3)
    for function, wrong in ((image, Vector(3)), (vector, IMAGE)):
        with pytest.raises(ShapeError) as caught:
            function("x", wrong)
        assert caught.value.kind == "rank"


@pytest.mark.parametrize(("divisor", "number"), [(1, 1), (3, 6), (6, 6)])
def test_what_divides(divisor, number):
    divides("groups", divisor, "channels", Num.symbol(number, "n"))


@pytest.mark.parametrize(("divisor", "number"), [(2, 1), (3, 7), (12, 6)])
def test_what_does_not_divide(divisor, number):
    with pytest.raises(ShapeError) as caught:
        divides("groups", divisor, "channels", number)
    assert caught.value.kind == "divide"


def test_demands_hold_of_multiples():
    demand = Demand("height", Extent.of("H"), 3, "because", multiple=3)
    assert [size for size in range(10) if demand.holds(size)] == [3, 6, 9]

"""Sets of sizes: members, texts, and those of small nets against every size in turn."""

from itertools import islice

import pytest

import incdsl
from incdsl.analysis import sizes
from incdsl.analysis.sizes import SizeSet
from incdsl.diagnostics import CompileError
from tests.nets import compiled, spec

LARGEST = 1 << 31


@pytest.mark.parametrize(
    ("some", "text", "members"),
    [
        (SizeSet(3), ">= 3", range(3, 60)),
        (SizeSet(3, 9), "3 to 9", range(3, 10)),
        (SizeSet(300, int("300")), "300", [300]),
        (SizeSet(9, 8), "none", []),
        (SizeSet(3, None, 2), "even, >= 4", range(4, 60, 2)),
        (SizeSet(4, None, 2, frozenset({1})), "odd, >= 5", range(5, 60, 2)),
        (SizeSet(3, 9, 2), "4 to 9, even", [4, 6, 8]),
        (SizeSet(3, None, 4), "multiples of 4, >= 4", range(4, 60, 4)),
        (SizeSet(3, None, 5, frozenset({2})), "2 above a multiple of 5, >= 7", range(7, 60, 5)),
        (
            SizeSet(3, None, 5, frozenset({4, 1})),
            "1 or 4 above a multiple of 5, >= 4",
            [n for n in range(4, 60) if n % 5 in (1, 4)],
        ),
        (
            SizeSet(32, None, 32, frozenset(range(16)) | {20}),
            "0 to 15 or 20 above a multiple of 32, >= 32",
            [*range(32, 48), 52],
        ),
        (
            SizeSet(4, None, 4, frozenset({0, 1, 2})),
            "0 to 2 above a multiple of 4, >= 4",
            [n for n in range(4, 60) if n % 4 < 3],
        ),
        (
            SizeSet(1, None, 20, frozenset(range(1, 19, 2))),
            "1, 3, 5, 7, 9, 11, 13, 15, ... above a multiple of 20, >= 1",
            [n for n in range(1, 60, 2) if n % 20 < 19],
        ),
        (SizeSet(1, residues=frozenset()), "none", []),
        (SizeSet(2, only=(3, 7, 8, 9)), "3, 7 to 9", [3, 7, 8, 9]),
        (SizeSet(1, only=(1, 2)), "1 to 2", [1, 2]),
        (SizeSet(1, 301, only=(298, 300, 301)), "298, 300 to 301", [298, 300, 301]),
        (SizeSet(1, only=()), "none", []),
        (SizeSet(1, only=tuple(range(1, 17, 2))), "1, 3, 5, 7, 9, 11, 13, 15", range(1, 17, 2)),
        (SizeSet(1, only=tuple(range(1, 19, 2))), "1, 3, 5, 7, 9, 11, 13, 15, ...", range(1, 19, 2)),
    ],
)
def test_members_and_text(some, text, members):
    members = list(members)
    assert str(some) == text
    assert list(islice(some, len(members))) == members
    assert [n for n in range(60) if n in some] == [n for n in members if n < 60]
    assert [n for n in (299, 300, 301) if n in some and some.most] == [n for n in members if 299 <= n <= 301]
    assert some.empty == (not members)


def sizes_of(chain, shape="[2, H, W]"):
    return compiled(spec(chain, shape=shape)).sizes


@pytest.mark.parametrize(
    ("chain", "height", "width"),
    [
        ("relu", ">= 1", ">= 1"),
        ("conv2d 3x5 @2 valid", ">= 3", ">= 5"),
        ("conv2d 3x3/2 @2 valid -> maxpool 3x3/2 valid", ">= 7", ">= 7"),
        ("maxpool 2x1/2x1 valid -> maxpool 2x1/2x1 valid", ">= 4", ">= 1"),
        ("concat { | maxpool 2x1/2x1 valid | conv2d 3x1/2x1 @2 half }", "even, >= 2", ">= 1"),
        ("concat { | maxpool 1x2/1x2 valid | conv2d 1x3/1x2 @2 half }", ">= 1", "even, >= 2"),
        ("maxpool 3x1/6x1 pad 1x0 ceil (dilation: [2, 1])", ">= 2", ">= 1"),
        ("concat { | maxpool 3x3/3 valid -> upsample 3 | relu }", "multiples of 3, >= 3", "multiples of 3, >= 3"),
        ("concat { | gap | maxpool 2x2/2 valid }", "2 to 3", "2 to 3"),
        ("concat { | upsample 2 | conv2d 1x1 @2 pad 7x3 }", "14", "6"),
        ("concat { | upsample 3 | conv2d 1x1 @2 pad 300x150 }", "300", "150"),
        ("concat { | maxpool 2x2/2 valid | maxpool 3x3/3 pad 1x1 }", "2 to 5, 7", "2 to 5, 7"),
        ("concat { | maxpool 5x5/5 valid | maxpool 4x4/4 valid }", "5 to 7, 10 to 11, 15", "5 to 7, 10 to 11, 15"),
        ("concat { | maxpool 5x5/5 valid | maxpool 4x4/4 valid } -> conv2d 3x3 @2 valid", "15", "15"),
        (
            "concat { | identity | upsample 4 -> conv2d 1x1/3 @2 valid -> upsample 3 -> maxpool 4x4/4 valid }",
            ">= 1",
            ">= 1",
        ),
        (
            "concat { | identity | conv2d 1x1/2 @2 valid -> upsample 2 }"
            " -> concat { | conv2d 1x1/4 @2 valid | conv2d 2x2/4 @2 valid }",
            "even, >= 2",
            "even, >= 2",
        ),
        (
            "concat { | identity | conv2d 1x1/2 @2 valid -> upsample 2 }"
            " -> concat { | conv2d 1x1/1200 @2 valid | conv2d 2x2/1200 @2 valid }",
            "even, >= 2",
            "even, >= 2",
        ),
        (
            "concat { | identity | conv2d 1x1/2 @2 valid -> upsample 2 | conv2d 1x1/3 @2 valid -> upsample 3 }",
            "multiples of 6, >= 6",
            "multiples of 6, >= 6",
        ),
    ],
)
def test_sets_of_chains(chain, height, width):
    legal = sizes_of(chain).evaluation
    assert (str(legal["H"]), str(legal["W"])) == (height, width)


def brute(*rails):
    """Heights up to 80 at which rails of windows agree, each a list of kernel, stride, padding."""
    found = []
    for size in range(1, 80):
        ends = set()
        for rail in rails:
            n = size
            for kernel, stride, padding in rail:
                n = (n + 2 * padding - kernel) // stride + 1 if n >= 1 else 0
            ends.add(n)
        if len(ends) == 1 and min(ends) >= 1:
            found.append(size)
    return found


def written(rail):
    return " -> ".join(f"conv2d {k}x1/{s}x1 @2 pad {p}x0" for k, s, p in rail)


@pytest.mark.parametrize(
    "rails",
    [
        ([(2, 2, 0)], [(3, 2, 1)]),
        ([(3, 3, 0)], [(1, 3, 0)]),
        ([(3, 5, 1)], [(5, 5, 2)], [(4, 5, 2)]),
        ([(7, 3, 1), (3, 2, 1)], [(4, 4, 0), (3, 3, 2)]),
        ([(2, 2, 0)], [(2, 3, 5)]),
        ([(3, 2, 0)], [(1, 3, 6)]),
        ([(2, 2, 3), (3, 2, 0)], [(5, 3, 0)]),
        ([(1, 2, 0)], [(5, 3, 2)], [(3, 1, 0), (2, 2, 1)]),
        ([(4, 1, 0)], [(2, 2, 0)]),
        ([(5, 1, 0)], [(3, 2, 4)]),
    ],
)
def test_rails_agree_where_they_do(rails):
    """Heights of a free size; every one of a fixed size is compiled or refused."""
    chain = f"concat {{ {' '.join('| ' + written(rail) for rail in rails)} }}"
    expected = brute(*rails)
    assert expected, "chosen so that there are some"
    legal = sizes_of(chain).evaluation["H"]
    assert [n for n in range(1, 80) if n in legal] == expected
    assert list(islice(legal, len(expected))) == expected
    for size in range(1, 12):
        try:
            compiled(spec(chain, shape=f"[2, {size}, 1]"))
            assert size in expected
        except CompileError:
            assert size not in expected


def test_sizes_that_need_too_much_work_are_searched_so_far(monkeypatch):
    """The period of strides whose product is huge is not tried to its end: what is listed is legal, more may be."""
    assert sizes.MAX_WORK == 200_000
    monkeypatch.setattr(sizes, "MAX_WORK", 200)
    full = sizes_of("add { | identity | conv2d 1x1/200 @2 valid -> upsample 200 }").evaluation["H"]
    assert (full.least, full.period, full.residues, full.only) == (1, 200, {0}, None)
    part = sizes_of("add { | identity | conv2d 1x1/201 @2 valid -> upsample 201 }").evaluation["H"]
    assert part.only == (201,)
    rails = "add {{ | identity | conv2d 1x1/{} @2 valid -> upsample {} | conv2d 1x1/4 @2 valid -> upsample 4 }}"
    assert sizes_of(rails.format(100, 100)).evaluation["H"].period == 100
    near = "concat {{ | conv2d 1x1/{0} @2 valid | conv2d 2x2/{0} @2 valid | conv2d 5x5/{0} @2 valid }}"
    assert sizes_of(near.format(100)).evaluation["H"].residues == {0, *range(5, 100)}
    assert sizes_of(near.format(150)).evaluation["H"].only == tuple(range(5, 106)), "200 // 2 after the first"
    bounded = f"{near.format(150)} -> upsample 40 -> maxpool 2x2/40 pad 1 -> flatten"
    assert sizes_of(bounded, "[2, 9, 9]").evaluation["H"].only[:2] == (5, 6)


HEADS = """inc 1
net N {
  input x [2, H, W]
  a = x -> conv2d 3x3 @2 valid
  aux h = a -> HEAD -> gap -> fc: linear @2
  output y = a -> gap
}
"""


def test_flatten_bounds_sizes_at_which_rails_meet():
    """Where rails that grow apart meet, up to the bound and not beyond."""
    legal = sizes_of("concat { | upsample 2 | conv2d 1x1 @2 pad 3 } -> flatten", "[2, 6, 6]").evaluation
    assert (str(legal["H"]), str(legal["W"])) == ("6", "6")
    text = "inc 1\nnet N {\n  input x [2, 2, 3]\n  output y = x -> concat { | gap | maxpool 2x2/2 valid }\n"
    legal = compiled(text + "  output z = x -> flatten -> linear @2\n}\n").sizes.evaluation
    assert (str(legal["H"]), str(legal["W"])) == ("2", "3")
    assert [axis.only for axis in legal.values()] == [(2,), (3,)]


def test_flatten_fixes_the_size():
    legal = sizes_of("flatten -> linear @2", "[2, 5, 7]").evaluation
    assert (str(legal["H"]), str(legal["W"])) == ("5", "7")
    legal = sizes_of("maxpool 2x3/2x3 valid -> flatten -> linear @2", "[2, 300, 901]").evaluation
    assert (str(legal["H"]), str(legal["W"])) == ("300 to 301", "900 to 902")


@pytest.mark.parametrize(("stride", "most"), [(LARGEST - 2, LARGEST - 2), (LARGEST - 1, None), (300, 300)])
def test_a_bound_that_no_size_reaches_is_none(stride, most):
    legal = sizes_of(f"conv2d 1x1/{stride} @2 valid -> flatten", "[2, 7, 7]").evaluation
    assert [(legal[axis].least, legal[axis].most) for axis in "HW"] == [(1, most)] * 2
    both = f"add {{ | identity | conv2d 1x1/2 @2 valid -> upsample 2 }} -> conv2d 1x1/{stride} @2 valid -> flatten"
    legal = sizes_of(both, "[2, 8, 8]").evaluation
    assert [(legal[axis].least, legal[axis].most, legal[axis].period) for axis in "HW"] == [(1, most, 2)] * 2


@pytest.mark.parametrize(
    ("chain", "remarks"),
    [
        ("conv2d 3x3/2 @2 valid : [2, (H - 1) // 2, (W + 1) // 2 - 1]", []),
        ("conv2d 3x3/2 @2 valid : [2, _, (W - 2) // 2]", ["at W = 3 it is 1, not 0"]),
        ("conv2d 3x3/2 @2 valid : [2, H // 2, _]", ["at H = 4 it is 1, not 2"]),
        ("conv2d 3x3/2 @2 valid : [2, H - 2, W - 2]", ["at H = 4 it is 1, not 2"]),
        ("gap : [2, H, _]", [""]),
        ("relu : [2, 2 * H - 1, _]", ["at H = 2 it is 2, not 3"]),
        ("relu : [2, 1, _]", [""]),
        ("maxpool 4x4/4 valid : [2, 2 * (H // 4) - 1, _]", ["at H = 8 it is 2, not 3"]),
        (
            "add { | identity | conv2d 1x1/2 @2 valid -> upsample 2 }"
            " -> conv2d 1x1/2 @2 valid -> upsample 500 : [2, 500 * (H // 2), _]",
            [],
        ),
        ("relu : [2, W, H]", [""]),
        ("relu : [2, H, H]", [""]),
        ("conv2d 1x1/300 @2 valid : [2, (H + 298) // 300, _]", ["at H = 1 it is 1, not 0"]),
        ("conv2d 1x1/300 @2 valid : [2, (H + 300) // 300, _]", ["at H = 300 it is 1, not 2"]),
        ("maxpool 2x2/2 valid -> upsample 2 : [2, H, _]", ["at H = 3 it is 2, not 3"]),
        ("add { | identity | conv2d 1x1/2 @2 valid -> upsample 2 } -> conv2d 1x1/2 @2 valid : [2, H // 2, _]", []),
    ],
)
def test_assertions_hold_at_every_legal_size(chain, remarks):
    found = incdsl.check(spec(chain, shape="[2, H, W]"))
    assert [(d.code, d.label()) for d in found] == [("E304", remark) for remark in remarks]


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        ("relu -> concat { | identity | conv2d 3x3 @4 valid }", ("height", "H and H - 2 are never equal")),
        ("concat { | identity | conv2d 1x3 @4 valid }", ("width", "W and W - 2 are never equal")),
        (
            "concat { | identity | conv2d 3x3 @4 valid } -> concat { | identity | conv2d 5x5 @4 valid }",
            ("height", "H and H - 2 are never equal"),
        ),
        ("concat { | relu | gap } -> conv2d 2x1 @2 valid", ("height", "no size meets this")),
        (
            "concat { | conv2d 3x1/2x1 @2 half | maxpool 2x1/2x1 valid } -> concat { | conv2d 1x2 @2 valid | relu }",
            ("width", "W - 1 and W are never equal"),
        ),
        (
            "concat { | conv2d 3x1/2x1 @2 half | maxpool 2x1/2x1 valid } -> concat { | conv2d 2x1 @2 valid | relu }",
            ("height", "(H - 1) // 2 and (H + 1) // 2, with what stands before, are never equal"),
        ),
        (
            "concat { | conv2d 3x1/2x1 @2 half | maxpool 2x1/2x1 valid | conv2d 4x1/2x1 @2 valid }",
            ("height", "(H + 1) // 2 and (H - 2) // 2, with what stands before, are never equal"),
        ),
        ("concat { | upsample 2 | conv2d 1x1 @2 pad 3x0 } -> conv2d 1x1 @2", ("width", "2 * W and W are never equal")),
        ("concat { | upsample 2 | conv2d 1x1 @2 pad 3 } -> conv2d 13x1 @2 valid", ("height", "no size meets this")),
    ],
)
def test_the_condition_that_no_size_meets_is_blamed(chain, said):
    (found,) = incdsl.check(spec(chain, shape="[2, H, W]"))
    axis, reason = said
    assert (found.code, found.message(), found.label()) == ("E315", f"no {axis} of the input is legal", reason)


@pytest.mark.parametrize(
    ("chain", "blamed"),
    [
        ("conv2d 13x1 @2 valid", "x"),
        (
            "maxpool 1x2 pad 0x1 (dilation: [1, 2]) -> maxpool 2x1 pad 1x0 (dilation: [13, 1])",
            "maxpool 2x1 pad 1x0 (dilation: [13, 1])",
        ),
        (
            "maxpool 2x1 pad 1x0 (dilation: [2, 1]) -> maxpool 1x2 pad 0x1 (dilation: [1, 13])",
            "maxpool 1x2 pad 0x1 (dilation: [1, 13])",
        ),
        ("maxpool 2x2/1 pad 1 (dilation: 13)", "maxpool 2x2/1 pad 1 (dilation: 13)"),
    ],
)
def test_what_is_blamed_is_pointed_at(chain, blamed):
    """Twelve cells are left of the only size at which the rails agree."""
    (found,) = incdsl.check(spec(f"concat {{ | upsample 2 | conv2d 1x1 @2 pad 3 }} -> {chain}", shape="[2, H, W]"))
    assert (found.code, found.span.text, found.label()) == ("E315", blamed, "no size meets this")


def test_several_inputs_have_sizes_of_their_own():
    text = (
        "inc 1\nnet N {\n  input x [3, 5, 6]\n  input z [2, 4, 9]\n"
        "  output y = x -> relu\n  output w = z -> conv2d 3x3 @2 valid\n}\n"
    )
    done = compiled(text)
    expected = {name: SizeSet(n) for name, n in {"x.H": 1, "x.W": 1, "z.H": 3, "z.W": 3}.items()}
    assert done.sizes.evaluation == done.sizes.training == expected


@pytest.mark.parametrize(
    ("head", "evaluation", "training"),
    [
        ("relu", ">= 3", ">= 3"),
        ("conv2d 5x5 @2 valid", ">= 3", ">= 7"),
        ("maxpool 3x3/6 pad 1 ceil (dilation: [2, 2])", ">= 3", ">= 4"),
        ("concat { | maxpool 2x2/2 valid | conv2d 3x3/2 @2 half }", ">= 3", "even, >= 4"),
    ],
)
def test_training_needs_what_heads_need(head, evaluation, training):
    done = compiled(HEADS.replace("HEAD", head))
    for axis in "HW":
        assert str(done.sizes.evaluation[axis]) == evaluation
        assert str(done.sizes.training[axis]) == training

"""What is said of what stands under the cursor."""

import pytest

from incdsl.analysis.table import rows
from incdsl.lsp.hover import hover
from tests.lsp.texts import SHIPPED, analyzed, at, marked, net, shipped, v3


def page(analysis, words, shift=1):
    found = hover(analysis, at(analysis, words, shift))
    return found.text if found else ""


def said(text):
    text, offset = marked(text)
    found = hover(analyzed(text), offset)
    return found.text if found else ""


def test_a_convolution_of_v3():
    text = page(v3(), "conv 3x3/2 @32 valid")
    for part in (
        "`[3, 299, 299]` → `[32, 149, 149]`", "`(299 − 3)//2 + 1 = 149`", "928 parameters · < 0.1 % of `InceptionV3`",
        "19,181,664 multiply-accumulates (19.2 MMACs) · 0.3 %", "receptive field 3 pixels", "## conv2d",
        "torch.nn.Conv2d", "unit conv = conv: conv2d",
    ):  # fmt: skip
        assert part in text


def test_a_step_of_a_block_that_is_used_several_times():
    text = page(v3(), "conv 1x1 @pool")
    assert "`[192, 35, 35]` → `[32–64, 35, 35]` in 3 uses" in text
    assert "together, 3 uses" in text


def test_a_factorization_says_what_it_saves():
    assert "5x5 would have 154 k weights, the factors have 138 k: −10 %" in page(v3(), "conv 5x5 @96 as")
    parallel = page(v3(), "conv 3x3 @768 as")
    assert "3x3 would have 2.65 M weights, the factors have 885 k: −67 %" in parallel  # 9·384·768, 6·384·384


def test_a_net_has_totals_and_legal_sizes():
    text = page(v3(), "InceptionV3(")
    for part in ("27,161,264 parameters, 23,834,568 without", "5.71 GMACs", "legal H: >= 75, in training >= 299"):
        assert part in text


def test_a_block_has_its_uses():
    net = v3().net()
    params = sum(row.params for row in rows(net.net, net.cost, "block") if row.kind == "InceptionB")
    text = page(v3(), "InceptionB(width) =")
    assert "Figure 6: the 17x17 grid" in text
    assert f"4 uses in `InceptionV3`: {params:,} parameters (25 %), 1.97 GMACs (34 %)" in text


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (net("output y = x -> conv 1x1 @3 (bia$s: true)"), "`bias` of `conv2d`"),
        (net("output y = x -> batchnorm (momentu$m: 0.1)"), "Usual is from"),
        (net("output y = x -> a: Part(wid$th: 3)"), "in this file `3`"),
        (net("output y$ = x -> conv 1x1 @3"), "y : [3, 32, 32]"),
        (net("output y = x -> a$a: conv 1x1 @3"), "key `aa`"),
        (net("output y = x -> maxpool 3x3/2 va$lid"), "No padding."),
        (net("out$put y = x -> relu"), "What a net or block gives."),
        (net("output y = x -> conv 1x1 @3\n  expect para$ms = 18"), "`N`: 15"),
        (net("output y = x -> conca$t { | relu | gelu }"), "## concat"),
        ('inc 1\nfrom "specs/v3.inc" use con$v\nblock B = conv 1x1 @4\n', "unit conv = conv: conv2d"),
    ],
)
def test_what_is_said(text, part):
    assert part in said(text)


def test_nothing_is_said_of_nothing():
    assert said(net("output y = x -> relu  $  # nothing")) == ""


@pytest.mark.parametrize("path", SHIPPED[::8], ids=lambda path: path.stem)
def test_every_place_of_a_spec_can_be_asked(path):
    analysis = shipped(path)
    pages = [hover(analysis, token.start) for token in analysis.spec.parsed.tokens]
    assert sum(found is not None for found in pages) > len(pages) / 3
    assert all(found.text.strip() and found.span.source is analysis.spec.source for found in pages if found)

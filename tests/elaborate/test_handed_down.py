"""Ops, units and blocks as values: their settings and arguments are held to the same rules as in a chain."""

import pytest

import incdsl
from incdsl.compiler import compile_net, for_inference
from incdsl.source import Source
from tests.nets import spec

BLOCKS = "block B(f) = f\nblock C(k = 3) = conv2d 1x1 @k\nunit u = conv2d 1x1 @3 -> relu\n"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("C(x: 1, k: 4)", "E211"),
        ("C(4)", "E211"),
        ("C(k: 1, k: 2)", "E211"),
        ("leakyrelu(0.1)", "E202"),
        ("leakyrelu(nope: 0.1)", "E202"),
        ("leakyrelu(slope: 0.1, slope: 0.2)", "E203"),
        ("u(nope: 1)", "E202"),
        ("u(3)", "E202"),
        ("missing(k: 1)", "E201"),
    ],
)
def test_settings_that_do_not_fit_are_told(value, code):
    assert [d.code for d in incdsl.check(spec(f"B(f: {value})", BLOCKS))] == [code]


@pytest.mark.parametrize(
    "value", ["C(k: 4)", "C", "leakyrelu(slope: 0.1)", "u(width: 5)", "conv2d(kernel: 3, width: 4)"]
)
def test_settings_that_fit(value):
    assert {d.code for d in incdsl.check(spec(f"B(f: {value})", BLOCKS))} <= {"W402"}


def test_an_op_where_a_number_belongs_is_called_by_its_name():
    (found,) = incdsl.check(spec("conv2d 3x3 @4 (stride: 2, padding: scale)"))
    assert found.message() == "`padding` of `conv2d` needs a whole number, not `scale`"


FROM_ABOVE = """inc 1
block Inc(width, act) = concat { | conv2d 1x1 @width | conv2d 3x3 @width -> act }
block Inner(f, act) = conv2d 1x1 @in -> act -> scale (factor: f)
block Outer(width) = Wide(width: 2 * width, act: conv2d (kernel: [1, 1], width: width))
block Wide(width, act) = conv2d 3x3 @width -> act
block Keep(act) = conv2d 3x3 @7 -> act
block Within(k) = Keep(act: cv (kernel: [k, k], width: in))
block Twice(act) = Keep(act: act)
unit cv = conv2d -> batchnorm -> relu
net Factor(f = 0.3) { input x [3, 8, 8]  output y = x -> Inc(width: 6, act: scale (factor: f)) }
net OneName(f = 0.5) { input x [3, 8, 8]  output y = x -> Inner(f: 0.25, act: scale (factor: f)) }
net Width(w = 2) { input x [3, 8, 8]  output y = x -> Outer(width: w) : [2, 8, 8] -> two: Outer(width: 5) : [5, 8, 8] }
net Kernel(k = 3, p = 0.2) { input x [3, 8, 8]  output y = x -> Within(k: k) -> Twice(act: dropout (p: p)) }
"""


@pytest.mark.parametrize("name", ["Factor", "OneName", "Width", "Kernel"])
def test_a_setting_is_the_number_that_it_was_where_it_was_written(name):
    """Its symbols mean nothing, or something else, in the class that it is handed to."""
    from incdsl.runtime.certify import certify
    from incdsl.testing.checks import numbers
    from incdsl.testing.running import Subject

    done = compile_net(Source("above.inc", FROM_ABOVE), name)
    subject = Subject(done)
    assert list(numbers(subject)) == []
    assert all(evidence.passed for evidence in certify(done, for_inference(done)))
    assert done.net.fixed >= set(done.net.params)

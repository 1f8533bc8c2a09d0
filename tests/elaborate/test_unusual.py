"""Values that are legal, and that no published network has."""

import pytest

from incdsl.frontend import analyze_source
from incdsl.source import Source
from tests.nets import spec


def told(text):
    analysis = analyze_source(Source("spec", text))
    assert not analysis.errors
    return [(p.owner, p.setting, p.span.text, p.help()) for p in analysis.problems]


@pytest.mark.parametrize(
    ("step", "setting", "value", "help"),
    [
        ("batchnorm (eps: 1.001)", "eps", "1.001", ""),
        ("batchnorm (momentum: 0.9)", "momentum", "0.9", "a decay of 0.9 is `momentum: 0.1`"),
        ("batchnorm (momentum: 0.9997)", "momentum", "0.9997", "a decay of 0.9997 is `momentum: 0.0003`"),
        ("batchnorm (momentum: 0)", "momentum", "0", ""),
        ("layernorm (eps: 0.1)", "eps", "0.1", ""),
        ("groupnorm 4 (eps: 1)", "eps", "1", ""),
        ("dropout 0.9", "p", "0.9", "to keep 0.9, write 0.1"),
        ("dropout 1.0", "p", "1.0", "to keep 1, write 0"),
        ("lrn 5 (alpha: 1.0001)", "alpha", "1.0001", ""),
        ("lrn 5 (beta: 1.75)", "beta", "1.75", ""),
    ],
)
def test_a_value_far_from_the_usual_is_told(step, setting, value, help):
    ((_, name, where, advice),) = told(spec(step))
    assert (name, where) == (setting, value)
    assert advice.endswith(help)
    assert bool(advice) == bool(help)


@pytest.mark.parametrize(
    "step",
    ["batchnorm (eps: 1e-3, momentum: 3e-4)", "dropout 0.8", "dropout 0.0", "layernorm (eps: 1e-6)", "lrn 5 (k: 2)"],
)
def test_what_published_networks_have_is_not(step):
    assert told(spec(step)) == []


def test_it_is_told_once_where_a_unit_says_it_and_where_a_use_does():
    unit = "unit conv = conv2d -> batchnorm (eps: 2)\nunit drop = dropout -> relu\n"
    found = told(spec("conv 1x1 @4 -> conv 3x3 @4 -> drop 0.2 -> drop 0.95", unit))
    assert [(setting, where) for _, setting, where, _ in found] == [("eps", "2"), ("p", "0.95")]


@pytest.mark.parametrize(("weight", "count"), [("0.3", 0), ("1", 0), ("1.3", 1), ("-0.3", 1)])
def test_so_are_weights_of_heads(weight, count):
    head = f"aux side (weight: {weight}) = x -> gap -> linear @2"
    assert len(told(spec("relu").replace("  output", f"  {head}\n  output"))) == count

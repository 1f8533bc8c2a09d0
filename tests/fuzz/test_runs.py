"""Whatever net the compiler accepts, its module has the keys, parameters and shapes that the compiler says."""

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st

from incdsl.analysis.cost import state_dict
from incdsl.compiler import compile_net
from incdsl.diagnostics import CompileError
from incdsl.runtime.load import load_text
from incdsl.source import Source
from tests.fuzz.chains import INSIDE, LEGAL, NET

FEW = settings(max_examples=150, suppress_health_check=list(HealthCheck))


def hold(done):
    """Import, instantiate and run a net, and compare it with what was said of it."""
    net = load_text(done.text, "N").N().eval()
    graph = done.net.graph
    shapes = graph.shapes()
    told = {key: tuple(tensor.shape) for key, tensor in state_dict(graph, shapes)}
    assert {key: tuple(tensor.shape) for key, tensor in net.state_dict().items()} == told
    assert sum(p.numel() for p in net.parameters()) == done.cost.params
    with torch.no_grad():
        outputs = net(torch.zeros(1, 4, 16, 16))
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    for name, output in zip(graph.outputs.values(), outputs, strict=False):
        assert tuple(output.shape[1:]) == tuple(shapes[name].at({"H": 16, "W": 16}))


@given(
    st.tuples(INSIDE, INSIDE, LEGAL),
    st.sampled_from(["[4, 16, 16]", "[4, H, W]"]),
    st.one_of(st.just(""), LEGAL.map("aux h = q -> {} -> relu".format)),
)
@FEW
def test_any_legal_net_is_what_the_compiler_says(chains, shape, tail):
    try:
        done = compile_net(Source("spec", NET.format(*chains, shape=shape, tail=tail)))
    except CompileError:
        return
    hold(done)


@pytest.mark.parametrize("choice", ["if false", "if w == 0", "if w == 4"])
@pytest.mark.parametrize(
    "form",
    ["(relu {} -> conv2d 3x3 @4) times 2", "(conv2d 3x3 @4 {} -> conv2d 3x3 @4) times 2",
     "(conv2d 3x3 @4 -> conv2d 3x3 @4 {} -> conv2d 3x3 @4) times 2", "(conv2d 3x3 @4 {}) times 2",
     "(conv2d 3x3 @k {} -> batchnorm) for k in [4, 4]", "conv2d 3x3 @4 {}", "B {}", "(B {} -> B) times 2"],
)  # fmt: skip
def test_choices_leave_no_gap_in_the_keys(form, choice):
    chain = form.format(choice)
    hold(compile_net(Source("spec", NET.format("conv2d 3x3 @4", "relu", chain, shape="[4, 16, 16]", tail=""))))

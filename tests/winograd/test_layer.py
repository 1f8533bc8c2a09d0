"""The layer of a deployed module: when the kernel computes it, with which weights, and what becomes of it elsewhere."""

import copy
import gc
import pickle
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from incdsl.runtime.kernels import layer as module
from incdsl.runtime.kernels.build import CannotBuild
from incdsl.runtime.kernels.layer import WINOGRAD, WinogradConv2d
from tests.modules import noise

pytestmark = pytest.mark.usefixtures("compiled")
through_inductor = pytest.mark.filterwarnings("default")
"""Inductor uses what PyTorch itself calls deprecated."""


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return WinogradConv2d(6, 10, 3, padding=1, scheme="F(4x4,3x3)", active=4).eval()


@pytest.fixture
def image():
    return noise(2, 6, 11, 13).float().to(memory_format=torch.channels_last)


def plain(layer, x):
    y = F.conv2d(x, layer.weight, layer.bias, padding=layer.padding)
    return torch.cat((F.relu(y[:, : layer.active]), y[:, layer.active :]), 1)


def runs_the_kernel(layer, image, monkeypatch):
    """Whether the operator is called."""
    calls = []
    monkeypatch.setattr(module, "WINOGRAD", lambda *given: (calls.append(given), WINOGRAD(*given))[1])
    layer(image)
    return bool(calls)


def test_the_kernel_computes_it(layer, image, monkeypatch):
    with torch.no_grad():
        torch.testing.assert_close(layer(image), plain(layer, image))
        assert runs_the_kernel(layer, image, monkeypatch)
        double = layer.double()
        found = double(image.double())
        assert (found - plain(double, image.double())).abs().max() < 1e-12
        assert runs_the_kernel(double, image.double(), monkeypatch)


@pytest.mark.parametrize("active", [0, 4, 10])
def test_relu_is_for_the_first_channels_with_gradients_too(image, active):
    layer = WinogradConv2d(6, 10, 3, padding=1, scheme="F(4x4,3x3)", active=active)
    found = layer(image)
    assert torch.equal(found, plain(layer, image))
    found.sum().backward()
    assert layer.weight.grad.abs().sum() > 0


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace.*:DeprecationWarning")
def test_elsewhere_it_is_the_convolution(layer, image, monkeypatch):
    with torch.no_grad():
        half = layer.bfloat16()
        assert not runs_the_kernel(half, image.bfloat16(), monkeypatch)
        layer.float()
        traced = torch.jit.trace(layer, image)
        assert "winograd" not in str(traced.inlined_graph)
        assert torch.equal(traced(image), plain(layer, image))
        meta = layer.to("meta")
        assert meta(image.to("meta")).shape == (2, 10, 11, 13)


def test_weights_that_change_are_transformed_again(layer, image):
    with torch.no_grad():
        before = layer(image)
        layer.weight.mul_(2)
        layer.bias.mul_(2)
        torch.testing.assert_close(layer(image), 2 * before)
        layer.load_state_dict({name: tensor / 4 for name, tensor in layer.state_dict().items()})
        torch.testing.assert_close(layer(image), before / 2)
        layer.weight = nn.Parameter(torch.zeros_like(layer.weight))
        layer.bias = nn.Parameter(torch.zeros_like(layer.bias))
        assert not layer(image).any()


def test_weights_of_inference_mode_are_not_transformed(image):
    """Nobody could tell that they have changed."""
    with torch.inference_mode():
        layer = WinogradConv2d(6, 10, 3, padding=1, scheme="F(4x4,3x3)", active=10)
        before = layer(image)
        layer.weight.mul_(0)
        layer.bias.mul_(0)
        assert before.any()
        assert not layer(image).any()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])  # noqa: S301
def test_copies_have_filters_of_their_own(layer, image, copied):
    with torch.no_grad():
        before = layer(image)
        other = copied(layer)
        other.weight.zero_()
        other.bias.zero_()
        assert not other(image).any()
        assert torch.equal(layer(image), before)
    assert other.ordinal != layer.ordinal


def test_filters_go_with_their_layer(image):
    layer = WinogradConv2d(6, 10, 3, padding=1, scheme="F(4x4,3x3)")
    with torch.no_grad():
        layer(image)
    ordinal = layer.ordinal
    assert ordinal in module._KEPT
    del layer
    gc.collect()
    assert ordinal not in module._KEPT


def test_the_state_is_that_of_a_convolution(layer):
    assert {name: tensor.shape for name, tensor in layer.state_dict().items()} == {
        name: tensor.shape for name, tensor in nn.Conv2d(6, 10, 3).state_dict().items()
    }


def test_it_is_an_operator_of_pytorch(layer, image):
    """Schema, fake form and dynamic shapes, as PyTorch itself checks them."""
    checks = ("test_schema", "test_faketensor", "test_aot_dispatch_static", "test_aot_dispatch_dynamic")
    tensors = (image, layer.weight.detach(), layer.bias.detach())
    for blocking in ((), (14, 1, 1)):
        arguments = (*tensors, (1, 1), layer.scheme, layer.active, blocking, layer.ordinal)
        torch.library.opcheck(WINOGRAD.default, arguments, test_utils=checks)


@through_inductor
@pytest.mark.thorough
def test_one_graph_is_compiled_around_it(layer, image):
    net = nn.Sequential(nn.ReLU(), layer, nn.ReLU())
    with torch.no_grad():
        compiled = torch.compile(net, fullgraph=True)
        torch.testing.assert_close(compiled(image), net(image))
        layer.weight.mul_(2)
        torch.testing.assert_close(compiled(image), net(image))


@pytest.mark.thorough
def test_gradients_are_those_of_the_convolution_under_compile(layer, image):
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    compiled(image).sum().backward()
    found, layer.weight.grad = layer.weight.grad, None
    layer(image).sum().backward()
    torch.testing.assert_close(found, layer.weight.grad)


def test_gradients_are_refused_by_the_operator(layer, image):
    with pytest.raises(RuntimeError, match="no gradient"):
        WINOGRAD(image, layer.weight, layer.bias, (1, 1), layer.scheme, 4, (), layer.ordinal)


@pytest.mark.thorough
def test_export_is_declined_with_a_reason(layer, image):
    with torch.no_grad(), pytest.raises(RuntimeError, match="cannot be exported: export the module that"):
        torch.export.export(layer, (image,))


def test_without_a_compiler_one_warning_says_so(image, monkeypatch):
    def refuse(dtype, scheme):
        raise CannotBuild("there is no C++ compiler: c++ not found")

    monkeypatch.setattr(module, "library_for", refuse)
    for cached in (module.is_built, module._warn):
        cached.cache_clear()
    try:
        with pytest.warns(UserWarning, match="PyTorch computes convolutions .* there is no C\\+\\+ compiler") as told:
            layers = [WinogradConv2d(6, 10, 3, padding=1, scheme=name) for name in ("F(4x4,3x3)", "F(2x2,3x3)")]
        assert len(told) == 1
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("error")
            for each in layers:
                assert torch.equal(each(image), plain(each, image))
    finally:
        for cached in (module.is_built, module._warn):
            cached.cache_clear()


@pytest.mark.parametrize("blocking", [(1, 1, 0), (14, 1, 1), (4000, 3000, 1)])
def test_how_work_is_cut_up_changes_no_bit(layer, image, blocking):
    cut = WinogradConv2d(6, 10, 3, padding=1, scheme="F(4x4,3x3)", active=4, blocking=blocking).eval()
    cut.load_state_dict(layer.state_dict())
    with torch.no_grad():
        assert torch.equal(cut(image), layer(image))


@pytest.mark.parametrize("wrong", [{"stride": 2}, {"dilation": 2}, {"groups": 2}, {"scheme": "F(4x4,5x5)"}])
def test_what_no_scheme_is_for_is_refused(wrong):
    with pytest.raises(ValueError, match="is not for this convolution: WinogradConv2d"):
        WinogradConv2d(6, 10, 3, **{"scheme": "F(4x4,3x3)", **wrong})

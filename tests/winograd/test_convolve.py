"""One call of the kernel: what it writes to, what it reads, what it refuses."""

from dataclasses import replace

import pytest
import torch

from incdsl.runtime.kernels.convolve import convolve
from incdsl.runtime.kernels.weights import pack
from incdsl.winograd import scheme_named
from tests.modules import noise

pytestmark = pytest.mark.usefixtures("compiled")
SCHEME = scheme_named("F(4x4,3x3)")


@pytest.fixture
def image():
    return noise(2, 6, 11, 13).float().to(memory_format=torch.channels_last)


@pytest.fixture
def packed(weight):
    return pack(weight, noise(10).float(), SCHEME, active=4)


@pytest.fixture
def weight():
    return noise(10, 6, 3, 3).float()


def concat():
    return torch.zeros(2, 16, 11, 13).to(memory_format=torch.channels_last)


def test_it_writes_into_a_range_of_channels(image, packed):
    with torch.no_grad():
        y = concat()
        part = convolve(image, packed, (1, 1), out=y[:, 3:13])
        assert part.data_ptr() == y[:, 3:].data_ptr()
        assert torch.equal(y[:, 3:13], convolve(image, packed, (1, 1)))
    assert not y[:, :3].any()
    assert not y[:, 13:].any()


def test_what_there_is_one_of_may_have_any_stride(weight):
    """One pixel, one row or one column of outputs: PyTorch says no more of how far apart they are."""
    packed = pack(weight, None, SCHEME)
    for height, width in ((3, 3), (3, 9), (9, 3)):
        image = noise(2, 6, height, width).float()
        y = torch.zeros(2, 16, height - 2, width - 2).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            assert torch.equal(convolve(image, packed, out=y[:, 3:13]), convolve(image, packed))
        assert not y[:, 13:].any()


def test_the_result_is_in_channels_last_whatever_comes_in(image, packed):
    with torch.no_grad():
        for each in (image, image.contiguous(), image.transpose(2, 3).contiguous().transpose(2, 3)):
            found = convolve(each, packed, (1, 1))
            assert found.is_contiguous(memory_format=torch.channels_last)
            assert torch.equal(found, convolve(image, packed, (1, 1)))


def test_relu_is_for_the_first_channels(image, weight):
    with torch.no_grad():
        plain = convolve(image, pack(weight, None, SCHEME), (1, 1))
        found = convolve(image, pack(weight, None, SCHEME, active=4), (1, 1))
    assert (plain < 0).any(dim=(0, 2, 3)).all()
    assert torch.equal(found, torch.cat((plain[:, :4].relu(), plain[:, 4:]), 1))


def test_gradients_are_refused(image, packed):
    wanted = image.clone().requires_grad_()
    with pytest.raises(RuntimeError, match="has no gradient"):
        convolve(wanted, packed, (1, 1))
    with torch.no_grad():
        convolve(wanted, packed, (1, 1))
    assert not convolve(image, packed, (1, 1)).requires_grad


def test_the_weights_need_not_be_detached(image, weight):
    with torch.no_grad():
        expected = convolve(image, pack(weight, None, SCHEME))
    assert torch.equal(convolve(image, pack(torch.nn.Parameter(weight), None, SCHEME)), expected)


def test_what_does_not_fit_is_refused(image, packed, weight):
    refused = {
        "images are": (image[0], {}),
        "has no output for": (image[:, :, :2, :2], {"padding": (0, 0)}),
        "read 6 channels, not 5": (image[:, :5], {}),
        "out is \\[2, 10, 11, 12\\]": (image, {"out": concat()[:, :10, :, :12]}),
        "not in channels_last": (image, {"out": torch.empty(2, 10, 11, 13)}),
        "nor a part": (image, {"out": torch.empty(2, 1, 1, 10).permute(0, 3, 1, 2).expand(2, 10, 11, 13)}),
        "is too small": (image, {"padding": (2, -1)}),
        "blocking": (image, {"blocking": (0, 1, 0)}),
    }
    for message, (x, settings) in refused.items():
        with torch.no_grad(), pytest.raises(ValueError, match=message):
            convolve(x, packed, **{"padding": (1, 1), **settings})


def test_types_that_do_not_fit_are_refused(image, packed):
    with pytest.raises(TypeError, match="float64, the weights"):
        convolve(image.double(), packed, (1, 1))
    with pytest.raises(TypeError, match="bfloat16, the weights"):
        convolve(image.bfloat16(), packed, (1, 1))
    with pytest.raises(TypeError, match=r"out is torch\.float64"):
        convolve(image, packed, (1, 1), out=concat().double()[:, :10])


def test_weights_of_another_kernel_are_refused(image, packed):
    """Panels of another processor's width would be read past their end."""
    with torch.no_grad():
        for wrong in (packed.filters[..., :-1], packed.filters[..., :-1, :]):
            with pytest.raises(ValueError, match="not for the kernel of this processor"):
                convolve(image, replace(packed, filters=wrong), (1, 1))

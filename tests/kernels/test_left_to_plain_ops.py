"""What a kernel would get wrong, or cannot do, is left to plain ops even where kernels run."""

import pytest
import torch
from torch.nn import functional as F

pytestmark = pytest.mark.triton


@pytest.fixture(autouse=True)
def _no_kernels(interpreted, monkeypatch):
    """A kernel that is launched fails."""
    monkeypatch.setattr(interpreted, "_convolution", None)
    monkeypatch.setattr(interpreted, "_pool", None)


@pytest.fixture
def image():
    return torch.randn(2, 3, 5, 4).contiguous(memory_format=torch.channels_last)


@pytest.fixture
def filters():
    return torch.randn(6, 3, 1, 1)


def test_what_is_tested_here_would_run_in_a_kernel(interpreted, image, filters):
    with pytest.raises(TypeError):
        interpreted.convolve(image, filters)
    with pytest.raises(TypeError):
        interpreted.max_pool(image, (2, 2))


def test_gradients(interpreted, image, filters):
    with torch.enable_grad():
        y = interpreted.convolve(image.requires_grad_(), filters, active=6)
    assert y.grad_fn is not None
    torch.testing.assert_close(y, F.relu(F.conv2d(image, filters)))


def test_autocast(interpreted, image, filters):
    with torch.autocast("cpu", torch.bfloat16):
        assert interpreted.convolve(image, filters).dtype == torch.bfloat16


@pytest.mark.filterwarnings("ignore:`torch.jit")  # deprecated, and still used
def test_tracing(interpreted, image, filters):
    call = interpreted.convolve
    for traced in (
        torch.jit.trace(call, (image, filters), check_trace=False),
        torch.compile(call, backend="eager", fullgraph=True),
    ):
        torch.testing.assert_close(traced(image, filters), F.conv2d(image, filters))


def test_five_parts(interpreted, image, filters):
    made = interpreted.convolve_split(image, filters, None, (1, 1, 1, 1, 2))
    torch.testing.assert_close(torch.cat(made, 1), F.conv2d(image, filters))


def test_parts_that_leave_a_channel_out(interpreted, image, filters):
    with pytest.raises(RuntimeError):
        interpreted.convolve_split(image, filters, None, (2, 3))


def test_memory_that_is_not_even(interpreted, image, filters):
    out = torch.zeros(2, 6, 5, 8)[..., ::2]
    torch.testing.assert_close(interpreted.convolve(image, filters, out=out), F.conv2d(image, filters))


def test_what_is_broadcast(interpreted, image, filters):
    added = torch.randn(1, 6, 1, 1)
    actual = interpreted.convolve(image, filters, added=added)
    torch.testing.assert_close(actual, F.conv2d(image, filters) + added)


@pytest.mark.parametrize(
    ("shape", "bias"), [((6, 4, 1, 1), None), ((6, 3, 7, 7), None), ((6, 3, 1, 1), 5), ((6, 3, 1, 1), 7)]
)
def test_shapes_that_do_not_fit_are_errors_of_pytorch(interpreted, image, shape, bias):
    with pytest.raises(RuntimeError):
        interpreted.convolve(image, torch.randn(shape), None if bias is None else torch.randn(bias))


def test_mixed_types_are_errors_of_pytorch(interpreted, image, filters):
    with pytest.raises(RuntimeError):
        interpreted.convolve(image, filters.double())


def test_nothing_to_compute(interpreted, filters):
    assert interpreted.convolve(torch.randn(0, 3, 5, 4), filters).shape == (0, 6, 5, 4)


def test_large_windows(interpreted):
    x = torch.randn(1, 2, 9, 9)
    torch.testing.assert_close(interpreted.average_pool(x, (9, 9)), F.avg_pool2d(x, 9))


@pytest.mark.parametrize(("shape", "fits"), [((4, 2**13, 2**9, 2**8), True), ((1, 2**13, 2**9, 2**9), False)])
def test_images_beyond_32_bits(interpreted, shape, fits):
    """Large batches are not: offsets between images have 64."""
    x = torch.empty(shape, device="meta").to(memory_format=torch.channels_last)
    assert interpreted._indexed(x, (shape[0], 1, 1, 1)) == fits

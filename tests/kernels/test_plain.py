"""Where no kernel runs: the same numbers from plain ops, with gradients, and under whatever traces a module."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from incdsl.runtime.carried import kernels
from tests.kernels.cases import check_average, check_convolution, check_maximum, draw


@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_convolutions(parts):
    for seed in range(40):
        check_convolution(kernels, draw(seed, parts), torch.float64)


@pytest.mark.parametrize("check", [check_average, check_maximum])
def test_pools(check):
    for seed in range(40):
        check(kernels, draw(seed), torch.float64)


def test_any_number_of_parts():
    x, weight = torch.randn(2, 3, 4, 4), torch.randn(10, 3, 1, 1)
    ranges = torch.zeros(2, 6, 4, 4)
    parts = kernels.convolve_split(x, weight, None, (1, 2, 2, 1, 3, 1), (None, ranges[:, 2:4], None, ranges[:, :1]))
    torch.testing.assert_close(torch.cat(parts, 1), F.conv2d(x, weight))
    assert parts[1].data_ptr() == ranges[:, 2:4].data_ptr()


@pytest.mark.parametrize("shape", [(2, 5, 4, 4), (2, 4, 3, 4), (3, 4, 4, 4)])
def test_a_target_of_another_shape(shape):
    x, weight = torch.randn(2, 3, 4, 4), torch.randn(4, 3, 1, 1)
    with pytest.raises(RuntimeError):
        kernels.convolve(x, weight, out=torch.empty(shape))
    with pytest.raises(RuntimeError):
        kernels.average_pool(torch.randn(2, 4, 4, 4), (1, 1), out=torch.empty(shape))


class Rails(nn.Module):
    """A merged 1x1 convolution, one part of which goes straight into the result, beside a pool and a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.merged = nn.Conv2d(3, 9, 1)
        self.conv = nn.Conv2d(2, 5, (1, 3), padding=(0, 1))
        self.bias = nn.Parameter(torch.randn(3))

    def forward(self, x):
        y = torch.empty((x.shape[0], 12, x.shape[2], x.shape[3]), dtype=x.dtype, memory_format=torch.channels_last)
        merged = self.merged.weight, self.merged.bias
        _, second, third = kernels.convolve_split(x, *merged, (4, 2, 3), (y[:, :4],), active=6)
        kernels.convolve(second, self.conv.weight, self.conv.bias, padding=(0, 1), active=5, out=y[:, 4:9])
        kernels.average_pool(third, (3, 3), self.bias, padding=(1, 1), active=3, out=y[:, 9:])
        return y

    def written_out(self, x):
        merged = self.merged(x)
        pooled = F.relu(F.avg_pool2d(merged[:, 6:], 3, 1, 1) + self.bias.view(-1, 1, 1))
        return torch.cat([F.relu(merged[:, :4]), F.relu(self.conv(F.relu(merged[:, 4:6]))), pooled], 1)


@pytest.fixture
def rails():
    torch.manual_seed(0)
    return Rails().double().eval(), torch.randn(2, 3, 5, 6, dtype=torch.float64)


def test_gradients(rails):
    net, x = rails
    with torch.enable_grad():
        actual = torch.autograd.grad(net(x).square().sum(), list(net.parameters()))
        expected = torch.autograd.grad(net.written_out(x).square().sum(), list(net.parameters()))
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("traced", ["eager", "export", "compile", "fx", "jit"])
@pytest.mark.filterwarnings("ignore:`torch.jit")  # deprecated, and still used
def test_what_traces(rails, traced):
    net, x = rails
    expected = net.written_out(x)
    torch.testing.assert_close(_traced(traced, net, x)(x), expected)


def _traced(how, net, x):
    if how == "export":
        return torch.export.export(net, (x,)).module()
    if how == "compile":
        return torch.compile(net, fullgraph=True, backend="eager")
    if how == "fx":
        with torch.enable_grad():
            return torch.fx.symbolic_trace(net)
    if how == "jit":
        return torch.jit.trace(net, x, check_trace=False)
    return net


def test_pixel_stride_is_where_pixels_lie():
    """Compared with the address of every element, for all small shapes in four layouts."""
    for shape in torch.cartesian_prod(*[torch.arange(1, 4)] * 4).tolist():
        wide = torch.empty(shape[0], shape[1] + 2, *shape[2:]).contiguous(memory_format=torch.channels_last)
        plain, tall = torch.empty(shape), torch.empty(shape[0], shape[1], shape[2] + 1, shape[3])
        cut = tall.contiguous(memory_format=torch.channels_last)[:, :, 1:]
        for x in (wide[:, 1:-1], wide[:, :-2], plain, plain.contiguous(memory_format=torch.channels_last), cut):
            pixel = kernels.pixel_stride(x)
            assert pixel == 0 or offsets(x).equal(even_offsets(shape, pixel))
            assert pixel or not any(offsets(x).equal(even_offsets(shape, p)) for p in range(shape[1], 200))


def offsets(x):
    """Of each element from the first."""
    places = torch.arange(x.untyped_storage().nbytes() // 4).as_strided(x.shape, x.stride())
    return places.clone()


def even_offsets(shape, pixel):
    batch, channels, height, width = shape
    pixels = torch.arange(batch * height * width).view(batch, 1, height, width)
    return pixels * pixel + torch.arange(channels).view(1, channels, 1, 1)


@pytest.mark.parametrize("in_channels", [1, 3, 16, 32, 48, 2048])
@pytest.mark.parametrize("channels", [1, 8, 48, 320, 2048])
@pytest.mark.parametrize("item_bytes", [2, 4, 8])
def test_the_configuration_that_is_chosen(in_channels, channels, item_bytes):
    """It fits into shared memory, and less than half of what it multiplies is beyond the channels of the image."""
    for rows in (1, 64, 1225, 128 * 147 * 147):
        chosen = kernels.conv_config(rows, in_channels, channels, item_bytes)
        assert (chosen.rows + chosen.channels) * chosen.depth * item_bytes * chosen.stages <= 96 * 1024
        assert chosen.depth == 16 or chosen.depth < 2 * in_channels


def test_larger_batches_get_larger_tiles():
    sizes = [math.prod(kernels.conv_config(batch * 35 * 35, 192, 176, 2)[:2]) for batch in (1, 4, 16, 64, 128)]
    assert sizes == sorted(sizes)
    assert kernels.conv_config(128 * 35 * 35, 192, 176, 2) == kernels.CONV_CONFIGS[0]
    assert kernels.conv_config(8 * 8, 2048, 320, 2) == kernels.CONV_CONFIGS[-1]
    assert kernels.pool_config(128 * 35 * 35, 64) == kernels.POOL_CONFIGS[0]
    assert kernels.pool_config(8 * 8, 64) == kernels.POOL_CONFIGS[-1]


def test_each_captured_launch_has_counters_of_its_own(monkeypatch):
    monkeypatch.setattr(kernels, "COUNTERS", 16)
    monkeypatch.setattr(kernels, "_FREE", {})
    monkeypatch.setattr(kernels, "_GIVEN", [])
    device = torch.device("cpu")
    assert kernels._counters(3, device, captured=True).tolist() == [0] * 3  # nothing was there before the capture
    every = [kernels._counters(3, device, captured=False), kernels._counters(3, device, captured=False)]
    assert len(kernels._GIVEN) == 1
    every += [kernels._counters(count, device, captured=True) for count in (3, 5, 4, 1)]
    first, second, third, late = every[2:]
    assert [each.data_ptr() - kernels._GIVEN[0].data_ptr() for each in (first, second, third)] == [0, 16, 48]
    assert late.data_ptr() - kernels._GIVEN[0].data_ptr() not in range(64)  # nothing is left
    every.append(kernels._counters(2, device, captured=False))
    assert len(kernels._GIVEN) == 2
    every.append(kernels._counters(2, device, captured=True))
    for i, each in enumerate(every):
        each += i + 1
    assert [set(each.tolist()) for each in every] == [{i + 1} for i in range(len(every))]


def test_few_pixels_are_shared_among_programs():
    assert kernels.conv_config(17 * 17, 192, 192, 2, taps=7).splits > 1
    assert kernels.conv_config(17 * 17, 64, 64, 2).splits == 1  # one step
    assert kernels.conv_config(128 * 17 * 17, 192, 192, 2, taps=7).splits == 1

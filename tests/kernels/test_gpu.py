"""Each kernel on a CUDA device, compared with float64."""

import pytest
import torch

from incdsl.runtime.carried import kernels
from tests.kernels.cases import TOLERANCE, check_average, check_convolution, check_maximum, draw

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _no_plain_ops(monkeypatch):
    """Plain ops are out of reach of what is tested, so that only kernels can have computed it."""
    monkeypatch.setattr(kernels, "F", None)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("check", [check_convolution, check_average, check_maximum])
def test_kernels(check, dtype):
    for seed in range(24):
        check(kernels, draw(seed, parts=1 + seed % 4), dtype, device="cuda")


@pytest.mark.parametrize("config", kernels.CONV_CONFIGS)
def test_configs_of_convolutions(config):
    check_convolution(kernels, draw(3, parts=3), torch.bfloat16, device="cuda", config=config)


def test_tiles_are_shared_in_graphs_that_run_at_once():
    """Two launches on streams of their own, captured together: the same bits at every replay."""
    config = kernels.ConvConfig(32, 32, 64, 4, 3, 8)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 512, 8, 8, generator=generator).to("cuda", torch.bfloat16, memory_format=torch.channels_last)
    weights = [torch.randn(96, 512, 3, 3, generator=generator).to("cuda", torch.bfloat16) / 70 for _ in range(2)]
    weights = [weight.to(memory_format=torch.channels_last) for weight in weights]
    run = lambda weight: kernels.convolve(x, weight, padding=(1, 1), config=config)  # noqa: E731
    expected = [run(weight) for weight in weights]
    streams = [torch.cuda.Stream() for _ in weights]
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        main = torch.cuda.current_stream()
        made = []
        for stream, weight in zip(streams, weights, strict=True):
            stream.wait_stream(main)
            with torch.cuda.stream(stream):
                made.append(run(weight))
        for stream in streams:
            main.wait_stream(stream)
    for _ in range(100):
        graph.replay()
        for y, z in zip(made, expected, strict=True):
            assert torch.equal(y, z)
            y.zero_()

"""What refusals claim of PyTorch is so."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from incdsl.passes.rule import Refusal
from tests.passes.subjects import ALL, after, nets


def calls(run):
    """How often each function of PyTorch ran."""
    with profile(activities=[ProfilerActivity.CPU]) as found, torch.no_grad():
        run()
    return {event.key: event.count for event in found.key_averages()}


@pytest.mark.filterwarnings("ignore")  # the profiler warns of what it cannot see here
def test_a_convolution_that_is_given_a_buffer_copies_into_it():
    image, weight, buffer = torch.randn(1, 4, 8, 8), torch.randn(4, 4, 3, 3), torch.empty(1, 8, 8, 8)
    settings = (None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1)
    found = calls(lambda: torch.ops.aten.convolution.out(image, weight, *settings, out=buffer[:, :4]))
    assert found["aten::copy_"] == 1


def test_a_refusal_is_never_applied():
    for rule in ALL:
        if issubclass(rule, Refusal):
            for done in nets(rule).values():
                assert not any(event.applied for event in after(done, rule()).net.trace)

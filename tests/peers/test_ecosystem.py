"""The generated Inception-v3 in PyTorch's ecosystem: construction without data, memory formats."""

import pytest
import torch
from torch import nn

import incdsl


@pytest.fixture(scope="module")
def net_class() -> type[nn.Module]:
    return incdsl.load("specs/v3.inc").InceptionV3


def test_construction_without_data_and_with_other_classes(net_class: type[nn.Module]) -> None:
    with torch.device("meta"):
        net = net_class(classes=7)
    assert net.fc.weight.shape == (7, 2048)
    assert net.AuxLogits.fc.weight.shape == (7, 768)
    assert all(parameter.is_meta for parameter in net.parameters())


def test_channels_last_is_kept(net_class: type[nn.Module]) -> None:
    net = net_class(aux=False).eval().to(memory_format=torch.channels_last)
    seen = []
    net.Mixed_6b.register_forward_hook(lambda _, __, output: seen.append(output))
    with torch.no_grad():
        net(torch.randn(2, 3, 107, 107).contiguous(memory_format=torch.channels_last))
    assert seen[0].is_contiguous(memory_format=torch.channels_last)

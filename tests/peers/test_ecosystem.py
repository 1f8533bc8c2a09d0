"""The generated Inception-v3 in PyTorch's ecosystem: ONNX export, distributed training, construction without data."""

import os
import warnings

import pytest
import torch
from torch import nn

import incdsl


@pytest.fixture(scope="module")
def net_class() -> type[nn.Module]:
    return incdsl.load("specs/v3.inc").InceptionV3


def test_onnx_export_with_a_free_batch(net_class: type[nn.Module], tmp_path) -> None:
    net = net_class(aux=False).eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            net, (torch.randn(2, 3, 75, 75),), dynamo=True, dynamic_shapes={"image": {0: batch}}, verbose=False
        )
    convolutions = sum(node.op_type == "Conv" for node in program.model.graph)
    assert convolutions == 94


@pytest.mark.parametrize("aux", [True, False])
def test_every_parameter_takes_part_so_that_ddp_needs_no_search(
    net_class: type[nn.Module], aux: bool, monkeypatch
) -> None:
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(20_000 + os.getpid() % 20_000))
    torch.distributed.init_process_group("gloo", rank=0, world_size=1)
    try:
        net = nn.parallel.DistributedDataParallel(net_class(aux=aux))
        for _ in range(2):  # a parameter without gradient would make the second step fail
            results = net(torch.randn(2, 3, *([299, 299] if aux else [80, 80])))
            loss = results.logits.sum() + results.AuxLogits.sum() if aux else results.sum()
            loss.backward()
    finally:
        torch.distributed.destroy_process_group()


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

"""The fill gives the numbers that its definition lists."""

import pytest
import torch

from tests.references import detfill


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (0, [-1, -0.36480228, -0.61753046, 0.04640819]),
        (1, [-0.8594662, 0.29917119, -0.01409443, -0.08747805]),
        (1 << 20, [-0.461656, 0.28952134, 0.90378375]),
    ],
)
def test_check_values(index, expected):
    assert detfill.uniform(index, len(expected)).tolist() == pytest.approx(expected, abs=5e-9)


def test_integers_are_exact():
    """The hash, in Python's own integers, far from the start of a stream."""
    for index, k in [(0, 1), (579, 2_047_999), (1 << 20, 178_801)]:
        h = (k + index * 0x9E3779B1) % 2**32
        for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
            h = (h ^ (h >> shift)) * factor % 2**32
        assert detfill.uniform(index, k + 1)[k].item() == h / 2**31 - 1


def test_values_by_name():
    u = detfill.uniform(3, 8)
    assert torch.equal(detfill.values(3, "fc.weight", [2, 4]), (u * (6 / 4) ** 0.5).reshape(2, 4))
    assert torch.equal(detfill.values(3, "a.conv.weight", [2, 1, 2, 2]), (u * (6 / 4) ** 0.5).reshape(2, 1, 2, 2))
    assert torch.equal(detfill.values(3, "bn.weight", [8]), 1 + 0.2 * u)
    assert torch.equal(detfill.values(3, "bn.bias", [8]), 0.1 * u)
    assert torch.equal(detfill.values(3, "bn.running_mean", [8]), 0.1 * u)
    assert torch.equal(detfill.values(3, "bn.running_var", [8]), 1 + 0.5 * u)
    assert torch.equal(detfill.values(3, "bn.num_batches_tracked", []), torch.tensor(0))
    assert list(detfill.state([["b.bias", [2]], ["c.bias", [2]]])) == ["b.bias", "c.bias"]
    assert torch.equal(detfill.image([1, 1, 2, 2]).flatten(), detfill.uniform(1 << 20, 4))

"""Tests behind a marker run only where the marker is asked for."""

import os

import pytest

from incdsl import frontend
from incdsl.ir.validate import validate

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of small nets only wait for each other

ON_DEMAND = ("gpu", "long")


def pytest_collection_modifyitems(config, items):
    """Deselect what `-m` does not name; a GPU test that was asked for where there is no GPU is skipped, by name."""
    asked = config.option.markexpr
    waiting = [item for item in items if any(item.get_closest_marker(m) and m not in asked for m in ON_DEMAND)]
    if waiting:
        items[:] = [item for item in items if item not in waiting]
        config.hook.pytest_deselected(items=waiting)
    on_gpu = [item for item in items if item.get_closest_marker("gpu")]
    if on_gpu and not _has_cuda():
        for item in on_gpu:
            item.add_marker(pytest.mark.skip(reason="needs CUDA"))


@pytest.fixture(scope="session", autouse=True)
def _nets_keep_to_all_invariants():
    """Compilations check the quick ones alone; here each is held to all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frontend, "validate", lambda net, quick: validate(net))
        yield


def _has_cuda():
    import torch

    return torch.cuda.is_available()

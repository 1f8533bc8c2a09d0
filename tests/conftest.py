"""Tests behind a marker run only where the marker is asked for."""

import os

import pytest

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


def _has_cuda():
    import torch

    return torch.cuda.is_available()

"""Tests behind a marker run only where the marker is asked for.

`-m "not torch"` is for while one works: it runs in a Python without PyTorch, and leaves out what is thorough.
"""

import os

import pytest
from hypothesis import HealthCheck, settings

from incdsl import frontend
from incdsl.ir.validate import validate
from tests import torch_tier

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of small nets only wait for each other

# The same examples in every run, none of them judged by the time that it takes.
settings.register_profile("tests", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

ON_DEMAND = ("browser", "gpu", "long", "node", "triton")


def pytest_configure(config):
    """Where no test may need PyTorch there is none."""
    if _without_torch(config):
        torch_tier.refuse_torch()


def pytest_ignore_collect(collection_path, config):
    """Leave files alone that cannot even be imported without PyTorch."""
    if _without_torch(config) and collection_path.suffix == ".py" and torch_tier.file_needs_torch(collection_path):
        return True
    return None


def pytest_itemcollected(item):
    """Mark a test whose file, whose function, or one of whose fixtures imports PyTorch."""
    fixtures = [each.func for found in item._fixtureinfo.name2fixturedefs.values() for each in found]
    given = getattr(item.function, "hypothesis", None)
    functions = [given.inner_test if given else item.function, *fixtures]
    if torch_tier.file_needs_torch(item.path) or any(map(torch_tier.function_needs_torch, functions)):
        item.add_marker("torch")


def pytest_collection_modifyitems(config, items):
    """Deselect what `-m` does not name; a GPU test that was asked for where there is no GPU is skipped, by name."""
    asked = config.option.markexpr
    on_demand = (*ON_DEMAND, "thorough") if _without_torch(config) else ON_DEMAND
    waiting = [item for item in items if any(item.get_closest_marker(m) and m not in asked for m in on_demand)]
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


def _without_torch(config):
    return "not torch" in config.option.markexpr


def _has_cuda():
    import torch

    return torch.cuda.is_available()


@pytest.fixture(scope="session")
def generated():
    """The class of a generated text."""
    from tests.modules import generated

    return generated

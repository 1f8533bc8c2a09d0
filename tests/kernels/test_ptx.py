"""Triton compiles every configuration for GPUs: with tensor cores, with wide copies, and all sums in registers."""

import json

import pytest

from tests.process import ROOT, environment, python

pytestmark = pytest.mark.triton


@pytest.fixture(scope="module", params=[80, 90])
def compiled(request, tmp_path_factory):
    """The instructions of all kernels for an A100 (80) and an H100 (90)."""
    env = environment(TRITON_INTERPRET="0", TRITON_CACHE_DIR=str(tmp_path_factory.mktemp("cache")))
    done = python("-m", "tests.kernels.ptx", str(request.param), cwd=ROOT, env=env)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_convolutions(compiled):
    for each in compiled["convolutions"]:
        assert each["tensor cores"]
        assert each["copies of 16 bytes"]
        assert each["wide stores"]
        assert each["bytes of stack"] == 0
        assert each["waits"]


def test_pools(compiled):
    for each in compiled["pools"]:
        assert each["loads of 16 bytes"] >= 9
        assert each["wide stores"]
        assert each["bytes of stack"] == 0

"""The tier without PyTorch: what needs it is known by its imports, and where it is refused nothing gets it."""

import os

import pytest

from tests import torch_tier
from tests.process import environment, python

TESTS = torch_tier.ROOT / "tests"


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("ops/test_contract.py", True),  # imports it
        ("passes/test_matrix.py", True),  # imports a file that does
        ("codegen/test_outputs.py", True),  # imports a file that imports incdsl.runtime.harness
        ("modules.py", True),
        ("nets.py", False),
        ("elaborate/test_variants.py", False),  # has fixtures and functions that do
        ("codegen/test_guard.py", False),  # has texts that do
        ("conftest.py", False),
    ],
)
def test_files(name, needed):
    assert torch_tier.file_needs_torch(TESTS / name) == needed


def test_every_file_that_names_it_at_the_top_needs_it():
    for path in TESTS.rglob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        if "golden" not in path.parts and any(line.startswith(("import torch", "from torch")) for line in lines):
            assert torch_tier.file_needs_torch(path) == (path.parent != TESTS / "without_torch"), path


def _with_an_import():
    import torch

    return torch


def _with_a_file_that_imports_it():
    from tests import modules

    return modules


def _without_any():
    from tests import nets

    return nets, "import torch"


@pytest.mark.parametrize(
    ("function", "needed"), [(_with_an_import, True), (_with_a_file_that_imports_it, True), (_without_any, False)]
)
def test_functions(function, needed):
    assert torch_tier.function_needs_torch(function) == needed


def test_marks(request):
    """This test has no mark; one with the fixture `generated` has it."""
    assert not request.node.get_closest_marker("torch")


def test_marks_by_a_fixture(request, generated):
    assert request.node.get_closest_marker("torch")


def test_it_is_refused():
    for name in ("torch", "torch.nn"):
        with pytest.raises(ImportError, match="a test that is not marked"):
            torch_tier.Refuse().find_spec(name)
    assert torch_tier.Refuse().find_spec("torchless") is torch_tier.Refuse().find_spec("json") is None


def test_it_is_refused_in_processes(tmp_path):
    env = environment(PYTHONPATH=str(torch_tier.WITHOUT))
    found = python("-c", "import torch", cwd=tmp_path, env=env)
    assert found.returncode == 1
    assert b"ImportError: a test that is not marked" in found.stderr


def test_nothing_gets_it_where_it_is_refused(pytestconfig):
    """In that tier this test runs without it, and in no other is it refused."""
    assert torch_tier.is_refused() == ("not torch" in pytestconfig.option.markexpr)
    if torch_tier.is_refused():
        with pytest.raises(ImportError):
            _with_an_import()
        assert environment()["PYTHONPATH"].split(os.pathsep)[0] == str(torch_tier.WITHOUT)


def test_a_test_that_needs_it_unnoticed_fails(tmp_path):
    """Through a function of ours that imports it when it is called."""
    code = "from tests import torch_tier; torch_tier.refuse_torch(); import incdsl; incdsl.load('specs/v3.inc')"
    found = python("-c", code, cwd=torch_tier.ROOT)
    assert found.returncode == 1
    assert b"ImportError: a test that is not marked `torch` imports it" in found.stderr

"""Names that generated classes have already, or that Python has, are neither labels nor arguments."""

import builtins
import inspect
import keyword

import pytest

from incdsl.codegen.forks import FORK
from incdsl.elaborate.reserved import MODULE_ATTRIBUTES, why_no_attribute, why_no_identifier
from incdsl.ops import Op


@pytest.fixture
def containers():
    """The classes of PyTorch that generated classes derive from, or that hold their parts."""
    from torch import nn

    return nn.Module, nn.ModuleDict, nn.ModuleList, nn.Sequential


def test_public_attributes_of_modules_are_reserved(containers):
    for kind in containers:
        names = {name for name in (*dir(kind), *dir(kind())) if not name.startswith("_")}
        assert names - MODULE_ATTRIBUTES == set()


def test_what_is_reserved_exists(containers):
    known = {name for kind in containers for name in dir(kind())} | set(inspect.get_annotations(containers[0]))
    assert MODULE_ATTRIBUTES - known == set()


def test_reserved_names_are_neither_labels_nor_arguments():
    names = MODULE_ATTRIBUTES | set(keyword.kwlist)
    assert [name for name in names if not (why_no_attribute(name) and why_no_identifier(name))] == []


def test_builtins_are_no_arguments():
    assert [name for name in dir(builtins) if not name.startswith("_") and not why_no_identifier(name)] == []


@pytest.mark.parametrize("name", ["conv1", "Mixed_5b", "branch3x3", "a" * 64, "weight", "A"])
def test_ordinary_names_may_be_used(name):
    assert why_no_attribute(name) == why_no_identifier(name) == ""


def test_functions_of_generated_files_are_no_arguments():
    """Those that any op brings along; `forward` would call its argument."""
    own = [op for op in _all(Op) if op.is_own()]
    functions = {name for op in own for name, text in op.helpers.items() if text.startswith("def ")}
    assert {"pad_same", "empty_image"} <= functions
    assert [name for name in {*functions, FORK} if not why_no_identifier(name)] == []


def _all(kind):
    return [kind, *(each for sub in kind.__subclasses__() for each in _all(sub))]

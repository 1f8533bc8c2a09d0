"""Specs that the compiler once got wrong."""

from pathlib import Path

import pytest
import torch

from incdsl.compiler import compile_net, read
from incdsl.testing.checks import outcome

torch.set_num_threads(1)
SPECS = sorted(Path(__file__).with_name("regressions").glob("*.inc"))


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_is_right_by_now(path):
    assert outcome(compile_net(read(path))) == ([], [])


def test_there_are_some():
    assert SPECS

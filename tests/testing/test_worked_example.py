"""The worked example of docs/testing.md: a package with an op is built, installed and tested as the page says."""

import importlib.util
import os
import re
import subprocess
import sys

import pytest

from tests.process import ROOT, environment

pytestmark = pytest.mark.torch

PAGE = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`(\w+\.(?:py|toml|inc))`[^\n]*:\n\n```\w*\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The package, installed into a folder of its own."""
    source = tmp_path_factory.mktemp("acme")
    for name in ("pyproject.toml", "acme_ops.py"):
        (source / name).write_text(FILES[name], encoding="utf-8")
    target = tmp_path_factory.mktemp("site")
    if importlib.util.find_spec("hatchling"):
        command = ["pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--target"]
        done = subprocess.run(
            [sys.executable, "-m", *command, str(target), str(source)], capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
    else:
        (target / "acme_ops.py").write_text(FILES["acme_ops.py"], encoding="utf-8")
        (target / "acme_ops-1.0.dist-info").mkdir()
        (target / "acme_ops-1.0.dist-info" / "entry_points.txt").write_text("[incdsl.ops]\nacme = acme_ops\n")
    return target


def python(site, *arguments, cwd):
    path = os.pathsep.join([str(site), str(ROOT)])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment(PYTHONPATH=path),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_page_shows_all_files():
    assert set(FILES) == {"pyproject.toml", "acme_ops.py", "blurred.inc", "test_acme.py"}
    assert len([line for line in FILES["test_acme.py"].splitlines() if line]) <= 10


def test_the_example_passes_its_own_tests(site, tmp_path):
    for name in ("blurred.inc", "test_acme.py"):
        (tmp_path / name).write_text(FILES[name], encoding="utf-8")
    found = python(site, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_acme.py", cwd=tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "2 passed" in found.stdout


def test_a_wrong_shape_rule_is_found(site, tmp_path):
    """The rule without its padding: the message has the simplest setting and input."""
    wrong = FILES["acme_ops.py"].replace("Window(3, int(self.stride), 1)", "Window(3, int(self.stride), 0)")
    (tmp_path / "acme_ops.py").write_text(wrong, encoding="utf-8")
    code = "from acme_ops import Blur; from incdsl.testing import check_shape_rule; check_shape_rule(Blur)"
    found = python(tmp_path, "-c", code, cwd=tmp_path)
    assert found.returncode == 1
    message = next(line for line in found.stderr.splitlines() if line.startswith("AssertionError"))
    assert "`blur` ()" in message
    assert "on [1, 1, 1]" in message


def test_the_generated_file_stands_alone(site, tmp_path):
    (tmp_path / "blurred.inc").write_text(FILES["blurred.inc"], encoding="utf-8")
    made = python(site, "-m", "incdsl", "compile", "blurred.inc", "-o", "made.py", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    text = (tmp_path / "made.py").read_text(encoding="utf-8")
    assert "acme" not in text
    assert [line for line in text.splitlines() if re.match(r"(from|import) ", line)] == [
        "import torch",
        "from torch import Tensor, nn",
        "from torch.nn import functional as F",
    ]
    code = "import torch, made; assert made.Blurred()(torch.ones(2, 3, 9, 8)).shape == (2, 8, 5, 4)"
    alone = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert alone.returncode == 0, alone.stderr


def test_nothing_is_loaded_before_it_is_named(site, tmp_path):
    code = (
        "import sys, incdsl; incdsl.compile('inc 1\\nnet N { input x [1, H, W] output y = x -> relu }');"
        "assert not {'acme_ops', 'torch'} & sys.modules.keys();"
        "assert incdsl.check('inc 1\\nnet N { input x [1, H, W] output y = x -> acme.blur }\\n') == [];"
        "assert 'acme_ops' in sys.modules and 'torch' not in sys.modules"
    )
    found = python(site, "-c", code, cwd=tmp_path)
    assert found.returncode == 0, found.stderr

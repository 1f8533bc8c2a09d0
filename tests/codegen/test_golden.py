"""Generated modules as they are committed: a change that claims to change nothing must not change them."""

import subprocess
import sys
from pathlib import Path

import pytest

from incdsl.compiler import compile_net, read
from incdsl.source import Source
from tests.golden import matches

FOLDER = Path(__file__).with_name("golden")
SPECS = {
    "v3": lambda: read("specs/v3.inc"),
    "features": lambda: Source("features.inc", (FOLDER / "features.inc").read_text(encoding="utf-8")),
}


@pytest.mark.parametrize("name", SPECS)
def test_the_module_is_the_golden_one(name: str) -> None:
    matches(FOLDER / f"{name}.py", compile_net(SPECS[name]()).text)


@pytest.mark.parametrize("name", SPECS)
def test_the_module_is_formatted_and_clean(name: str, tmp_path: Path) -> None:
    """As a careful engineer would commit it: at 120 columns ruff has nothing to format and nothing to say."""
    target = tmp_path / f"{name}_net.py"
    target.write_text(compile_net(SPECS[name]()).text, encoding="utf-8")
    for arguments in (["format", "--check", "--diff", "--line-length", "120"], ["check", "--line-length", "120"]):
        command = [sys.executable, "-m", "ruff", arguments[0], "--isolated", *arguments[1:], str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

"""What is carried stands alone: it imports PyTorch, and Triton where there is one."""

import ast
from pathlib import Path

import pytest

from incdsl.runtime import carried

FILES = sorted(Path(carried.__file__).parent.glob("[!_]*.py"))
ALLOWED = {
    "collections.abc", "contextlib", "threading", "torch", "torch.nn", "triton", "triton.language", "typing",
    "warnings",
}  # fmt: skip


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_imports(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    assert names <= ALLOWED

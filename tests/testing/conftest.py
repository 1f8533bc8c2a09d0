"""Packages with ops, put on the path while a test runs."""

import sys

import pytest

from incdsl.ops import plugins


def forget():
    plugins._entries.cache_clear()
    plugins._loaded.cache_clear()


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A function that puts a package with an entry point on the path."""
    forget()
    monkeypatch.syspath_prepend(str(tmp_path))
    made = []

    def put(name, text, value=None):
        forget()
        module = f"{name}_ops_{len(made)}"
        made.append(module)
        (tmp_path / f"{module}.py").write_text(text, encoding="utf-8")
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n", encoding="utf-8")
        line = f"{name} = {(value or '{0}').format(module)}\n"
        (info / "entry_points.txt").write_text(f"[incdsl.ops]\n{line}", encoding="utf-8")
        return module

    yield put
    forget()
    for module in made:
        sys.modules.pop(module, None)

"""Imports generated text as a module, so that tracebacks, debuggers and `inspect` find its source."""

from __future__ import annotations

import importlib.abc
import importlib.util
import linecache
import sys
from types import ModuleType
from typing import Any

from incdsl.compiler import Compilation


class _TextLoader(importlib.abc.SourceLoader):
    """Loads one text under a path that no file has."""

    def __init__(self, text: str, path: str) -> None:
        self._text = text
        self._path = path

    def get_data(self, path: str | bytes) -> bytes:
        """The text as a file would hold it."""
        return self._text.encode()

    def get_filename(self, fullname: str) -> str:
        """The path that tracebacks show."""
        return self._path


def load_text(text: str, name: str) -> ModuleType:
    """The module of a generated text. The text must come from the compiler, which holds it to an allow-list."""
    from incdsl.codegen.module import digest

    full = (
        f"incdsl_generated_{name}_{digest(text)}"  # no package: pickle finds the classes as long as the process lives
    )
    path = f"<incdsl {name} {digest(text)}>"
    spec = importlib.util.spec_from_loader(full, _TextLoader(text, path))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    sys.modules[full] = module
    spec.loader.exec_module(module)
    return module


def load_net(done: Compilation) -> Any:
    """The class of a compiled net."""
    return getattr(load_text(done.text, done.net.name), done.net.name)

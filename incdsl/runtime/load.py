"""Imports generated text as a module, so that tracebacks, debuggers and `inspect` find its source."""

from __future__ import annotations

import copyreg
import importlib.abc
import importlib.util
import linecache
import sys
from functools import partial
from types import ModuleType
from typing import Any

from incdsl.codegen.cpu import KERNEL
from incdsl.codegen.gpu import KERNELS
from incdsl.compiler import Compilation
from incdsl.subject import Subject


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
    """The module of a generated text, which is imported once. Instances of its classes are pickled with the text.

    The text must come from the compiler, which holds it to an allow-list.
    """
    from incdsl.codegen.module import digest

    full = f"incdsl_generated_{name}_{digest(text)}"  # no package: nothing else could be imported from one
    if full in sys.modules:
        return sys.modules[full]
    path = f"<incdsl {name} {digest(text)}>"
    spec = importlib.util.spec_from_loader(full, _TextLoader(text, path))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    linecache.cache[path] = (len(text), None, text.splitlines(keepends=True), path)
    sys.modules[full] = module
    if KERNELS not in sys.modules and f"import {KERNELS} " in text:
        from incdsl.runtime.carried import kernels

        sys.modules[KERNELS] = kernels  # what `deploy` writes beside the file
    if KERNEL not in sys.modules and f"from {KERNEL} import " in text:
        from incdsl.runtime.kernels import layer

        sys.modules[KERNEL] = layer  # and so is this
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[full]
        raise
    reduce = partial(_reduced, text, name)
    for each in vars(module).values():
        if isinstance(each, type) and each.__module__ == full:
            copyreg.pickle(each, reduce)
    return module


def load_subject(subject: Subject) -> ModuleType:
    """The module of a subject. Notebooks show instances of its net as the table of what they cost."""
    from incdsl.tables.summary import Summary

    done = subject.done
    module = load_text(done.text, done.net.name)
    shown = Summary(subject)
    getattr(module, done.net.name)._repr_html_ = lambda self: shown._repr_html_()
    return module


def _reduced(text: str, name: str, instance: Any) -> tuple[Any, ...]:
    """How to make an instance of a generated class again, in a process that knows nothing of the class."""
    _, (kind, *arguments), *rest = instance.__reduce_ex__(2)
    return (made_again, (text, name, kind.__name__, *arguments), *rest)


def made_again(text: str, name: str, kind: str, *arguments: Any) -> Any:
    """An instance of a class of a generated text, before it has a state: what `pickle` and `copy` call."""
    made = getattr(load_text(text, name), kind)
    return made.__new__(made, *arguments)


def load_net(done: Compilation) -> Any:
    """The class of a compiled net."""
    return getattr(load_text(done.text, done.net.name), done.net.name)

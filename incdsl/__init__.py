"""A declarative language and compiler for convolutional networks made of parallel branches."""

from incdsl.api import (
    analyze,
    check,
    compile,
    deploy,
    diff,
    draw,
    format,
    lint,
    load,
    parse,
    pretrained,
    report,
    summary,
)  # fmt: skip
from incdsl.diagnostics import CompileError

__all__ = [
    "CompileError", "__version__", "analyze", "check", "compile", "deploy", "diff", "draw", "format", "lint", "load",
    "parse", "pretrained", "report", "summary",
]  # fmt: skip


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("incdsl")
    if name == "load_ipython_extension":  # `%load_ext incdsl` asks for it
        from incdsl.notebook import load_ipython_extension

        return load_ipython_extension
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

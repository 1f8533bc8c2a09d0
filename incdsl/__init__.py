"""A declarative language and compiler for convolutional networks made of parallel branches."""

from incdsl.api import analyze, check, compile, deploy, draw, format, lint, load, parse, pretrained, summary
from incdsl.diagnostics import CompileError

__all__ = [
    "CompileError", "__version__", "analyze", "check", "compile", "deploy", "draw", "format", "lint", "load",
    "parse", "pretrained", "summary",
]  # fmt: skip


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("incdsl")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

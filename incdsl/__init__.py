"""A declarative language and compiler for convolutional networks made of parallel branches."""

from incdsl.api import check, compile, deploy, load

__all__ = ["__version__", "check", "compile", "deploy", "load"]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("incdsl")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""A declarative language and compiler for convolutional networks made of parallel branches."""

from incdsl.api import check, compile, deploy, load

__all__ = ["check", "compile", "deploy", "load"]

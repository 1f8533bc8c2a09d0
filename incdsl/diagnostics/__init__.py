"""Diagnostics with codes, the sink that collects them, and the exceptions that carry them."""

from incdsl.diagnostics.base import REGISTRY, CompileError, CompilerBug, Diagnostic, Fix, Row, Severity, Sink

__all__ = ["REGISTRY", "CompileError", "CompilerBug", "Diagnostic", "Fix", "Row", "Severity", "Sink"]

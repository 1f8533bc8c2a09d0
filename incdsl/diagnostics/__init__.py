"""Coded, collected complaints and the exceptions that carry them."""

from incdsl.diagnostics.base import REGISTRY, CompileError, CompilerBug, Diagnostic, Row, Severity, Sink

__all__ = ["REGISTRY", "CompileError", "CompilerBug", "Diagnostic", "Row", "Severity", "Sink"]

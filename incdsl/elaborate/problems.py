"""Problems that several parts of the elaborator have."""

from __future__ import annotations

from incdsl.diagnostics.names import BadFlow, BadRepetition, LabelMismatch
from incdsl.elaborate.scope import Problem, Scope
from incdsl.source import Span
from incdsl.syntax import tree


def bad_flow(span: Span, scope: Scope, reason: str, hint: str = "") -> Problem:
    """The chain does not flow."""
    return Problem(BadFlow(span=span, path=scope.title, reason=reason, hint=hint))


def bad_label(step: tree.Step, scope: Scope, reason: str) -> Problem:
    """The labels do not fit the step."""
    span = step.labels[0].span if step.labels else step.span
    return Problem(LabelMismatch(span=span, path=scope.title, reason=reason))


def no_sequence(reason: str, span: Span, scope: Scope) -> Problem:
    """What repeats is an `nn.Sequential`, so each repetition must be one module."""
    hint = "put what repeats into a block of its own"
    return Problem(BadRepetition(span=span, path=scope.title, reason=reason, hint=hint))

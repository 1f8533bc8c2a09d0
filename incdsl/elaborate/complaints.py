"""Complaints that several parts of the elaborator have."""

from __future__ import annotations

from incdsl.diagnostics.names import BadFlow, BadRepetition, LabelMismatch
from incdsl.elaborate.frame import Complaint, Frame
from incdsl.source import Span
from incdsl.syntax import tree


def bad_flow(span: Span, frame: Frame, reason: str, hint: str = "") -> Complaint:
    """The chain does not flow."""
    return Complaint(BadFlow(span=span, path=frame.title, reason=reason, hint=hint))


def bad_label(step: tree.Step, frame: Frame, reason: str) -> Complaint:
    """The labels do not fit the step."""
    span = step.labels[0].span if step.labels else step.span
    return Complaint(LabelMismatch(span=span, path=frame.title, reason=reason))


def no_sequence(reason: str, span: Span, frame: Frame) -> Complaint:
    """What repeats is an `nn.Sequential`, so each repetition must be one module."""
    hint = "put what repeats into a block of its own"
    return Complaint(BadRepetition(span=span, path=frame.title, reason=reason, hint=hint))

"""A net as a notebook shows it: the figure, and the table of what it costs."""

from __future__ import annotations

from incdsl.analysis.table import By
from incdsl.drawing.drawing import Look, drawn
from incdsl.subject import Subject
from incdsl.tables.summary import Summary


def shown(subject: Subject, by: By = "block") -> str:
    """Both in HTML; the figure follows the reader's colours, and is as wide as the page at most."""
    figure = drawn(subject.done, Look(theme="auto")).svg.replace(
        "<svg ", '<svg style="max-width: 100%; height: auto" ', 1
    )
    return f"<div>{figure}</div>{Summary(subject, by)._repr_html_()}"

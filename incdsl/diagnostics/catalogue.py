"""All diagnostics, and a page about each."""

from __future__ import annotations

import inspect

from incdsl.diagnostics import limits, names, output, rails, reuse, shapes, syntax, unused, weights
from incdsl.diagnostics.base import REGISTRY, Diagnostic

MODULES = (syntax, names, rails, unused, reuse, shapes, limits, output, weights)


def all_codes() -> dict[str, type[Diagnostic]]:
    """Every diagnostic by its code, in order."""
    return dict(sorted(REGISTRY.items()))


def explanation(kind: type[Diagnostic]) -> str:
    """What `incdsl explain` prints, in Markdown."""
    parts = [f"## {kind.code}: {kind.title}", inspect.cleandoc(kind.__doc__ or "")]
    if kind.wrong:
        parts += ["Wrong:", f"```\n{kind.wrong.rstrip()}\n```", "Right:", f"```\n{kind.right.rstrip()}\n```"]
    return "\n\n".join(parts)

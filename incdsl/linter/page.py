"""A page about each code, those of the rules included."""

from __future__ import annotations

import incdsl.linter.rules  # noqa: F401 - registers them
from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.catalogue import all_codes as compiler_codes, explanation
from incdsl.linter.finding import RULES, Finding


def all_codes() -> dict[str, type[Diagnostic]]:
    """Every diagnostic by its code, in order: the compiler's and the rules."""
    return dict(sorted({**compiler_codes(), **RULES}.items()))


def page(kind: type[Diagnostic]) -> str:
    """What `incdsl explain` prints about a code, in Markdown."""
    text = explanation(kind)
    if not issubclass(kind, Finding):
        return text
    because = kind.because[:1].upper() + kind.because[1:]
    reason = f"{because}. *{kind.paper}*" if kind.paper else f"{because}."
    head, wrong, examples = text.partition("\n\nWrong:")
    return f"{head}\n\n{reason}{wrong}{examples}"

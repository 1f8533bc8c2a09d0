"""What a lint rule is: a diagnostic that knows where to look for itself."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from incdsl.diagnostics import Diagnostic
from incdsl.linter.view import View

RULES: dict[str, type[Finding]] = {}
"""All rules by their codes, once `incdsl.linter.rules` is imported."""


class Finding(Diagnostic):
    """One thing that a rule has found: facts in fields, words in methods.

    A rule is one such class in a file of its own. Its docstring is its page, with the examples `wrong` and `right`;
    tests lint and compile both.
    """

    because: ClassVar[str] = ""
    """Why it matters, in a sentence."""
    paper: ClassVar[str] = ""
    """Where the advice is from, with the section."""
    device: ClassVar[str] = ""
    """The device for which alone it is said; empty for advice that always holds."""

    def __init_subclass__(cls) -> None:
        if cls.code:
            RULES[cls.code] = cls

    @classmethod
    @abstractmethod
    def look(cls, view: View) -> Iterator[Diagnostic]:
        """What there is to say about a spec, in any order; of one place the first is kept."""

    def why(self) -> str:
        return f"{self.because} ({self.paper})" if self.paper else self.because

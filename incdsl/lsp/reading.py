"""What can be said of a text without elaborating it: its tree, what its names mean, where each is mentioned."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from incdsl.diagnostics import Diagnostic, Sink
from incdsl.elaborate.resolve import Names, resolve
from incdsl.files import SpecFile, load
from incdsl.frontend import Analysis, Options, analyze_spec
from incdsl.lsp.mentions import Mention, mentions
from incdsl.source import Source
from incdsl.syntax import tree
from incdsl.syntax.tokens import Token


@dataclass(frozen=True, eq=False)
class Reading:
    """A text as it was read: its file and imports, and what names of definitions mean in it."""

    spec: SpecFile
    names: Names
    problems: tuple[Diagnostic, ...] = ()
    """What is wrong with the text so far."""

    @classmethod
    def of(cls, found: Analysis) -> Reading:
        """What an analysis read."""
        return cls(found.spec, found.names)

    def analysis(self, options: Options) -> Analysis:
        """Everything that is known of it. Raises `Abandoned` if the options say so."""
        sink = Sink()
        for problem in self.problems:
            sink.add(problem)
        return analyze_spec(self.spec, self.names, sink, options)

    @property
    def source(self) -> Source:
        """The text."""
        return self.spec.source

    @property
    def file(self) -> tree.File:
        """Its tree."""
        return self.spec.file

    @property
    def tokens(self) -> Sequence[Token]:
        """Its tokens."""
        return self.spec.parsed.tokens

    @cached_property
    def needs(self) -> frozenset[str]:
        """The real paths of all files that it imports, and of those that they import."""
        others = [each.source.path for each in self.spec.files() if each is not self.spec]
        return frozenset(os.path.realpath(path) for path in others if path)

    @cached_property
    def mentions(self) -> tuple[Mention, ...]:
        """Every place where a name stands that means something, in the order of the text."""
        return tuple(sorted(mentions(self.spec, self.names), key=lambda each: (each.span.start, each.span.end)))

    @cached_property
    def _starts(self) -> list[int]:
        return [token.start for token in self.tokens]

    def token(self, offset: int) -> int:
        """The index of the last token that starts at or before an offset; -1 if none does."""
        return bisect_right(self._starts, offset) - 1

    def mention(self, offset: int) -> Mention | None:
        """The name at an offset, or just before it."""
        found = [each for each in self.mentions if each.span.start <= offset <= each.span.end]
        return min(found, key=lambda each: (each.span.end == offset, each.span.end - each.span.start), default=None)

    def path(self, offset: int) -> tuple[tree.Tree, ...]:
        """The nodes around an offset, the outermost first."""
        return tuple(_path(self.file, offset))


def read(source: Source, root: Path | None = None, opened: Mapping[str, str] | None = None) -> Reading:
    """Read a text and all that it imports; nothing is elaborated."""
    sink = Sink()
    spec = load(source, sink, root, opened)
    names = resolve(spec, sink)
    return Reading(spec, names, tuple(sink))


def _path(node: tree.Tree, offset: int) -> Iterator[tree.Tree]:
    around: tree.Tree | None = node
    while around is not None:
        yield around
        inner = [part for part in around.parts if isinstance(part, tree.Tree) and part.parts]
        at = [part for part in inner if part.span.start <= offset <= part.span.end]
        around = at[-1] if at else None

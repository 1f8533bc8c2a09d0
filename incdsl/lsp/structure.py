"""What can be folded, and what a selection grows to."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

from incdsl.lsp.reading import Reading
from incdsl.source import Span
from incdsl.syntax import tree


class Fold(NamedTuple):
    """Lines, from 1, that can be folded into the first of them."""

    first: int
    last: int
    kind: Literal["comment", "imports", "region"]


def folds(reading: Reading) -> Iterator[Fold]:
    """Definitions, their items, merges, runs of comments and of imports, as far as they have several lines."""
    found = [
        *(Fold(*_lines(node.span), "region") for node in tree.nodes(reading.file) if isinstance(node, _FOLDED)),
        *_comments(reading),
    ]
    imports = reading.file.imports
    if imports:
        found.append(Fold(imports[0].span.line, _lines(imports[-1].span)[1], "imports"))
    yield from sorted({fold for fold in found if fold.last > fold.first})


_FOLDED = (tree.Unit, tree.Block, tree.Net, tree.Merge, tree.Bind, tree.Output, tree.Aux, tree.Override, tree.Group)


def _lines(span: Span) -> tuple[int, int]:
    position = span.source.position
    return position(span.start)[0], position(span.end)[0]


def _comments(reading: Reading) -> Iterator[Fold]:
    """Comments in lines that follow one another."""
    lines = [comment.line for token in reading.tokens for comment in token.comments]
    start = 0
    for at, (line, after) in enumerate(pairwise([*lines, 0])):
        if after != line + 1:
            yield Fold(lines[start], line, "comment")
            start = at + 1


def selections(reading: Reading, offset: int) -> list[Span]:
    """What a selection grows to from an offset: the word, then the constructs around it, the file last."""
    spans = [Span(reading.source, 0, len(reading.source.text))]
    spans += [node.span for node in reading.path(offset) if node.parts]
    at = reading.token(offset)
    for token in (reading.tokens[max(at - 1, 0)], reading.tokens[max(at, 0)]):
        if token.start <= offset <= token.end and token.text:
            spans.append(token.span)
    grown: list[Span] = []
    for span in reversed(spans):
        if not grown or (span.start <= grown[-1].start and span.end >= grown[-1].end and span != grown[-1]):
            grown.append(span)
    return grown

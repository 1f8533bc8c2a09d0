"""How much of a spec is still known when one of its tokens is missing.

Usage: python -m fuzz.deletions [SPEC]

Each token of the spec is deleted in turn. What depends on the statement that it was deleted from, through values and
definitions, may become unknown; every other statement should keep the shapes of all of its steps. The figure is the
share of these steps that are still known, as a mean over all deletions.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from incdsl.elaborate.resolve import mentioned
from incdsl.frontend import Analysis, analyze_source
from incdsl.source import Source
from incdsl.syntax import tree
from incdsl.syntax.parser import parse

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, eq=False, slots=True)
class Statement:
    """A definition, or an item of one: where it stands, what it binds, what it mentions.

    What stands in a unit or block is only known where that is used: `inside` is its name.
    """

    start: int
    end: int
    binds: frozenset[str]
    mentions: frozenset[str]
    inside: str = ""


def statements(file: tree.File) -> list[Statement]:
    """The statements of a file; a definition with a body gives one for each of its items."""
    found = []
    for definition in file.definitions:
        items = definition.items if isinstance(definition, tree.Net | tree.Block) else ()
        for part in items or (definition,):
            names = [definition.name.text] if part is definition else _bound(part)
            if isinstance(definition, tree.Block):
                names = [*names, definition.name.text]
            span = part.span
            inside = "" if isinstance(definition, tree.Net) else definition.name.text
            found.append(Statement(span.start, span.end, frozenset(names), mentioned(part), inside))
    return found


def _bound(item: tree.Tree) -> list[str]:
    match item:
        case tree.Bind(names=names) | tree.Output(names=names):
            return [name.text for name in names]
        case tree.Input(name=name) | tree.Aux(name=name):
            return [name.text]
    return []


def dependent(known: Sequence[Statement], broken: Statement | None) -> set[Statement]:
    """The statements that depend on one, itself among them."""
    if broken is None:  # the head of a definition: everything may depend on it
        return set(known)
    found, names = {broken}, set(broken.binds)
    while more := [
        each for each in known if each not in found and (names & each.mentions or _unused(each, known, found))
    ]:
        found.update(more)
        names.update(*(each.binds for each in more))
    return found


def _unused(each: Statement, known: Sequence[Statement], lost: set[Statement]) -> bool:
    """Whether all that uses the unit or block of a statement is lost."""
    users = [o for o in known if each.inside and each.inside in o.mentions and o.inside != each.inside]
    return bool(users) and lost.issuperset(users)


def shares(text: str, every: int = 1) -> Iterator[float]:
    """For each deleted token, or some of them, the share of independent steps that are still known."""
    whole = analyze_source(Source("whole.inc", text))
    known = statements(whole.file)
    expected = {
        node.span.start: node for node, found in whole.steps.items() if isinstance(node, tree.Step) and found[0].known
    }
    tokens = parse(text).tokens[2:-1]
    for token in tokens[::every]:
        broken = next((each for each in known if each.start <= token.start < each.end), None)
        lost = dependent(known, broken)
        if len(lost) == len(known):
            continue
        kept = [start for start in expected if not any(each.start <= start < each.end for each in lost)]
        if kept:
            yield _still_known(text[: token.start] + text[token.end :], token.start, token.end - token.start, kept)


def _still_known(text: str, at: int, length: int, kept: Sequence[int]) -> float:
    analysis: Analysis = analyze_source(Source("deleted.inc", text))
    now = {
        node.span.start: any(each.known for each in found)
        for node, found in analysis.steps.items()
        if isinstance(node, tree.Step)
    }
    moved = (start - length if start > at else start for start in kept)
    return mean(now.get(start, False) for start in moved)


def main() -> None:
    """Print the figure."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "specs/v3.inc"
    found = list(shares(path.read_text(encoding="utf-8")))
    print(f"{path.name}: {len(found)} deletions, {mean(found):.2%} of the independent steps still known")


if __name__ == "__main__":
    main()

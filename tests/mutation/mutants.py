"""Mutants of a source text, by the operators of cosmic-ray."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass

from tests.mutation.scope import ROOT, SCOPE, in_scope

NEEDS_NAMES = {"VariableInserter", "VariableReplacer"}
"""Operators that mutate nothing unless they are told names."""


@dataclass(frozen=True)
class Mutant:
    """A module with one change; `original` and `mutated` are the lines that differ, without indentation."""

    path: str
    function: str
    original: str
    mutated: str
    source: str
    inside: bool
    """Whether it changes nothing but the body of a function."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What a listed mutant is found by."""
        return self.path, self.function, self.original, self.mutated


@dataclass(frozen=True)
class Part:
    """A function, or what stands in a class or module outside of functions."""

    name: str
    inside: bool


class Places:
    """Which function a position of a text stands in."""

    def __init__(self, text: str) -> None:
        self._parts: dict[int, Part] = {}
        self._skipped: list[tuple[tuple[int, int], tuple[int, int]]] = []
        self._walk(ast.parse(text).body, "")

    def part(self, line: int) -> Part:
        """The part of a line."""
        return self._parts.get(line, Part("<module>", False))

    def skipped(self, place: tuple[int, int]) -> bool:
        """Whether a position is in an annotation, a declaration, or what is raised."""
        return any(start <= place < end for start, end in self._skipped)

    def _walk(self, body: list[ast.stmt], above: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                self._mark(node, Part(f"{above}{node.name}.<class>", False))
                self._skipped += [_extent(decorator) for decorator in node.decorator_list]
                self._walk(node.body, f"{above}{node.name}.")
            elif isinstance(node, ast.FunctionDef):
                self._mark(node, Part(f"{above}{node.name}", False))
                for statement in node.body:
                    self._mark(statement, Part(f"{above}{node.name}", True))
            elif isinstance(node, ast.AnnAssign) and _declares(node):
                self._skipped.append(_extent(node))
            for inner in ast.walk(node):
                raised = inner.exc if isinstance(inner, ast.Raise) else None
                skipped = (getattr(inner, "annotation", None), getattr(inner, "returns", None), raised)
                self._skipped += [_extent(each) for each in skipped if each]

    def _mark(self, node: ast.stmt, part: Part) -> None:
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        self._parts.update(dict.fromkeys(range(first, (node.end_lineno or first) + 1), part))


def _declares(node: ast.AnnAssign) -> bool:
    """Whether it is a class variable, or flags of a dataclass's field."""
    return ast.unparse(node.annotation).startswith("ClassVar") or ast.unparse(node.value or node).startswith("field(")


def _extent(node: ast.expr | ast.stmt) -> tuple[tuple[int, int], tuple[int, int]]:
    column = node.col_offset
    return (node.lineno, column and column - 1), (node.end_lineno or 0, node.end_col_offset or 0)


def mutants(path: str, functions: Container[str] | None = None) -> Iterator[Mutant]:
    """All different mutants of a file that are in scope, or those of some functions."""
    text = (ROOT / path).read_text()
    places = Places(text)
    seen: set[str] = set()
    wanted = None if functions is None else lambda line: places.part(line).name in functions
    for (line, column), changed in changes(text, wanted):
        part = places.part(line)
        # ast counts bytes, parso characters: compare by characters only where a line is ASCII, which code lines are.
        if changed in seen or not in_scope(path, part.name) or places.skipped((line, column)):
            continue
        seen.add(changed)
        if not _compiles(changed):
            continue
        original, mutated = different(text, changed)
        yield Mutant(path, part.name, original, mutated, changed, part.inside)


def _compiles(text: str) -> bool:
    """Whether Python takes a text without a warning; `1 is x` gives one, and the tests run with warnings as errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            compile(text, "mutant", "exec")
        except SyntaxError:
            return False
    return True


def every_mutant() -> Iterator[Mutant]:
    """The mutants of all files."""
    for path in SCOPE:
        yield from mutants(path)


def changes(text: str, wanted: Callable[[int], bool] | None = None) -> Iterator[tuple[tuple[int, int], str]]:
    """Each place where an operator applies, on a line that is wanted, and the text after it."""
    import parso
    from cosmic_ray.ast import ast_nodes
    from cosmic_ray.plugins import get_operator, operator_names

    operators = [get_operator(name)() for name in operator_names() if name.rpartition("/")[2] not in NEEDS_NAMES]
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for node in list(ast_nodes(parso.parse(text))):
        for operator in operators:
            for index, (place, _) in enumerate(operator.mutation_positions(node)):
                if wanted and not wanted(place[0]):
                    continue
                line, column = node.get_start_pos_of_prefix()
                start = starts[line - 1] + column
                before, kept = node.get_code(), [(n, dict(_state(n))) for n in ast_nodes(node)]
                after = operator.mutate(node, index)
                code = after.get_code() if after else ""
                for inner, state in kept:
                    for name, value in state.items():
                        setattr(inner, name, value)
                yield place, text[:start] + code + text[start + len(before) :]


def _state(node: object) -> Iterator[tuple[str, object]]:
    for name in ("children", "value"):
        if hasattr(node, name):
            value = getattr(node, name)
            yield name, list(value) if name == "children" else value


def different(old: str, new: str) -> tuple[str, str]:
    """The lines that differ, stripped."""
    left, right = old.splitlines(), new.splitlines()
    while left and right and left[0] == right[0]:
        del left[0], right[0]
    while left and right and left[-1] == right[-1]:
        del left[-1], right[-1]
    return tuple("\n".join(" ".join(line.split()) for line in lines if line.strip()) for lines in (left, right))  # type: ignore[return-value]

"""Rails on streams of their own, as code: a fork, what runs on each stream, and where they meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from incdsl.codegen.forward import FORK, Statement
from incdsl.codegen.layout import Bracketed
from incdsl.codegen.model import Assign, Blank, Do, Line, With

if TYPE_CHECKING:
    from incdsl.codegen.classes import Made


def fork_parts(statements: Sequence[Statement]) -> list[list[Statement]]:
    """The statements of each fork together, and those between forks."""
    return [list(part) for _, part in groupby(statements, key=lambda each: each.lane and each.lane.fork)]


def fork_lines(
    statements: Sequence[Statement], made: Made, written: Callable[[Sequence[Statement]], list[Line]]
) -> list[Line]:
    """The lines of one fork; `written` gives those of what runs in order on a stream.

    It keeps all that its rails read from outside, for the stream of the block would reuse the memory.
    """
    own = {value for each in statements for value in each.values}
    read = dict.fromkeys(made.variables[value] for each in statements for value in each.reads if value not in own)
    lines: list[Line] = [Assign(FORK, Bracketed("Fork", tuple(read)))]
    for stream, some in groupby(statements, key=lambda each: each.lane and each.lane.stream):
        lines += [With(Bracketed(f"{FORK}.rail", (str(stream),)), tuple(written(list(some)))), Blank()]
    return [*lines[:-1], Do(f"{FORK}.join()")]

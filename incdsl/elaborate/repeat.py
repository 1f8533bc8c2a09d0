"""Loop variables of `times` and `for`, counted before anything is built."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from incdsl.diagnostics.names import BadRepetition, NameTaken
from incdsl.elaborate.expressions import Expressions, Items
from incdsl.elaborate.pins import StaticParams
from incdsl.elaborate.place import Placer
from incdsl.elaborate.scope import Problem, Scope
from incdsl.source import Span
from incdsl.syntax import tree


class Loops:
    """Says what each repetition binds."""

    def __init__(self, placer: Placer, evaluate: Expressions, pins: StaticParams) -> None:
        self._placer = placer
        self._evaluate = evaluate
        self._pins = pins

    def rows(self, repeat: tree.Times | tree.Each, scope: Scope) -> list[dict[str, Any]]:
        """The loop variables of each repetition."""
        if isinstance(repeat, tree.Times):
            count = self._evaluate.number(repeat.count, scope)
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                number = isinstance(count, int | float) and not isinstance(count, bool)
                shown = f"{count}" if number else f"`{repeat.count.span.text}`"
                reason = f"`times` needs a whole number of at least 1, not {shown}"
                raise Problem(BadRepetition(span=repeat.span, path=scope.title, reason=reason))
            self._pins.pin(scope, count)
            self._room_for(count, repeat.span, scope)
            return [{}] * count
        return list(self.each(repeat.names, repeat.rows, repeat.span, scope))

    def each(self, names: tuple[str, ...], rows: tree.Value, span: Span, scope: Scope) -> Iterator[dict[str, Any]]:
        """The loop variables of `for names in rows`."""
        values = self._evaluate.value(rows, scope)
        if not isinstance(values, tuple) or not values:
            raise Problem(BadRepetition(span=span, path=scope.title, reason="`for` needs a list that is not empty"))
        self._evaluate.work += values.size if isinstance(values, Items) else 0  # all are pinned
        self._room_for(len(values), span, scope)
        for name in names:
            if name in scope.params or name in scope.values:
                raise Problem(NameTaken(span=span, path=scope.title, name=name, taken_by="a parameter or value here"))
        for row in values:
            self._pins.pin(scope, row)
            parts = row if isinstance(row, tuple) and len(names) > 1 else (row,)
            if len(parts) != len(names):
                reason = f"each item must give {', '.join(names)}"
                raise Problem(BadRepetition(span=span, path=scope.title, reason=reason))
            yield dict(zip(names, parts, strict=True))

    def _room_for(self, count: int, span: Span, scope: Scope) -> None:
        self._evaluate.work += 5 * count
        self._placer.hold_work(self._evaluate.work, span, scope)
        if count > self._placer.room:
            raise self._placer.exhaust(span, scope, count)

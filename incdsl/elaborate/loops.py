"""What choices and repetitions come to: conditions, counts, loop variables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from incdsl.diagnostics.names import BadRepetition, NameTaken
from incdsl.elaborate.expressions import Items
from incdsl.elaborate.scope import Poisoned, Problem, Scope
from incdsl.elaborate.tools import Tools
from incdsl.elaborate.use import bad_flow
from incdsl.syntax import tree


class Loops:
    """Evaluates conditions and loops."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def holds(self, test: tree.Expr, scope: Scope) -> bool:
        """Whether a choice is made; where that is unknown, it is not."""
        if not scope.dry:
            return self._tools.evaluate.test(test, scope)
        try:
            return self._tools.evaluate.test(test, scope)
        except Poisoned:
            return False

    def comes_about(
        self, guard: tree.When | tree.Else | None, met: bool | None, scope: Scope
    ) -> tuple[bool, bool | None]:
        """Whether a rail comes about; and whether a test held so far, or None where no `else` may follow."""
        if guard is None:
            return True, None
        if isinstance(guard, tree.When):
            holds = self.holds(guard.test, scope)
            return holds, holds
        if met is None:
            raise bad_flow(guard.span, "`else` stands right behind a rail with `if`", "`| if test: … | else: …`")
        if guard.test is None:
            return not met, None
        if met:
            self._tools.evaluate.read(guard.test, scope)
            return False, True
        holds = self.holds(guard.test, scope)
        return holds, holds

    def rows(self, repeat: tree.Times | tree.Each, scope: Scope) -> list[dict[str, Any]]:
        """The loop variables of each repetition."""
        if isinstance(repeat, tree.Each):
            return list(self.turns(repeat, scope))
        count = self._tools.evaluate.number(repeat.count, scope)
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            number = isinstance(count, int | float) and not isinstance(count, bool)
            shown = f"{count}" if number else f"`{repeat.count.span.text}`"
            reason = f"`times` needs a whole number of at least 1, not {shown}"
            raise Problem(BadRepetition(span=repeat.span, reason=reason))
        self._tools.evaluate.pin(scope, count)
        self._tools.budget.repeat(count, repeat)
        return [{}] * count

    def turns(self, each: tree.Each, scope: Scope) -> Iterator[dict[str, Any]]:
        """The loop variables of `for names in rows`."""
        names = [name.text for name in each.names]
        values = self._tools.evaluate.value(each.rows, scope)
        if not isinstance(values, tuple) or not values:
            raise Problem(BadRepetition(span=each.span, reason="`for` needs a list that is not empty"))
        self._tools.budget.spend(values.size if isinstance(values, Items) else 0, each)  # all are pinned
        self._tools.budget.repeat(len(values), each)
        for name in names:
            if name in scope.params or name in scope.values:
                raise Problem(NameTaken(span=each.span, name=name, taken_by="a parameter or value here"))
        for row in values:
            self._tools.evaluate.pin(scope, row)
            parts = row if isinstance(row, tuple) and len(names) > 1 else (row,)
            if len(parts) != len(names):
                raise Problem(BadRepetition(span=each.span, reason=f"each item must give {', '.join(names)}"))
            yield dict(zip(names, parts, strict=True))

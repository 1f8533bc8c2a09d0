"""What a step says to the op that it speaks to, worked out once where it is always the same."""

from __future__ import annotations

from typing import Any

from incdsl.elaborate.arguments import given
from incdsl.elaborate.expand import Main, main_of
from incdsl.elaborate.factors import no_convolution
from incdsl.elaborate.resolve import Definition
from incdsl.elaborate.scope import OpRef, Scope
from incdsl.elaborate.settings import Settings, gather, is_constant, resolve_padding
from incdsl.elaborate.suggest import refuse_name
from incdsl.elaborate.tools import Tools
from incdsl.elaborate.use import Use
from incdsl.ops import Op, find
from incdsl.ops.window import Conv2d
from incdsl.syntax import tree


class Calls:
    """Evaluates the settings of steps."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._said: dict[tuple[tree.Call, type[Op]], Settings | None] = {}
        """What calls say, to an op, whose settings are numbers and words alone; None for the others.

        A variant may redefine the unit that a call names, and so the op that it speaks to.
        """

    def gathered(self, call: tree.Call, op: type[Op], scope: Scope) -> Settings:
        """What a call says to an op. Not to be changed."""
        if (call, op) not in self._said:
            self._said[call, op] = gather(call, op, scope, self._tools.evaluate) if is_constant(call) else None
        return self._said[call, op] or gather(call, op, scope, self._tools.evaluate)

    def merged(self, main: Main, use: Use, scope: Scope) -> tuple[Settings, set[str]]:
        """What the use says over what the unit says, padding resolved; and the fields that only the unit decides."""
        call, op = main.call, main.op
        settings, said = self.gathered(call, op, scope), self.gathered(use.call, op, use.scope)
        own = settings.values.keys() - said.values.keys() - dict(use.fixed).keys()
        if "padding" in own and "kernel" not in own:
            own.discard("padding")
        settings = settings.under(said)
        for name, value in use.fixed:
            settings.put(name, value, use.span)
        resolve_padding(op, settings, use.word, use.span)
        return settings, own

    def convolution(self, use: Use, unit: Definition | None) -> dict[str, Any]:
        """The settings of the convolution that is factorized; anything else is refused."""
        scope = use.scope
        main = main_of(unit) if unit else None
        op = main.op if main else find(use.word)
        if op is None and not scope.names.block(use.word):
            refuse_name(use.call.name, scope)
        if op is not Conv2d:
            raise no_convolution(use)
        said = self.gathered(use.call, Conv2d, scope)
        if unit and main:
            inner = Scope(scope.instance, scope.title, unit.names, input=use.value, dry=scope.dry)
            said = self.gathered(main.call, Conv2d, inner).under(said)
        return said.values

    def given(self, ref: OpRef) -> dict[str, Any]:
        """The settings or arguments of what is handed down as a value."""
        if block := ref.scope.names.block(ref.name.text):
            return given(block.block, ref.args, ref.scope, self._tools.evaluate, {})
        unit = self._tools.units(ref.scope)(ref.scope.names, ref.name.text)
        op = main_of(unit).op if unit else find(ref.name.text)
        if op is None:
            refuse_name(ref.name, ref.scope)
        return gather(tree.Call(ref.name, args=ref.args), op, ref.scope, self._tools.evaluate).values

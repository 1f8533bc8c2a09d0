"""What a step says to the op that it speaks to, worked out once where it is always the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from incdsl.elaborate.arguments import complete, given, own_args
from incdsl.elaborate.expand import Main, main_of
from incdsl.elaborate.factors import no_convolution
from incdsl.elaborate.resolve import Definition
from incdsl.elaborate.scope import OpRef, Scope
from incdsl.elaborate.settings import Settings, gather, hold_no_size, is_constant, resolve_padding
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
        self._rest: dict[tuple[tree.Unit, tree.Call], tree.Call] = {}
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

    def of_unit(self, unit: Definition, use: Use) -> tuple[Use, dict[str, Any]]:
        """The use without the arguments for the unit's own parameters, and these; the rest speaks to its main op."""
        written = unit.unit
        if not written.params:
            return use, {}
        names = {param.name.text for param in written.params}
        fixed = {name: value for name, value in use.fixed if name in names}
        values = given(written, own_args(written, use.call), use.scope, self._tools.evaluate, fixed)
        arguments = complete(written, values, unit.names, use, self._tools.evaluate)
        rest = tuple([(name, value) for name, value in use.fixed if name not in names])
        return use._replace(call=self._for_op(written, use.call), fixed=rest), arguments

    def _for_op(self, unit: tree.Unit, call: tree.Call) -> tree.Call:
        """A call without what it says to the unit itself; the same one each time."""
        if not unit.params:
            return call
        if (unit, call) not in self._rest:
            mine = own_args(unit, call)
            self._rest[unit, call] = replace(call, args=tuple([arg for arg in call.args if arg not in mine]))
        return self._rest[unit, call]

    def convolution(self, use: Use, unit: Definition | None) -> dict[str, Any]:
        """The settings of the convolution that is factorized; anything else is refused."""
        scope = use.scope
        main = main_of(unit) if unit else None
        op = main.op if main else find(use.word)
        if op is None and not scope.names.block(use.word):
            refuse_name(use.call.name, scope)
        if op is not Conv2d:
            raise no_convolution(use)
        if not (unit and main):
            return self.gathered(use.call, Conv2d, scope).values
        spoken, arguments = self.of_unit(unit, use)
        inner = Scope(scope.instance, scope.title, unit.names, arguments, input=use.value, dry=scope.dry)
        return self.gathered(main.call, Conv2d, inner).under(self.gathered(spoken.call, Conv2d, scope)).values

    def given(self, ref: OpRef) -> dict[str, Any]:
        """The settings or arguments of what is handed down as a value."""
        if block := ref.scope.names.block(ref.name.text):
            return given(block.block, ref.args, ref.scope, self._tools.evaluate, {})
        unit = self._tools.units(ref.scope)(ref.scope.names, ref.name.text)
        op = main_of(unit).op if unit else find(ref.name.text)
        if op is None:
            refuse_name(ref.name, ref.scope)
        call, evaluate = tree.Call(ref.name, args=ref.args), self._tools.evaluate
        mine = given(unit.unit, own_args(unit.unit, call), ref.scope, evaluate, {}) if unit else {}
        settings = gather(self._for_op(unit.unit, call) if unit else call, op, ref.scope, evaluate)
        hold_no_size(settings, ref.name.text)
        return mine | settings.values

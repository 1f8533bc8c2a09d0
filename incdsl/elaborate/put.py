"""Ops as nodes: what flows into them, which attribute they get, what is decided at compile time."""

from __future__ import annotations

from collections.abc import Sequence

from incdsl.diagnostics.shapes import NoNominalSize
from incdsl.elaborate.scope import UNKNOWN, One, Problem, Scope, Value
from incdsl.elaborate.settings import Settings, build, gather, is_constant, resolve_padding, unusual
from incdsl.elaborate.tools import Tools
from incdsl.elaborate.use import Use, bad_label, no_sequence
from incdsl.ops import Op
from incdsl.ops.code import SELF
from incdsl.ops.dense import Flatten
from incdsl.ops.merge import is_scale
from incdsl.syntax import tree
from incdsl.values import Image, Num, Pair, expression
from incdsl.values.num import PLAIN


class Ops:
    """Puts one op behind a value."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._constant: dict[tree.Call, Op | None] = {}
        """What each call makes whose settings are numbers and words alone: always the same. None for the others."""

    def primitive(self, op: type[Op], use: Use) -> One:
        """What comes out of a step that names an op."""
        if made := self._constant.get(use.call):
            return self.put(made, self.fit(op, Settings(), use), use)
        settings = gather(use.call, op, use.scope, self._tools.evaluate)
        for name, value in use.fixed:
            settings.put(name, value, use.span)
        resolve_padding(op, settings, use.word, use.span)
        value = self.fit(op, settings, use)
        made = self.made(op, settings, use)
        if use.call not in self._constant:
            constant = not use.fixed and not op.nominal_size and is_constant(use.call)
            self._constant[use.call] = made if constant else None
        return self.put(made, value, use, list(settings.sizes.values()))

    def made(self, op: type[Op], settings: Settings, use: Use) -> Op:
        """The op with these settings; unusual ones are told."""
        made = build(op, settings, use.word, use.span)
        for problem in unusual(made, settings, use.word, use.span):
            self._tools.report(problem, use.scope)
        return made

    def fit(self, op: type[Op], settings: Settings, use: Use) -> One:
        """What flows into the op: `linear` flattens [C, 1, 1], `flatten` takes the size that it meets."""
        value = use.value
        if not isinstance(value, Value) or not isinstance(value.shape, Image):
            return value
        shape = value.shape
        if op.flattens_points(settings.values) and is_scale(shape):
            if use.scope.instance.kind == "sequence":
                raise no_sequence("`linear` flattens what flows in", use.span)
            return self._tools.placer.place(Flatten(), [value], use.scope, use.location(""))
        if op.nominal_size and op.nominal_size not in settings.values:
            height, width = self._tools.conditions.size(shape.height), self._tools.conditions.size(shape.width)
            if height is None or width is None:
                reason = f"`{op.word}` needs an image of known size, not {self._tools.conditions.show(shape)}"
                raise Problem(NoNominalSize(span=use.span, reason=reason))
            settings.put(op.nominal_size, Pair(height, width), use.span)
        return value

    def put(self, op: Op, value: One, use: Use, sizes: Sequence[One] = ()) -> One:
        """Place an op under its name, if it owns parameters, was labelled or has no function.

        `sizes` are the values whose size it takes.
        """
        scope, named = use.scope, use.named
        if len(named.names) > 1:
            raise bad_label(named, f"`{use.word}` has one part that owns parameters, not {len(named.names)}")
        owns = type(op).owns_parameters()
        label = self._tools.placer.claim(named.names[0], named.span, scope) if owns or named.labelled else ""
        operands = [each for each in (value, *sizes) if isinstance(each, Value)]
        if len(operands) <= len(sizes) or scope.dry:
            return UNKNOWN
        if not owns or op.is_parameter or scope.instance.kind == "sequence":
            label = self._lowered(op.placed()[-1], label, operands, use)
        self.pin_fields(op, operands[0], scope)
        return self._place(op, operands, label, use)

    def _place(self, op: Op, operands: list[Value], label: str, use: Use) -> Value:
        """Place an op, behind what it needs before it."""
        *before, last = op.placed()
        if before and use.scope.instance.kind == "sequence":
            raise no_sequence(f"`{op.word}` is padded in a step of its own", use.span)
        for each in before:
            operands = [self._tools.placer.place(each, operands, use.scope, use.location(""))]
        return self._tools.placer.place(last, operands, use.scope, use.location(label))

    def _lowered(self, op: Op, label: str, operands: list[Value], use: Use) -> str:
        """The attribute of an op that need not be a module, or that must be one."""
        scope, lowering = use.scope, op.lower(*(value.shape for value in operands))
        if label and not op.owns_parameters() and lowering.module is None:
            raise bad_label(use.named, f"`{op.word}` is not a module, so it takes no label")
        if op.is_parameter and "." in label:
            hint = "a parameter of the class around it has no path: give it a label of one word, `gamma: …`"
            raise bad_label(use.named, f"`{op.word}` cannot be called `{label}`", hint)
        if not label and lowering.function is None:
            label = self._tools.placer.free_label(op.word, use.span, scope)
        if scope.instance.kind == "sequence" and (not label or lowering.forward is not SELF):
            raise no_sequence(f"`{op.word}` is not a module of its own", use.span)
        return label

    def pin_fields(self, op: Op, value: Value, scope: Scope) -> None:
        """Note which numbers the structure depends on: all but widths, and what repeats the input's channels."""
        incoming, settings = expression(value.shape.channels), vars(op)
        for name in op.structural:
            setting = settings[name]
            for part in setting if isinstance(setting, Pair) else (setting,):
                if type(part) not in PLAIN and not (isinstance(part, Num) and part.expr == incoming):
                    self._tools.evaluate.pin(scope, part)
        parts = settings.get(op.cuts, 1)
        if parts not in (1, None) and expression(parts) != incoming:
            self._tools.evaluate.pin(scope, value.shape.channels)
            self._tools.evaluate.pin(scope, settings.get("width"))

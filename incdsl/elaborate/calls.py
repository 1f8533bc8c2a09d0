"""Uses of ops, units and blocks: settings to ops, units and blocks to classes of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from incdsl.diagnostics.limits import TooDeep
from incdsl.diagnostics.names import (
    BadFlow,
    Recursion,
    SigilNotTaken,
    UnknownName,
    WrongArguments,
)
from incdsl.diagnostics.shapes import NoNominalSize
from incdsl.diagnostics.unused import Unused
from incdsl.elaborate.arguments import complete, given
from incdsl.elaborate.changes import Changes
from incdsl.elaborate.expressions import Expressions
from incdsl.elaborate.names import Definition, Names
from incdsl.elaborate.naming import MAX_BLOCK_DEPTH, Named, Naming, numbered
from incdsl.elaborate.pins import StaticParams
from incdsl.elaborate.place import Location, Placer
from incdsl.elaborate.problems import bad_label, no_sequence
from incdsl.elaborate.scope import OpRef, Problem, Scope, Value
from incdsl.elaborate.settings import Settings, build, gather, resolve_padding
from incdsl.elaborate.suggest import unknown_name
from incdsl.elaborate.units import Main, main_of, unit_of
from incdsl.ir.graph import Chain, Instance
from incdsl.ops import Op, find
from incdsl.ops.code import SELF
from incdsl.ops.dense import Flatten
from incdsl.ops.merge import Joining, is_scale
from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.values import Image, Num, Pair, Real, SymbolPair, expression
from incdsl.values.num import rebased

ChainOf = Callable[[tree.Pipe, Scope, Value | None, str | None, bool, Chain], Value]


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a name in a chain: the step, what flows in, and where the result goes."""

    named: Named
    call: tree.Call
    value: Value
    scope: Scope
    chain: Chain
    number: int
    note: str = ""
    optional: bool = False
    fixed: tuple[tuple[str, Any], ...] = ()
    """Settings that the compiler gives, such as the width of a factor."""

    @property
    def span(self) -> Span:
        """Where it is written."""
        return self.call.span

    def location(self, label: str) -> Location:
        """Where its node goes."""
        return Location(self.span, self.chain, self.number, label, self.note)


class Calls:
    """Elaborates uses; `chain` elaborates the chains inside blocks and units."""

    def __init__(
        self,
        changes: Changes,
        placer: Placer,
        naming: Naming,
        evaluate: Expressions,
        pins: StaticParams,
    ) -> None:
        self._changes = changes
        self.placer = placer
        self.naming = naming
        self.evaluate = evaluate
        self._pins = pins
        self._plans: dict[Definition, list[Named]] = {}
        self.chain: ChainOf
        self.rest: Callable[[list[Named], Scope, Value, Chain, int], Value]
        self.body: Callable[[tree.Block, Scope], Value]
        self.report: Callable[[Any], None]

    def use(self, use: Use) -> Value:
        """The value of a step that names an op, a unit or a block."""
        name, scope = use.call.name, use.scope
        if isinstance(scope.params.get(name), OpRef):
            scope.used.add(name)
            return self._referred(use, scope.params[name])
        return self._resolved(use, scope.names)

    def _resolved(self, use: Use, names: Names) -> Value:
        """A name that is no parameter, as a file understands it."""
        name, scope = use.call.name, use.scope
        if name in scope.values:
            hint = f"a chain starts with a value: `{name} -> …`; to join two, write `concat {{ | … | … }}`"
            reason = f"the value `{name}` cannot stand in the middle of a chain"
            raise Problem(BadFlow(span=use.call.name_span, path=scope.title, reason=reason, hint=hint))
        if unit := self.unit(name, names):
            with self.telling(unit):
                return self._unit(unit, use)
        if block := names.block(name):
            return self._block(block, use)
        if names.net(name):
            reason = f"the net `{name}` cannot be a step"
            hint = "steps are ops, units and blocks; a net is varied: `net X = Y with { … }`"
            raise Problem(BadFlow(span=use.call.name_span, path=scope.title, reason=reason, hint=hint))
        op = find(name)
        if op is None or issubclass(op, Joining):
            raise Problem(self.unknown(use.call, scope))
        return self._primitive(op, use)

    def _referred(self, use: Use, ref: OpRef) -> Value:
        if ref.args and use.call.args:
            reason = f"`{use.call.name}` has its settings already"
            raise Problem(WrongArguments(span=use.span, path=use.scope.title, reason=reason))
        call = replace(use.call, name=ref.name)
        if not ref.args:
            return self._resolved(replace(use, call=call), ref.scope.names)
        settings = self._given(ref, call.name_span)
        if ref.scope.instance is not use.scope.instance:
            settings = {name: self._pins.decided(ref.scope.instance, value) for name, value in settings.items()}
        fixed = (*use.fixed, *settings.items())
        return self._resolved(replace(use, call=call, fixed=fixed), ref.scope.names)

    def _given(self, ref: OpRef, span: Span) -> dict[str, Any]:
        """The settings or arguments of an op, unit or block that is handed down as a value."""
        block = ref.scope.names.block(ref.name)
        if block:
            assert isinstance(block.tree, tree.Block)
            return given(block.tree, ref.args, ref.scope, self.evaluate, {})
        unit = self.unit(ref.name, ref.scope.names)
        op = main_of(unit, ref.scope).op if unit else find(ref.name)
        call = tree.Call(span, ref.name, span, args=ref.args)
        if op is None:
            raise Problem(self.unknown(call, ref.scope))
        return gather(call, op, ref.scope, self.evaluate, ref.name).values

    # Ops

    def _primitive(self, op: type[Op], use: Use) -> Value:
        scope = use.scope
        settings = gather(use.call, op, scope, self.evaluate, use.call.name)
        for name, value in use.fixed:
            settings.put(name, value, use.span)
        resolve_padding(op, settings, use.call.name, use.span, scope)
        value = self._fit(op, settings, use)
        built = build(op, settings, use.call.name, use.span, scope)
        return self.put(built, value, use, use.named.names, use.named.labelled)

    def put(self, op: Op, value: Value, use: Use, names: tuple[str, ...], labelled: bool) -> Value:
        """Place an op under its name, if it owns parameters, was labelled or has no function."""
        scope = use.scope
        if len(names) > 1:
            reason = f"`{use.call.name}` has one part that owns parameters, not {len(names)}"
            raise bad_label(use.named.step, scope, reason)
        label = ""
        if type(op).owns_parameters() or labelled:
            claimed = self.placer.claim(names[0], use.named.span, scope)
            label = claimed
            if not type(op).owns_parameters() and op.lower(value.shape).module is None:
                raise bad_label(use.named.step, scope, f"`{op.word}` is no module, so it has no label")
        elif op.lower(value.shape).function is None:
            label = self.placer.free_label(op.word, use.span, scope)
        if scope.instance.kind == "sequence" and (not label or op.lower(value.shape).forward is not SELF):
            raise no_sequence(f"`{op.word}` is no module of its own", use.span, scope)
        self.pin_fields(op, value, scope)
        return self.placer.place(op, [value], scope, use.location(label))

    def pin_fields(self, op: Op, value: Value, scope: Scope) -> None:
        """Tell which numbers the structure depends on: all but widths, and what merely repeats the input's channels."""
        incoming = expression(value.shape.channels)
        for name in type(op).model_fields:
            setting = getattr(op, name)
            for part in setting if isinstance(setting, Pair) else (setting,):
                if name not in op.runtime_args and not (isinstance(part, Num) and part.expr == incoming):
                    self._pins.pin(scope, part)
        groups = getattr(op, "groups", 1)
        if groups != 1 and expression(groups) != incoming:
            self._pins.pin(scope, value.shape.channels)
            self._pins.pin(scope, getattr(op, "width", None))

    def _fit(self, op: type[Op], settings: Settings, use: Use) -> Value:
        """What flows into the op: `linear` flattens [C, 1, 1], `flatten` takes the size that it meets."""
        value, scope, shape = use.value, use.scope, use.value.shape
        if op.flattens_points and isinstance(shape, Image) and is_scale(shape):
            if scope.instance.kind == "sequence":
                raise no_sequence("`linear` flattens what flows in", use.span, scope)
            return self.placer.place(Flatten(), [value], scope, use.location(""))
        if op.nominal_size and isinstance(shape, Image) and op.nominal_size not in settings.values:
            height, width = (self.placer.conditions.size(e) for e in (shape.height, shape.width))
            if height is None or width is None:
                reason = f"`{op.word}` needs an image of known size, not {self.placer.conditions.show(shape)}"
                raise Problem(NoNominalSize(span=use.span, path=scope.title, reason=reason))
            settings.put(op.nominal_size, Pair(height, width), use.span)
        return value

    # Units

    def unit(self, name: str, names: Names) -> Definition | None:
        """The unit of this name, or what a variant puts in its place."""
        return self._changes.unit(names, name)

    @contextmanager
    def telling(self, unit: Definition | None) -> Iterator[None]:
        """While a unit is used: what does not fit a unit that a variant redefines names the variant's line."""
        try:
            yield
        except Problem as problem:
            span = self._changes.redefined(unit) if unit else None
            if span is None or problem.diagnostic.note:
                raise
            note = f"`{span.text}` is redefined at {span}"
            raise Problem(replace(problem.diagnostic, note=note)) from None

    def _unit(self, unit: Definition, use: Use) -> Value:
        scope = use.scope
        if unit in scope.around:
            raise self._recursion(unit, use)
        if len(scope.around) >= MAX_BLOCK_DEPTH:
            raise Problem(TooDeep(span=use.span, path=scope.title, what="units", limit=MAX_BLOCK_DEPTH))
        main = main_of(unit, scope)
        plan = self._plans.get(unit)
        if plan is None:
            bare = Scope(scope.instance, scope.title, unit.names)
            plan = self._plans[unit] = self.naming.plan(unit_of(unit).pipe, "", False, bare)
        owners = [named for named in plan if named.names]
        several = use.named.labelled and len(use.named.names) > 1
        if several and len(use.named.names) != len(owners):
            reason = f"`{unit.name}` has {len(owners)} parts that own parameters, not {len(use.named.names)}"
            raise bad_label(use.named.step, scope, reason)
        plain = len(owners) <= 1 and not any(o.labelled for o in owners)
        if several or (plain and (scope.instance.kind != "sequence" or len(plan) == 1)):
            return self._inline(unit, main, plan, use)
        return self._scoped(unit, main, plan, use)

    def _inline(self, unit: Definition, main: Main, plan: list[Named], use: Use) -> Value:
        """The parts of a unit as steps of the class that uses it."""
        names = iter(use.named.names)
        owned = any(named.names for named in plan)
        renamed = []
        for i, named in enumerate(plan):
            mine = bool(named.names) or (not owned and i == main.at and use.named.labelled)
            given_name = next(names, "") if mine else ""
            own = tuple(numbered(given_name, max(1, len(named.names)))) if given_name else ()
            renamed.append(Named(named.step, own, bool(own)))
        scope = self._unit_frame(use, use.scope.instance, use.value, use.scope.labels, unit)
        scope.counts = use.scope.counts
        settings, _ = self._merged(main, use, scope)
        inner, value = self._up_to(main, settings, renamed, replace(use, scope=scope))
        built = build(main.op, settings, use.call.name, use.span, use.scope)
        value = self.put(built, value, inner, inner.named.names, inner.named.labelled)
        return self.rest(renamed[main.at + 1 :], scope, value, use.chain, use.number)

    def _up_to(self, main: Main, settings: Settings, plan: list[Named], use: Use) -> tuple[Use, Value]:
        """The use as its main op sees it, behind the steps before that."""
        before = self.rest(plan[: main.at], use.scope, use.value, use.chain, use.number)
        inner = replace(use, named=plan[main.at], value=before)
        return inner, self._fit(main.op, settings, inner)

    def _scoped(self, unit: Definition, main: Main, plan: list[Named], use: Use) -> Value:
        """A unit as a class of its own, whose constructor takes what its uses say."""
        parent = use.scope
        label = self.placer.claim(use.named.names[0], use.named.span, parent)
        channels = use.value.shape.channels
        instance = Instance(
            "unit", unit.name, label, parent.instance, {"in_channels": channels}, unit.tree.comments, use.note,
            use.span,
            use.number, use.chain, unit.place,
        )  # fmt: skip
        flowing = Value(use.value.node, use.value.shape.with_channels(Num.symbol(int(channels), "in_channels")))
        scope = self._unit_frame(use, instance, flowing, {}, unit)
        settings, own = self._merged(main, use, scope)
        inside = replace(use, scope=scope, value=flowing, chain=Chain(unit.name), note="")
        inner, value = self._up_to(main, settings, plan, inside)
        plain = build(main.op, settings, use.call.name, use.span, parent)
        self.pin_fields(plain, use.value, parent)
        symbols: dict[str, Any] = {}
        for name in type(plain).model_fields:
            setting = getattr(plain, name)
            if name in own or (isinstance(setting, bool | str | tuple) and not isinstance(setting, Pair)):
                continue
            keyword = main.op.keyword(name)
            instance.arguments[keyword] = setting
            symbols[name] = as_symbol(setting, keyword)
        value = self.put(plain.model_copy(update=symbols), value, inner, inner.named.names, inner.named.labelled)
        value = self.rest(plan[main.at + 1 :], scope, value, inner.chain, use.number)
        return leave(value, instance)

    def _unit_frame(
        self, use: Use, instance: Instance, value: Value, labels: dict[str, str], unit: Definition
    ) -> Scope:
        around = (*use.scope.around, unit)
        return Scope(instance, use.scope.title, unit.names, input=value, labels=labels, around=around)

    def _merged(self, main: Main, use: Use, scope: Scope) -> tuple[Settings, set[str]]:
        """What the use says over what the unit says, padding resolved; and the fields that only the unit decides."""
        call, op = main.call, main.op
        settings = gather(call, op, scope, self.evaluate, call.name)
        own = set(settings.values)
        said = gather(use.call, op, use.scope, self.evaluate, use.call.name)
        for name, value in use.fixed:
            said.put(name, value, use.span)
        own -= set(said.values)
        if "padding" in own and "kernel" not in own:
            own.discard("padding")
        settings.values.update(said.values)
        settings.spans.update(said.spans)
        resolve_padding(op, settings, use.call.name, use.span, use.scope)
        return settings, own

    # Blocks

    def _block(self, definition: Definition, use: Use) -> Value:
        parent, name, block = use.scope, definition.name, definition.tree
        assert isinstance(block, tree.Block)
        if definition in parent.around:
            raise self._recursion(definition, use)
        if len(parent.around) >= MAX_BLOCK_DEPTH:
            raise Problem(TooDeep(span=use.span, path=parent.title, what="blocks", limit=MAX_BLOCK_DEPTH))
        self._no_sigils(use)
        if len(use.named.names) != 1:
            reason = f"`{name}` is one module and takes one label"
            raise bad_label(use.named.step, parent, reason)
        values = given(block, use.call.args, parent, self.evaluate, dict(use.fixed))
        arguments = complete(block, values, definition.names, use.span, parent, self.evaluate)
        label = self.placer.claim(use.named.names[0], use.named.span, parent)
        channels = use.value.shape.channels
        kept = {p: v for p, v in arguments.items() if isinstance(v, int | float) and not isinstance(v, bool)}
        instance = Instance(
            "block", name, label, parent.instance, {"in_channels": channels, **kept}, block.comments, use.note,
            use.span,
            use.number, use.chain, definition.place, use.optional,
        )  # fmt: skip
        scope = Scope(
            instance,
            f"{parent.title} > {label}: {name}",
            definition.names,
            {p: as_symbol(v, p) if p in kept else v for p, v in arguments.items()},
            input=Value(use.value.node, use.value.shape.with_channels(Num.symbol(int(channels), "in_channels"))),
            around=(*parent.around, definition),
        )
        value = leave(self.body(block, scope), instance)
        for param in block.params if not self._changes.changed(instance) else ():
            if param.name not in scope.used:
                self.report(Unused(span=param.span, path=scope.title, what="parameter", name=param.name))
        return value

    def _recursion(self, definition: Definition, use: Use) -> Problem:
        around = use.scope.around
        chain = (*around[around.index(definition) :], definition)
        names = tuple(each.name for each in chain)
        return Problem(Recursion(span=use.call.name_span, path=use.scope.title, chain=names))

    def _no_sigils(self, use: Use) -> None:
        call = use.call
        for sigil, written in (
            ("kernel", call.kernel), ("stride", call.stride), ("width", call.width), ("padding", call.padding),
            ("number", call.number), ("factorization", call.factors),
        ):  # fmt: skip
            if written:
                raise Problem(
                    SigilNotTaken(
                        span=written.span, path=use.scope.title, owner=call.name, sigil=sigil,
                        taken=("its parameters in parentheses",),
                    )
                )  # fmt: skip

    def knows(self, name: str, scope: Scope) -> bool:
        """Whether a name is an op, a unit or a block."""
        return find(name) is not None or name in scope.names

    def unknown(self, call: tree.Call, scope: Scope, remark: str = "") -> UnknownName:
        """The problem about a name that is nothing, with what was probably meant."""
        return unknown_name(call, scope, remark)


def leave(value: Value, instance: Instance) -> Value:
    """The value that leaves a class, its channels in the symbols of the class around it."""
    outer = {k: expression(v) for k, v in instance.arguments.items() if isinstance(v, int) and not isinstance(v, bool)}
    return Value(value.node, value.shape.with_channels(rebased(value.shape.channels, outer)))


def as_symbol(value: Any, name: str) -> Any:
    """A number that is known by its name inside a class."""
    if isinstance(value, Pair):
        return SymbolPair(value[0], value[1], name)
    return Num.symbol(int(value), name) if isinstance(value, int) else Real(value, name)

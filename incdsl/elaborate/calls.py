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
from incdsl.elaborate.complaints import bad_label, no_sequence
from incdsl.elaborate.expressions import Expressions
from incdsl.elaborate.frame import Complaint, Frame, OpRef, Value
from incdsl.elaborate.names import Definition, Names
from incdsl.elaborate.naming import MAX_BLOCK_DEPTH, Named, Naming, numbered
from incdsl.elaborate.pins import Pins
from incdsl.elaborate.place import Placer, Spot
from incdsl.elaborate.settings import Settings, build, gather, resolve_padding
from incdsl.elaborate.suggest import unknown_name
from incdsl.elaborate.units import Main, main_of, unit_of
from incdsl.ir.graph import Chain, Scope
from incdsl.ops import Op, find
from incdsl.ops.code import SELF
from incdsl.ops.dense import Flatten, Linear
from incdsl.ops.merge import Joining, is_scale
from incdsl.source import Span
from incdsl.syntax import tree
from incdsl.types import Image, Num, Pair, Real, SymbolPair, expression
from incdsl.types.num import rebased

ChainOf = Callable[[tree.Pipe, Frame, Value | None, str | None, bool, Chain], Value]


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a name in a chain: the step, what flows in, and where the result goes."""

    named: Named
    call: tree.Call
    value: Value
    frame: Frame
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

    def spot(self, label: str) -> Spot:
        """Where its node goes."""
        return Spot(self.span, self.chain, self.number, label, self.note)


class Calls:
    """Elaborates uses; `chain` elaborates the chains inside blocks and units."""

    def __init__(
        self,
        changes: Changes,
        placer: Placer,
        naming: Naming,
        evaluate: Expressions,
        pins: Pins,
    ) -> None:
        self._changes = changes
        self.placer = placer
        self.naming = naming
        self.evaluate = evaluate
        self._pins = pins
        self._plans: dict[Definition, list[Named]] = {}
        self.chain: ChainOf
        self.rest: Callable[[list[Named], Frame, Value, Chain, int], Value]
        self.body: Callable[[tree.Block, Frame], Value]
        self.report: Callable[[Any], None]

    def use(self, use: Use) -> Value:
        """The value of a step that names an op, a unit or a block."""
        name, frame = use.call.name, use.frame
        if isinstance(frame.params.get(name), OpRef):
            frame.used.add(name)
            return self._referred(use, frame.params[name])
        return self._resolved(use, frame.names)

    def _resolved(self, use: Use, names: Names) -> Value:
        """A name that is no parameter, as a file understands it."""
        name, frame = use.call.name, use.frame
        if name in frame.values:
            hint = f"a chain starts with a value: `{name} -> …`; to join two, write `concat {{ | … | … }}`"
            reason = f"the value `{name}` cannot stand in the middle of a chain"
            raise Complaint(BadFlow(span=use.call.name_span, path=frame.title, reason=reason, hint=hint))
        if unit := self.unit(name, names):
            with self.telling(unit):
                return self._unit(unit, use)
        if block := names.block(name):
            return self._block(block, use)
        if names.net(name):
            reason = f"the net `{name}` cannot be a step"
            hint = "steps are ops, units and blocks; a net is varied: `net X = Y with { … }`"
            raise Complaint(BadFlow(span=use.call.name_span, path=frame.title, reason=reason, hint=hint))
        op = find(name)
        if op is None or issubclass(op, Joining):
            raise Complaint(self.unknown(use.call, frame))
        return self._primitive(op, use)

    def _referred(self, use: Use, ref: OpRef) -> Value:
        if ref.args and use.call.args:
            reason = f"`{use.call.name}` has its settings already"
            raise Complaint(WrongArguments(span=use.span, path=use.frame.title, reason=reason))
        call = replace(use.call, name=ref.name)
        if not ref.args:
            return self._resolved(replace(use, call=call), ref.frame.names)
        settings = self._given(ref, call.name_span)
        if ref.frame.scope is not use.frame.scope:
            settings = {name: self._pins.decided(ref.frame.scope, value) for name, value in settings.items()}
        fixed = (*use.fixed, *settings.items())
        return self._resolved(replace(use, call=call, fixed=fixed), ref.frame.names)

    def _given(self, ref: OpRef, span: Span) -> dict[str, Any]:
        """The settings or arguments of an op, unit or block that is handed down as a value."""
        block = ref.frame.names.block(ref.name)
        if block:
            assert isinstance(block.tree, tree.Block)
            return given(block.tree, ref.args, ref.frame, self.evaluate, {})
        unit = self.unit(ref.name, ref.frame.names)
        op = main_of(unit, ref.frame).op if unit else find(ref.name)
        call = tree.Call(span, ref.name, span, args=ref.args)
        if op is None:
            raise Complaint(self.unknown(call, ref.frame))
        return gather(call, op, ref.frame, self.evaluate, ref.name).values

    # Ops

    def _primitive(self, op: type[Op], use: Use) -> Value:
        frame = use.frame
        settings = gather(use.call, op, frame, self.evaluate, use.call.name)
        for name, value in use.fixed:
            settings.put(name, value, use.span)
        resolve_padding(op, settings, use.call.name, use.span, frame)
        value = self._fit(op, settings, use)
        built = build(op, settings, use.call.name, use.span, frame)
        return self.put(built, value, use, use.named.names, use.named.labelled)

    def put(self, op: Op, value: Value, use: Use, names: tuple[str, ...], labelled: bool) -> Value:
        """Place an op under its name, if it owns parameters, was labelled or has no function."""
        frame = use.frame
        if len(names) > 1:
            reason = f"`{use.call.name}` has one part that owns parameters, not {len(names)}"
            raise bad_label(use.named.step, frame, reason)
        label = ""
        if type(op).owns_parameters() or labelled:
            claimed = self.placer.claim(names[0], use.named.span, frame)
            label = claimed
            if not type(op).owns_parameters() and op.lower(value.shape).module is None:
                raise bad_label(use.named.step, frame, f"`{op.word}` is no module, so it has no label")
        elif op.lower(value.shape).function is None:
            label = self.placer.free_label(op.word, use.span, frame)
        if frame.scope.kind == "sequence" and (not label or op.lower(value.shape).forward is not SELF):
            raise no_sequence(f"`{op.word}` is no module of its own", use.span, frame)
        self.pin_fields(op, value, frame)
        return self.placer.place(op, [value], frame, use.spot(label))

    def pin_fields(self, op: Op, value: Value, frame: Frame) -> None:
        """Tell which numbers the structure depends on: all but widths, and what merely repeats the input's channels."""
        incoming = expression(value.shape.channels)
        for name in type(op).model_fields:
            setting = getattr(op, name)
            for part in setting if isinstance(setting, Pair) else (setting,):
                if name not in op.flexible and not (isinstance(part, Num) and part.expr == incoming):
                    self._pins.pin(frame, part)
        groups = getattr(op, "groups", 1)
        if groups != 1 and expression(groups) != incoming:
            self._pins.pin(frame, value.shape.channels)
            self._pins.pin(frame, getattr(op, "width", None))

    def _fit(self, op: type[Op], settings: Settings, use: Use) -> Value:
        """What flows into the op: `linear` flattens [C, 1, 1], `flatten` fixes the size."""
        value, frame, shape = use.value, use.frame, use.value.shape
        if op is Linear and isinstance(shape, Image) and is_scale(shape):
            if frame.scope.kind == "sequence":
                raise no_sequence("`linear` flattens what flows in", use.span, frame)
            return self.placer.place(Flatten(), [value], frame, use.spot(""))
        if op is Flatten and isinstance(shape, Image) and "size" not in settings.values:
            height, width = (self.placer.conditions.size(e) for e in (shape.height, shape.width))
            if height is None or width is None:
                reason = f"`flatten` needs an image of known size, not {self.placer.conditions.show(shape)}"
                raise Complaint(NoNominalSize(span=use.span, path=frame.title, reason=reason))
            settings.put("size", Pair(height, width), use.span)
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
        except Complaint as complaint:
            span = self._changes.redefined(unit) if unit else None
            if span is None or complaint.diagnostic.note:
                raise
            note = f"`{span.text}` is redefined at {span}"
            raise Complaint(replace(complaint.diagnostic, note=note)) from None

    def _unit(self, unit: Definition, use: Use) -> Value:
        frame = use.frame
        if unit in frame.around:
            raise self._recursion(unit, use)
        if len(frame.around) >= MAX_BLOCK_DEPTH:
            raise Complaint(TooDeep(span=use.span, path=frame.title, what="units", limit=MAX_BLOCK_DEPTH))
        main = main_of(unit, frame)
        plan = self._plans.get(unit)
        if plan is None:
            bare = Frame(frame.scope, frame.title, unit.names)
            plan = self._plans[unit] = self.naming.plan(unit_of(unit).pipe, "", False, bare)
        owners = [named for named in plan if named.names]
        several = use.named.labelled and len(use.named.names) > 1
        if several and len(use.named.names) != len(owners):
            reason = f"`{unit.name}` has {len(owners)} parts that own parameters, not {len(use.named.names)}"
            raise bad_label(use.named.step, frame, reason)
        plain = len(owners) <= 1 and not any(o.labelled for o in owners)
        if several or (plain and (frame.scope.kind != "sequence" or len(plan) == 1)):
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
        frame = self._unit_frame(use, use.frame.scope, use.value, use.frame.labels, unit)
        frame.counts = use.frame.counts
        settings, _ = self._merged(main, use, frame)
        inner, value = self._up_to(main, settings, renamed, replace(use, frame=frame))
        built = build(main.op, settings, use.call.name, use.span, use.frame)
        value = self.put(built, value, inner, inner.named.names, inner.named.labelled)
        return self.rest(renamed[main.at + 1 :], frame, value, use.chain, use.number)

    def _up_to(self, main: Main, settings: Settings, plan: list[Named], use: Use) -> tuple[Use, Value]:
        """The use as its main op sees it, behind the steps before that."""
        before = self.rest(plan[: main.at], use.frame, use.value, use.chain, use.number)
        inner = replace(use, named=plan[main.at], value=before)
        return inner, self._fit(main.op, settings, inner)

    def _scoped(self, unit: Definition, main: Main, plan: list[Named], use: Use) -> Value:
        """A unit as a class of its own, whose constructor takes what its uses say."""
        parent = use.frame
        label = self.placer.claim(use.named.names[0], use.named.span, parent)
        channels = use.value.shape.channels
        scope = Scope(
            "unit", unit.name, label, parent.scope, {"in_channels": channels}, unit.tree.comments, use.note, use.span,
            use.number, use.chain, unit.place,
        )  # fmt: skip
        flowing = Value(use.value.node, use.value.shape.with_channels(Num.symbol(int(channels), "in_channels")))
        frame = self._unit_frame(use, scope, flowing, {}, unit)
        settings, own = self._merged(main, use, frame)
        inside = replace(use, frame=frame, value=flowing, chain=Chain(unit.name), note="")
        inner, value = self._up_to(main, settings, plan, inside)
        plain = build(main.op, settings, use.call.name, use.span, parent)
        self.pin_fields(plain, use.value, parent)
        symbols: dict[str, Any] = {}
        for name in type(plain).model_fields:
            setting = getattr(plain, name)
            if name in own or (isinstance(setting, bool | str | tuple) and not isinstance(setting, Pair)):
                continue
            keyword = main.op.keyword(name)
            scope.arguments[keyword] = setting
            symbols[name] = as_symbol(setting, keyword)
        value = self.put(plain.model_copy(update=symbols), value, inner, inner.named.names, inner.named.labelled)
        value = self.rest(plan[main.at + 1 :], frame, value, inner.chain, use.number)
        return leave(value, scope)

    def _unit_frame(self, use: Use, scope: Scope, value: Value, labels: dict[str, str], unit: Definition) -> Frame:
        around = (*use.frame.around, unit)
        return Frame(scope, use.frame.title, unit.names, input=value, labels=labels, around=around)

    def _merged(self, main: Main, use: Use, frame: Frame) -> tuple[Settings, set[str]]:
        """What the use says over what the unit says, padding resolved; and the fields that only the unit decides."""
        call, op = main.call, main.op
        settings = gather(call, op, frame, self.evaluate, call.name)
        own = set(settings.values)
        said = gather(use.call, op, use.frame, self.evaluate, use.call.name)
        for name, value in use.fixed:
            said.put(name, value, use.span)
        own -= set(said.values)
        if "padding" in own and "kernel" not in own:
            own.discard("padding")
        settings.values.update(said.values)
        settings.spans.update(said.spans)
        resolve_padding(op, settings, use.call.name, use.span, use.frame)
        return settings, own

    # Blocks

    def _block(self, definition: Definition, use: Use) -> Value:
        parent, name, block = use.frame, definition.name, definition.tree
        assert isinstance(block, tree.Block)
        if definition in parent.around:
            raise self._recursion(definition, use)
        if len(parent.around) >= MAX_BLOCK_DEPTH:
            raise Complaint(TooDeep(span=use.span, path=parent.title, what="blocks", limit=MAX_BLOCK_DEPTH))
        self._no_sigils(use)
        if len(use.named.names) != 1:
            reason = f"`{name}` is one module and takes one label"
            raise bad_label(use.named.step, parent, reason)
        values = given(block, use.call.args, parent, self.evaluate, dict(use.fixed))
        arguments = complete(block, values, definition.names, use.span, parent, self.evaluate)
        label = self.placer.claim(use.named.names[0], use.named.span, parent)
        channels = use.value.shape.channels
        kept = {p: v for p, v in arguments.items() if isinstance(v, int | float) and not isinstance(v, bool)}
        scope = Scope(
            "block", name, label, parent.scope, {"in_channels": channels, **kept}, block.comments, use.note, use.span,
            use.number, use.chain, definition.place, use.optional,
        )  # fmt: skip
        frame = Frame(
            scope,
            f"{parent.title} > {label}: {name}",
            definition.names,
            {p: as_symbol(v, p) if p in kept else v for p, v in arguments.items()},
            input=Value(use.value.node, use.value.shape.with_channels(Num.symbol(int(channels), "in_channels"))),
            around=(*parent.around, definition),
        )
        value = leave(self.body(block, frame), scope)
        for param in block.params if not self._changes.changed(scope) else ():
            if param.name not in frame.used:
                self.report(Unused(span=param.span, path=frame.title, what="parameter", name=param.name))
        return value

    def _recursion(self, definition: Definition, use: Use) -> Complaint:
        around = use.frame.around
        chain = (*around[around.index(definition) :], definition)
        names = tuple(each.name for each in chain)
        return Complaint(Recursion(span=use.call.name_span, path=use.frame.title, chain=names))

    def _no_sigils(self, use: Use) -> None:
        call = use.call
        for sigil, written in (
            ("kernel", call.kernel), ("stride", call.stride), ("width", call.width), ("padding", call.padding),
            ("number", call.number), ("factorization", call.factors),
        ):  # fmt: skip
            if written:
                raise Complaint(
                    SigilNotTaken(
                        span=written.span, path=use.frame.title, owner=call.name, sigil=sigil,
                        taken=("its parameters in parentheses",),
                    )
                )  # fmt: skip

    def knows(self, name: str, frame: Frame) -> bool:
        """Whether a name is an op, a unit or a block."""
        return find(name) is not None or name in frame.names

    def unknown(self, call: tree.Call, frame: Frame, remark: str = "") -> UnknownName:
        """The complaint about a name that is nothing, with what was probably meant."""
        return unknown_name(call, frame, remark)


def leave(value: Value, scope: Scope) -> Value:
    """The value that leaves a class, its channels in the symbols of the class around it."""
    outer = {k: expression(v) for k, v in scope.arguments.items() if isinstance(v, int) and not isinstance(v, bool)}
    return Value(value.node, value.shape.with_channels(rebased(value.shape.channels, outer)))


def as_symbol(value: Any, name: str) -> Any:
    """A number that is known by its name inside a class."""
    if isinstance(value, Pair):
        return SymbolPair(value[0], value[1], name)
    return Num.symbol(int(value), name) if isinstance(value, int) else Real(value, name)

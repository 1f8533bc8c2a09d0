"""Auxiliary heads: each is one module, the block that it names or a class made of its chain."""

from __future__ import annotations

from dataclasses import replace

from incdsl.elaborate.build import Builder
from incdsl.elaborate.calls import Use, as_symbol, leave
from incdsl.elaborate.complaints import bad_flow
from incdsl.elaborate.frame import Complaint, Frame, Poisoned, Value
from incdsl.elaborate.naming import Named, spliced
from incdsl.ir.graph import Chain, Scope, class_name
from incdsl.syntax import tree
from incdsl.types import Num, Real


def head(builder: Builder, item: tree.Aux, frame: Frame) -> tuple[Value, Scope]:
    """An auxiliary head as one module: the block that it names, or a class made of its chain."""
    plan = builder.naming.plan(item.pipe, item.name.text, False, frame)
    try:
        chain = Chain(item.name.text)
        flow, rest = builder.start(plan, frame, None, chain)
        number = builder.placer.step_number()
        found = builder.places.head(item.name.text, frame)
        with builder.places.inside(found, frame, flow) as inner:
            steps = tuple(spliced(found.change.pipe) if found.change else [named.step for named in rest])
            first, atom = steps[0], steps[0].atom
            alone = len(steps) == 1 and not first.repeat
            if alone and isinstance(atom, tree.Call) and inner.names.block(atom.name):
                named = Named(first, (item.name.text,), True)
                value = builder.calls.use(Use(named, atom, flow, inner, chain, number, optional=True))
                builder.assertions.check(first, value, inner)
            else:
                span = found.change.span if found.change else item.span
                value = _own_class(builder, item, tree.Pipe(span, steps), inner, flow, chain, number)
        if value.node == flow.node:
            raise bad_flow(item.span, frame, f"the head `{item.name.text}` does nothing")
    except Complaint as complaint:
        builder.sink.add(complaint.diagnostic)
        raise Poisoned from None
    scope = builder.placer.graph[value.node].scope
    while scope.parent and scope.parent.parent:
        scope = scope.parent
    return value, scope


def _own_class(
    builder: Builder, item: tree.Aux, pipe: tree.Pipe, frame: Frame, flow: Value, chain: Chain, number: int
) -> Value:
    name = item.name.text
    label = builder.placer.claim(name, item.name.span, frame)
    channels = flow.shape.channels
    word = class_name(name) + "Head"
    scope = Scope(
        "block", word, label, frame.scope, {"in_channels": channels}, span=pipe.span, step=number, chain=chain,
        defined=(frame.names.order, pipe.span.start), optional=True,
    )  # fmt: skip
    kept = {param: setting for param, setting in frame.params.items() if isinstance(setting, Num | Real)}
    scope.arguments.update(kept)
    params = {param: as_symbol(setting, param) for param, setting in kept.items()}
    inner = replace(
        frame, scope=scope, title=f"{frame.title} > {label}", values={}, labels={}, is_net=False,
        params={**frame.params, **params},
        input=Value(flow.node, flow.shape.with_channels(Num.symbol(int(channels), "in_channels"))),
    )  # fmt: skip
    assert inner.input is not None
    return leave(builder.chain(pipe, inner, inner.input, None, False, Chain("")), scope)

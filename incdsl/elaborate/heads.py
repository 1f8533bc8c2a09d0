"""Auxiliary heads: each is one module, the block that it names or a class made of its chain."""

from __future__ import annotations

from dataclasses import replace

from incdsl.elaborate.build import Builder
from incdsl.elaborate.calls import Use, as_symbol, leave
from incdsl.elaborate.naming import Named, spliced
from incdsl.elaborate.problems import bad_flow
from incdsl.elaborate.scope import Poisoned, Problem, Scope, Value
from incdsl.ir.graph import Chain, Instance, class_name
from incdsl.syntax import tree
from incdsl.values import Num, Real


def head(builder: Builder, item: tree.Aux, scope: Scope) -> tuple[Value, Instance]:
    """An auxiliary head as one module: the block that it names, or a class made of its chain."""
    plan = builder.naming.plan(item.pipe, item.name.text, False, scope)
    try:
        chain = Chain(item.name.text)
        flow, rest = builder.start(plan, scope, None, chain)
        number = builder.placer.step_number()
        found = builder.places.head(item.name.text, scope)
        with builder.places.inside(found, scope, flow) as inner:
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
            raise bad_flow(item.span, scope, f"the head `{item.name.text}` does nothing")
    except Problem as problem:
        builder.sink.add(problem.diagnostic)
        raise Poisoned from None
    instance = builder.placer.graph[value.node].instance
    while instance.parent and instance.parent.parent:
        instance = instance.parent
    return value, instance


def _own_class(
    builder: Builder, item: tree.Aux, pipe: tree.Pipe, scope: Scope, flow: Value, chain: Chain, number: int
) -> Value:
    name = item.name.text
    label = builder.placer.claim(name, item.name.span, scope)
    channels = flow.shape.channels
    word = class_name(name) + "Head"
    instance = Instance(
        "block", word, label, scope.instance, {"in_channels": channels}, span=pipe.span, step=number, chain=chain,
        defined=(scope.names.order, pipe.span.start), optional=True,
    )  # fmt: skip
    kept = {param: setting for param, setting in scope.params.items() if isinstance(setting, Num | Real)}
    instance.arguments.update(kept)
    params = {param: as_symbol(setting, param) for param, setting in kept.items()}
    inner = replace(
        scope, instance=instance, title=f"{scope.title} > {label}", values={}, labels={}, is_net=False,
        params={**scope.params, **params},
        input=Value(flow.node, flow.shape.with_channels(Num.symbol(int(channels), "in_channels"))),
    )  # fmt: skip
    assert inner.input is not None
    return leave(builder.chain(pipe, inner, inner.input, None, False, Chain("")), instance)

"""Auxiliary heads: their weights, their classes, and where they may stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from incdsl.diagnostics.names import BadSetting, NameTaken, UnknownSetting, UnusualSetting
from incdsl.elaborate.names import Named
from incdsl.elaborate.overrides import Overrides
from incdsl.elaborate.ports import as_symbol, entering_as
from incdsl.elaborate.scope import One, Poisoned, Problem, Scope, Value
from incdsl.elaborate.tools import Tools
from incdsl.elaborate.use import Use, bad_flow
from incdsl.ir.graph import Chain, Head, Instance, class_name
from incdsl.ops.base import Usual
from incdsl.syntax import tree
from incdsl.values import Num, Real

DEFAULT_WEIGHT = 1.0
USUAL = Usual(0, 1)
"""Weights that published networks give the losses of their heads."""


class Heads:
    """What an auxiliary head is made of, but for its chain."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def add(self, item: tree.Aux, value: Value, weight: float, scope: Scope) -> None:
        """Add it to the graph, under a name that says where it stands."""
        instance = self._tools.graph[value.node].instance
        while instance.parent is not None and instance.parent is not scope.instance:
            instance = instance.parent
        above = scope.instance.path.replace(".", "_")
        name = f"{above}_{item.name.text}" if above else item.name.text
        if any(head.name == name for head in self._tools.graph.heads):
            raise Problem(NameTaken(span=item.name.span, name=name, taken_by="the name of another auxiliary head"))
        self._tools.graph.heads.append(Head(name, value.node, weight, instance))

    def weight(self, item: tree.Aux, scope: Scope) -> float:
        """How much its loss counts."""
        weight: Any = DEFAULT_WEIGHT
        for arg in item.args:
            if isinstance(arg, tree.Error):
                raise Poisoned
            if arg.name is None or arg.name.text != "weight":
                setting = arg.name.text if arg.name else arg.value.span.text
                raise Problem(UnknownSetting(span=arg.span, owner="aux", setting=setting, settings=("weight",)))
            weight = self._tools.evaluate.value(arg.value, scope)
            self._tools.evaluate.pin(scope, weight)
            if not isinstance(weight, int | float) or isinstance(weight, bool):
                reason = "must be a number, such as 0.4"
                raise Problem(BadSetting(span=arg.span, owner="aux", setting="weight", reason=reason))
            if not USUAL.least <= weight <= USUAL.most:
                self._tools.report(
                    UnusualSetting(
                        span=arg.value.span, owner="aux", setting="weight", value=float(weight), **USUAL._asdict()
                    ),
                    scope,
                )
        return float(weight)

    def inside(
        self, item: tree.Aux, plan: list[Named], scope: Scope, flow: One, ir: Chain, number: int
    ) -> tuple[Instance, Scope]:
        """The instance of a class of its own for these steps, and its scope."""
        name = item.name.text
        label = self._tools.placer.claim(name, item.name.span, scope)
        span = plan[0].link.span.to(plan[-1].link.span)
        params = dict(scope.params)
        if "in_channels" in params:  # the class has an argument of this name for what flows in
            params["in_channels"] = self._tools.static.decided(scope.instance, params["in_channels"])
        kept = {param: setting for param, setting in params.items() if isinstance(setting, Num | Real)}
        channels = flow.shape.channels if isinstance(flow, Value) else 1
        instance = Instance(
            "block", class_name(name) + "Head", label, scope.instance, {"in_channels": channels, **kept}, span=span,
            step=number, chain=ir, defined=(scope.names.order, span.start), optional=True,
        )  # fmt: skip
        entering = entering_as(flow, "in_channels")
        inner = replace(
            scope, instance=instance, title=f"{scope.title} > {label}", values={}, labels={}, counts={}, is_net=False,
            params={**params, **{param: as_symbol(setting, param) for param, setting in kept.items()}},
            input=entering, bindings=[],
        )  # fmt: skip
        return instance, inner

    def hold(self, overrides: Overrides, use: Use) -> None:
        """Refuse a net with auxiliary heads where only one value can leave what is around it."""
        heads = overrides.heads_below(len(overrides.line))
        around = next((i for i in use.scope.instance.lineage if i.kind == "sequence" or i.optional), None)
        if heads and around:
            what = "an auxiliary head" if around.optional else "what repeats"
            reason = f"{what} hands on one value, and `{use.word}` has the auxiliary head `{heads[0]}`"
            leave_out = f"net Plain = {use.word} with {{ {' '.join(f'without {head}' for head in heads)} }}"
            raise bad_flow(use.call.name.span, reason, f"leave its heads out: `{leave_out}`")

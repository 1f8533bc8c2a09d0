"""Holds a net to what its spec expects of it."""

from __future__ import annotations

from incdsl.analysis.cost import FACTS, Cost
from incdsl.diagnostics import Sink
from incdsl.diagnostics.names import UnknownFact
from incdsl.diagnostics.shapes import ExpectationFails, NoNominalSize
from incdsl.ir.net import Net


def check_facts(net: Net, cost: Cost, sink: Sink) -> None:
    """Compare every `expect` with what was counted."""
    for expectation in net.expectations:
        name, stated = expectation.fact, expectation.value
        if name not in FACTS:
            sink.add(UnknownFact(span=expectation.fact_span, path=net.name, name=name))
            continue
        actual = cost.fact(name)
        if actual is None:
            reason = f"`{name}` depends on the size of the input"
            sink.add(NoNominalSize(span=expectation.fact_span, path=net.name, reason=reason))
        elif isinstance(stated, str) != (name == "keys"):
            kind = 'a string, `"0123456789abcdef"`' if name == "keys" else "a whole number"
            sink.add(UnknownFact(span=expectation.span, path=net.name, name=name, reason=f"`{name}` is {kind}"))
        elif actual != stated:
            texts = [f'"{v}"' if isinstance(v, str) else f"{v:_}" for v in (stated, actual)]
            sink.add(
                ExpectationFails(span=expectation.span, path=net.name, fact=name, stated=texts[0], actual=texts[1])
            )

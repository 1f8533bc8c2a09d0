"""Every condition of every rule, enumerated from the code, is deleted: some fixture must notice."""

import pytest

from incdsl.passes.rules.enlarge_kernels import MOST, EnlargeKernels
from incdsl.passes.rules.merge_sibling_convs import MergeSiblingConvs
from tests.passes.subjects import ALL, BEFORE, after, largest_error, nets, price, trains_alike

CONDITIONS = [(rule, condition) for rule in ALL for condition in rule.conditions]


def noticed(rule, condition, done):
    """How a net that the condition kept from being rewritten notices that it is gone; nothing if it does not."""
    train = bool(done.net.graph.heads)
    if condition.reason not in {e.text for e in after(done, rule(), train=train).net.trace if not e.applied}:
        return None
    behind = [MergeSiblingConvs()] if rule is EnlargeKernels else []
    with_it = after(done, rule(), *behind, train=train)
    try:
        without = after(done, rule(without=condition.name), *behind, train=train)
        without.text  # noqa: B018 - it is written when it is asked for
        if not any(event.applied and event.rule == rule.__name__ for event in without.net.trace):
            return None
        if not train and not largest_error(done, without) <= 1e-10:
            return "other numbers"
        if rule.training and not trains_alike(done, after(done, rule(without=condition.name), train=True)):
            return "other numbers while training"
    except Exception as error:  # the engine, the emitter or PyTorch refuse it
        return type(error).__name__
    return costs_more(rule, price(with_it), price(without))


def costs_more(rule, before, now):
    """What has grown. Larger kernels are meant to cost multiplications where they save launches, up to a limit."""
    grown = [f"{now[what]} {what} in place of {before[what]}" for what in before if now[what] > before[what]]
    if rule is EnlargeKernels and now["kernels"] < before["kernels"] and now["macs"] <= MOST * before["macs"]:
        return None
    return ", ".join(grown) or None


@pytest.mark.parametrize(("rule", "condition"), CONDITIONS, ids=[f"{r.__name__}-{c.name}" for r, c in CONDITIONS])
def test_a_condition_that_is_gone_is_noticed(rule, condition):
    found = {name: noticed(rule, condition, done) for name, done in nets(rule).items()}
    killed = {name: how for name, how in found.items() if how}
    print(f"{rule.__name__} without {condition.name!r}: {killed}")
    assert killed


def test_names_of_conditions_are_unique():
    for rule in ALL:
        names = [condition.name for condition in rule.conditions]
        assert len(set(names)) == len(names)


def test_every_condition_can_be_deleted():
    for rule, condition in CONDITIONS:
        assert len(rule(without=condition.name).active) == len(rule.conditions) - 1


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.__name__)
def test_what_applies_pays(rule):
    """Nothing gets dearer. A bias may be added behind an average pool; larger kernels are meant to be."""
    for done in nets(rule).values():
        rewritten = after(done, rule())
        if any(event.applied for event in rewritten.net.trace) and rule is not EnlargeKernels:
            before, now = price(after(done, *(each() for each in BEFORE.get(rule, ())))), price(rewritten)
            assert now["macs"] <= before["macs"]
            assert now["traffic"] <= before["traffic"] or "ChannelBias" in rewritten.text

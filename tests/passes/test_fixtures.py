"""Each rule on its fixture: what it says, the graph that it makes, and the numbers of both modules."""

import os

import pytest

from tests.passes.subjects import ALL, CASES, after, file_of, largest_error, nets, text_of, trains_alike

every_case = pytest.mark.parametrize(("rule", "name"), CASES, ids=[f"{r.__name__}-{n}" for r, n in CASES])
every_rule = pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.__name__)


@every_rule
def test_the_rewritten_graphs_are_the_golden_ones(rule):
    parts = [f"== {name}\n\n{text_of(after(done, rule()))}" for name, done in nets(rule).items()]
    path = file_of(rule).with_suffix(".txt")
    if os.environ.get("INCDSL_UPDATE_GOLDEN"):
        path.write_text("\n".join(parts), encoding="utf-8")
    assert "\n".join(parts) == path.read_text(encoding="utf-8")


@every_case
def test_the_numbers_stay(rule, name):
    done = nets(rule)[name]
    rewritten = after(done, rule())
    assert largest_error(done, rewritten) <= (0.0 if rule.exact else 1e-10)


@pytest.mark.parametrize(
    ("rule", "name"), [case for case in CASES if case[0].training], ids=lambda value: getattr(value, "__name__", value)
)
def test_training_stays_the_same(rule, name):
    done = nets(rule)[name]
    assert trains_alike(done, after(done, rule(), train=True))


@every_case
def test_the_name_says_what_happens(rule, name):
    found = after(nets(rule)[name], rule(), train="Head" in name)
    events = [event for event in found.net.trace if event.rule == rule.__name__]
    assert events
    assert any(event.applied for event in events) == name.startswith("Applies")


@every_rule
def test_every_reason_to_decline_is_seen(rule):
    events = [event for done in nets(rule).values() for event in after(done, rule()).net.trace]
    seen = {e.text for e in events if not e.applied and e.rule == rule.__name__}
    trained = [after(done, rule(), train=True) for done in nets(rule).values() if rule.training]
    train = {e.text for done in trained for e in done.net.trace if not e.applied}
    assert seen | train == {condition.reason for condition in rule.conditions}


@every_rule
def test_a_second_run_finds_nothing(rule):
    for done in nets(rule).values():
        again = after(after(done, rule()), rule())
        assert not any(event.applied for event in again.net.trace if event.rule == rule.__name__)

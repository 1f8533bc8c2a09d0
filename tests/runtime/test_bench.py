"""How contenders are timed: in turns, with rests, and from the rounds of one run."""

import pytest

from incdsl.runtime import bench


@pytest.fixture
def clock(monkeypatch):
    """Time that passes only where somebody rests or is called."""
    now = [0.0]
    monkeypatch.setattr(bench.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr(bench.time, "perf_counter", lambda: now[0])
    return now


def test_a_turn_is_a_rest_a_call_and_those_that_count(clock):
    """Here a call is slow just after somebody else's, and the first of a turn is slower still."""
    log, last = [], {"who": "", "ended": -1.0}

    def contender(name, seconds):
        def call():
            first = last["who"] != name
            disturbed = first and clock[0] - last["ended"] < bench.REST / 2
            log.append((name, disturbed))
            clock[0] += seconds * (2 if first else 1) + (1.0 if disturbed else 0)
            last.update(who=name, ended=clock[0])

        return call

    calls = {"a": contender("a", 0.1), "b": contender("b", 0.2)}
    times = bench.in_turns(calls, 4)
    assert {name: [round(t, 9) for t in some] for name, some in times.items()} == {"a": [0.1] * 4, "b": [0.2] * 4}
    assert not any(disturbed for _, disturbed in log)
    turns = [log[i][0] for i in range(0, len(log), 1 + bench.COUNTED)]
    assert turns == ["a", "b", "b", "a", "a", "b", "b", "a"]


def test_ratios_are_those_of_rounds():
    found = bench.ratio([2.0, 4.0, 6.0], [1.0, 1.0, 2.0])
    assert (found.median, found.low, found.high) == (3.0, 2.0, 4.0)

"""`python -m incdsl.testing nets` tells what was run, and fails on a mismatch."""

from incdsl.testing import __main__ as command
from incdsl.testing.checks import Outcome


def test_nets_are_counted(capsys):
    assert command.main(["nets", "--count", "5", "--seed", "3"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (row,) = [line.split() for line in lines if line.startswith("3 to 7")]
    assert row[3] == "5"
    assert 1 <= int(row[4]) <= 5
    assert row[6:8] == ["0", "0"]


def test_mismatches_are_shown_with_their_seed(capsys, monkeypatch):
    monkeypatch.setattr("incdsl.testing.campaign.outcome", lambda done, seed: Outcome(["all is wrong"], []))
    assert command.main(["nets", "--count", "2"]) == 1
    out = capsys.readouterr().out
    assert "mismatch: seed 0" in out
    assert "all is wrong" in out
    assert "inc 1" in out


def test_what_is_not_finite_is_counted_apart(capsys, monkeypatch):
    monkeypatch.setattr("incdsl.testing.campaign.outcome", lambda done, seed: Outcome([], ["y: not finite"]))
    assert command.main(["nets", "--count", "2", "--seed", "3"]) == 0
    (row,) = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("3 to 4")]
    assert row[6:8] == ["2", "0"]

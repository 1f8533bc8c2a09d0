"""Random nets: linted without an accident, and after safe fixes the same net."""

import pytest

from incdsl.frontend import analyze_source
from incdsl.linter.fixes import fixed
from incdsl.linter.lint import Selection, lint
from incdsl.source import Source
from incdsl.testing.choices import Seeded
from incdsl.testing.random_nets import make

COUNT = 60
SEEDS = range(2_000_000, 2_000_000 + COUNT)


def facts(analysis):
    return [(each.name, each.cost.keys, each.cost.train_macs, each.cost.params) for each in analysis.nets]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_net_stays_what_it_is(seed):
    source = Source("net.inc", make(Seeded(seed)).text)
    before = analyze_source(source)
    done = fixed(source, selection=Selection(device="cuda"))
    after = analyze_source(Source("net.inc", done.text))
    assert {each.code for each in done.mended} <= {"W435", "W438", "W440"}
    assert [each.code for each in after.errors] == [each.code for each in before.errors]
    if not before.errors:
        assert facts(before) == facts(after)
        assert not [each for each in done.left if each.fix and each.fix.safe]


@pytest.mark.parametrize("seed", SEEDS[:20])
def test_fixes_that_are_not_safe_make_no_errors_but_of_facts(seed):
    source = Source("net.inc", make(Seeded(seed)).text)
    if analyze_source(source).errors:
        return
    done = fixed(source, unsafe=True)
    assert {each.code for each in done.left if each.severity == "error"} <= {"E305"}


def test_random_nets_give_rules_something_to_find():
    found = {each.code for seed in SEEDS for each in lint(analyze_source(Source("n", make(Seeded(seed)).text)))}
    assert len(found) > 8

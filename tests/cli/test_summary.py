"""`summary`: its rows add up to what the compiler counts, and the table says what the document says."""

import json

import pytest

from incdsl.compiler import compile_net, read
from tests.cli.conftest import ONE

V3 = "specs/v3.inc"
BY = ("block", "layer", "op")


@pytest.fixture(scope="module")
def counted():
    """What the compiler counts for Inception-v3."""
    return compile_net(read(V3)).cost


@pytest.fixture
def document(call):
    """`document("op")`: the JSON of a summary of Inception-v3."""

    def read_it(by):
        result = call("summary", V3, "--format", "json", "--by", by)
        assert result.exit_code == 0
        return json.loads(result.stdout)

    return read_it


@pytest.mark.parametrize("by", BY)
def test_totals_of_the_document_are_the_compilers(document, counted, by):
    found = document(by)
    names = ("params", "deployed_params", "macs", "train_macs", "keys")
    assert {name: found[name] for name in names} == {name: counted.fact(name) for name in names}
    assert (found["version"], found["net"]) == (1, "InceptionV3")
    assert found["legal_sizes"] == {"H": ">= 75", "W": ">= 75"}
    assert found["legal_training_sizes"] == {"H": ">= 299", "W": ">= 299"}


@pytest.mark.parametrize("by", BY)
def test_rows_add_up_to_the_totals(document, counted, by):
    rows = document(by)["rows"]
    deployed = [row for row in rows if not row["training_only"]]
    assert sum(row["params"] for row in rows) == counted.params
    assert sum(row["params"] for row in deployed) == counted.deployed_params
    assert sum(row["macs"] for row in rows) == counted.train_macs
    assert sum(row["macs"] for row in deployed) == counted.macs


def test_rows_get_finer_and_hold_the_same_activations(document):
    rows = {by: document(by)["rows"] for by in BY}
    assert len(rows["block"]) < len(rows["layer"]) < len(rows["op"])
    assert len({sum(row["activations"] for row in rows[by]) for by in BY}) == 1


def test_rows_by_block_are_the_paper_s(document):
    rows = {row["name"]: row for row in document("block")["rows"]}
    assert rows["Mixed_5b"]["kind"] == "InceptionA"
    assert rows["Mixed_5b"]["shape"] == "256 x 35 x 35"
    assert rows["Mixed_7c"]["shape"] == "2048 x 8 x 8"
    assert rows["AuxLogits"]["training_only"]
    assert rows["fc"]["params"] == 2048 * 1000 + 1000
    assert rows["fc"]["receptive_field"] == "all"


def test_the_table_shows_the_rows_and_the_totals(call, document):
    result = call("summary", V3)
    assert result.exit_code == 0
    for row in document("block")["rows"]:
        (line,) = [line for line in result.stdout.splitlines() if line.split()[:1] == [row["name"]]]
        assert row["shape"] in line
        assert not row["params"] or f"{row['params']:,}" in line
    assert (
        "InceptionV3: 23,834,568 parameters, 5.71 GMACs (= 11.43 GFLOPs); "
        "with aux heads 27,161,264, 5,683,200 MACs more (dim rows)"
    ) in result.stdout
    assert "legal sizes: H, W >= 75 (>= 299 while training, for the aux head); 299 x 299 nominal" in result.stdout


def test_shares_of_the_table_add_up_to_the_whole(call):
    shares = [word for line in call("summary", V3).stdout.splitlines() for word in line.split() if word.endswith("%")]
    assert sum(float(share.rstrip("%")) for share in shares) == pytest.approx(100, abs=1)


def test_a_net_without_a_nominal_size_has_no_multiply_accumulates(call, folder):
    (folder / "free.inc").write_text(ONE.replace("[3, 8, 8]", "[3, H, W]"), encoding="utf-8")
    found = json.loads(call("summary", "free.inc", "--format", "json").stdout)
    assert found["params"] == 16
    assert found["macs"] is found["train_macs"] is found["rows"][0]["macs"] is None
    table = call("summary", "free.inc").stdout
    assert "N: 16 parameters\n" in table
    assert "GMACs" not in table
    assert "?" in table


DOORS = """inc 1
block Two {
  input x
  output a = x -> one: conv2d 3x3/2 @4 half
  output b = a -> next: conv2d 3x3/2 @6 half
}
net N {
  input x [3, 16, 16]
  a, b = x -> two: Two
  output y = a -> act: relu
  output z = b -> last: relu
}
"""


def test_a_block_with_several_outputs_shows_each(call, folder):
    (folder / "doors.inc").write_text(DOORS)
    document = json.loads(call("summary", "doors.inc", "--format", "json").stdout)
    assert document["rows"][0]["shape"] == "4 x 8 x 8, 6 x 4 x 4"
    assert document["rows"][0]["receptive_field"] == "3, 7"
    lines = [line.split() for line in call("summary", "doors.inc").stdout.splitlines()]
    assert lines[2][:7] == ["two", "Two", "4", "x", "8", "x", "8"]
    assert lines[3] == ["6", "x", "4", "x", "4", "7"]
    assert "| 4 x 8 x 8, 6 x 4 x 4 |" in call("summary", "doors.inc", "--format", "markdown").stdout


def test_parameters_change_the_summary(call):
    found = json.loads(call("summary", "one.inc", "--format", "json", "--set", "width=10").stdout)
    assert found["params"] == 40


def test_the_document_stays_a_document_beside_warnings(call):
    result = call("summary", "alike.inc", "--format", "json")
    assert "warning[W401]" in result.stderr
    assert json.loads(result.stdout)["net"] == "N"


@pytest.mark.parametrize(
    ("spec", "code", "exit_code"), [("wrong.inc", "E201", 1), ("two.inc", "E218", 1), ("missing.inc", "E105", 2)]
)
def test_a_spec_that_is_wrong_has_no_summary(call, spec, code, exit_code):
    result = call("summary", spec)
    assert result.exit_code == exit_code
    assert f"error[{code}]" in result.stderr
    assert result.stdout == ""

"""`check`, `summary` and `compare` are about the same things, written in the same way, in the same forms."""

import csv
import io
import json

import pytest

V3 = "specs/v3.inc"
FORMS = ["table", "json", "csv", "markdown"]
STEPS = f"{V3}::InceptionA(pool: 32)@[192, 35, 35]"


@pytest.mark.parametrize("command", ["check", "summary"])
@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        (f"{V3}::InceptionV3", "27,161,264"),
        (f"{V3}::InceptionV3(classes: 10)", "24,371,444"),
        (f"{V3}::InceptionV3(classes: 10)@[3, 151, 151]", "151 x 151 nominal"),
        (f"{V3}@[3, 151, 151]", "151 x 151 nominal"),
        (STEPS, "255,904"),
        ("::conv2d 5x5 @64@[64, 35, 35]", "102,464"),
        ("two.inc::Large", "32"),
    ],
)
def test_what_a_command_is_about(call, command, subject, shown):
    result = call(command, subject)
    assert result.exit_code == 0, result.stderr
    assert shown in result.stdout


@pytest.mark.parametrize("command", [["check"], ["summary"], ["compare", "one.inc"]])
@pytest.mark.parametrize(
    ("subject", "code", "exit_code"),
    [
        (f"{V3}::Inception", "E605", 2),
        (f"{V3}@[3, 74, 74]", "E605", 2),
        ("wrong.inc", "E201", 1),
        ("no.inc", "E105", 2),
    ],
)
def test_what_is_wrong_is_a_document_where_one_is_asked_for(call, command, subject, code, exit_code):
    result = call(*command, subject, "--format", "json")
    assert [each["code"] for each in json.loads(result.stdout)["diagnostics"]] == [code]
    assert result.exit_code == exit_code
    assert result.stderr == ""


@pytest.mark.parametrize("form", ["csv", "markdown"])
def test_what_is_wrong_is_told_beside_other_forms(call, form):
    result = call("summary", "wrong.inc", "--format", form)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error[E201]" in result.stderr


def test_settings_of_the_command_go_before_those_of_the_subject(call):
    found = call("summary", f"{V3}::InceptionV3(classes: 10)", "--set", "classes=20", "--format", "json")
    assert json.loads(found.stdout)["params"] == 27_161_264 - 980 * (2049 + 769)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "arguments", [["summary", V3], ["compare", V3, STEPS], ["compare", V3, V3, "--by", "block"], ["specs"]]
)
def test_every_table_has_every_form(call, arguments, form):
    result = call(*arguments, "--format", form)
    assert (result.exit_code, result.stderr) == (0, "")
    if form == "json":
        assert json.loads(result.stdout)["version"] == 1
    elif form == "csv":
        rows = list(csv.reader(io.StringIO(result.stdout)))
        assert len({len(row) for row in rows}) == 1
        assert len(rows) > 2
    elif form == "markdown":
        assert "| --" in result.stdout
    else:
        assert "──" in result.stdout


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("arguments", [["summary", V3], ["compare", V3, "specs/v4.inc"], ["specs"]])
def test_tables_are_as_wide_as_columns_says(call, monkeypatch, arguments, width):
    monkeypatch.setenv("COLUMNS", str(width))
    lines = call(*arguments).stdout.splitlines()
    assert width - 20 < max(map(len, lines)) <= width


def test_rows_of_steps_have_the_names_of_the_block(call):
    found = json.loads(call("summary", STEPS, "--by", "layer", "--format", "json").stdout)
    assert "branch5x5_1" in [row["name"] for row in found["rows"]]


# specs, new


def test_specs_are_those_that_compile(call):
    found = json.loads(call("specs", "--format", "json").stdout)["specs"]
    assert {"spec": V3, "net": "InceptionV3", "params": 27_161_264, "about": "Inception-v3"} in found
    for each in found[:3]:
        summary = json.loads(call("summary", f"{each['spec']}::{each['net']}", "--format", "json").stdout)
        assert summary["params"] == each["params"]


@pytest.mark.parametrize(("name", "net"), [("mine", "Mine"), ("my-net.inc", "MyNet"), ("a/my_2nd", "My2nd")])
def test_a_new_spec_compiles(call, folder, name, net):
    result = call("new", name)
    assert result.exit_code == 0
    path = name.removesuffix(".inc") + ".inc"
    assert result.stdout.startswith(f"{path}: a net to begin with\n")
    for line in result.stdout.splitlines()[1:]:
        done = call(*line.split()[1:])
        assert (done.exit_code, done.stderr) == (0, "")
        assert net in done.stdout


def test_a_new_spec_overwrites_nothing(call, folder):
    before = (folder / "one.inc").read_text(encoding="utf-8")
    result = call("new", "one")
    assert result.exit_code == 2
    assert "error[E603]: cannot write one.inc: it is there already" in result.stderr
    assert (folder / "one.inc").read_text(encoding="utf-8") == before


@pytest.mark.parametrize("name", ["", "1st", "a b", "../x y", "true"])
def test_a_name_that_is_none(call, folder, name):
    before = sorted(folder.rglob("*"))
    assert call("new", name).exit_code in (1, 2)
    assert sorted(folder.rglob("*")) == before

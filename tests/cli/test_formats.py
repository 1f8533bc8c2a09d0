"""Diagnostics for people, programs and CI logs: complete, parseable, and nothing in them that a terminal obeys."""

import json

import pytest

from incdsl.diagnostics.catalogue import all_codes
from tests.process import environment, incdsl, no_accident

FIELDS = {"code", "severity", "message", "label", "help", "why", "note", "path", "place", "rails", "fix"}
PLACE = {"file", "line", "column", "end_line", "end_column"}
RAILS = {"line", "column", "shape", "remark"}
EXAMPLES = {code: kind.wrong for code, kind in all_codes().items() if kind.wrong}
STRANGE_NAMES = ["a\x1b[31mb.inc", "a\nb.inc", "a\rb.inc", "a%0Ab.inc", "a,b:c.inc", "a\u202eb.inc", "a\x9bb.inc"]
ERROR = b"inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> nothing\n}\n"
RIGHT = ERROR.replace(b"nothing", b"relu")


# every code, in every format


@pytest.mark.parametrize(
    "code", [pytest.param(code, marks=pytest.mark.thorough) if code == "E508" else code for code in EXAMPLES]
)
def test_all_formats_tell_the_same(call, folder, code):
    (folder / "example.inc").write_text(EXAMPLES[code], encoding="utf-8")
    result = call("check", "example.inc", "--format", "json")
    assert result.stderr == ""
    document = json.loads(result.stdout)
    assert document.keys() == {"version", "diagnostics"}
    assert document["version"] == 1
    records = document["diagnostics"]
    assert code in {record["code"] for record in records} or code == "E218"
    words = call("check", "example.inc").stderr
    lines = call("check", "example.inc", "--format", "github").stdout.splitlines()
    for record, line in zip(records, lines, strict=True):
        assert_documented(record)
        assert_in_words(record, words)
        place = record["place"]
        where = f"file=example.inc,line={place['line']},col={place['column']},title={record['code']}"
        assert line.startswith(f"::{record['severity']} {where}::{record['message']}".replace("%", "%25"))


def assert_documented(record):
    assert record.keys() == FIELDS
    assert record["severity"] == ("warning" if record["code"].startswith("W") else "error")
    assert record["place"].keys() == PLACE
    assert record["place"]["file"] == "example.inc"
    assert all(rail.keys() == RAILS for rail in record["rails"])


def assert_in_words(record, words):
    place = record["place"]
    assert f"{record['severity']}[{record['code']}]: {record['message']}\n" in words
    assert f"  example.inc:{place['line']}:{place['column']}" in words
    assert not record["help"] or f"  help: {record['help']}" in words


# json


def test_json_places_the_mistake(call):
    (found,) = json.loads(call("check", "wrong.inc", "--format", "json").stdout)["diagnostics"]
    assert (found["code"], found["severity"], found["path"]) == ("E201", "error", "N")
    assert found["place"] == {"file": "wrong.inc", "line": 4, "column": 19, "end_line": 4, "end_column": 25}
    assert found["label"] == "did you mean `conv2d`?"


@pytest.mark.parametrize(
    ("arguments", "codes", "exit_code"),
    [
        (["check", "one.inc"], [], 0),
        (["check", "one.inc", "alike.inc"], ["W401"], 0),
        (["check", "wrong.inc", "alike.inc", "missing.inc"], ["E201", "W401", "E105"], 1),
        (["check", "missing.inc"], ["E105"], 2),
        (["compile", "one.inc"], [], 0),
        (["compile", "one.inc", "--check"], ["E604"], 1),
        (["compile", "alike.inc"], ["W401"], 0),
        (["compile", "alike.inc", "--check"], ["W401", "E604"], 1),
        (["compile", "wrong.inc"], ["E201"], 1),
        (["compile", "missing.inc"], ["E105"], 2),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, list) else str(value),
)
def test_json_on_standard_output_is_one_document(call, arguments, codes, exit_code):
    result = call(*arguments, "--format", "json")
    assert result.exit_code == exit_code
    assert [d["code"] for d in json.loads(result.stdout)["diagnostics"]] == codes


def test_a_module_on_standard_output_is_alone_there(call):
    plain = call("compile", "alike.inc", "-o", "-")
    for form in ("json", "github"):
        assert call("compile", "alike.inc", "-o", "-", "--format", form).stdout == plain.stdout


# github


@pytest.mark.parametrize("text", ['"%0A::error::x"', '"%"', '"a::set-output name=x::y"'])
def test_github_escapes_what_the_spec_says(call, folder, text):
    spec = f"inc 1\nnet N {{\n  input x [3, 8, 8]\n  output y = x -> relu\n  expect keys = {text}\n}}\n"
    (folder / "example.inc").write_text(spec, encoding="utf-8")
    (line,) = call("check", "example.inc", "--format", "github").stdout.splitlines()
    assert line.startswith("::error file=example.inc,line=5,col=17,title=E305::keys = ")
    assert text.strip('"').replace("%", "%25") in line
    assert "%0A" not in line


@pytest.mark.parametrize("name", STRANGE_NAMES, ids=ascii)
@pytest.mark.parametrize("text", [ERROR, None], ids=["wrong", "missing"])
def test_github_escapes_the_name_of_the_spec(call, folder, name, text):
    if text:
        (folder / name).write_bytes(text)
    (line,) = call("check", name, "--format", "github", color=True).stdout.split("\n")[:-1]
    assert line.startswith("::error file=" if text else "::error title=E105::")
    assert line.isprintable()
    if text:
        properties = line.split("::")[1].removeprefix("error ").split(",")
        assert [p.partition("=")[0] for p in properties] == ["file", "line", "col", "title"]
        assert ":" not in properties[0]


# words


@pytest.mark.parametrize("name", STRANGE_NAMES, ids=ascii)
@pytest.mark.parametrize("command", ["check", "compile", "summary"])
@pytest.mark.parametrize("text", [ERROR, RIGHT, None], ids=["wrong", "right", "missing"])
def test_no_name_of_a_spec_reaches_the_terminal_raw(call, folder, command, name, text):
    if text:
        (folder / name).write_bytes(text)
    result = call(command, name, color=True)
    assert (result.exit_code == 0) == (text is RIGHT)
    assert all(line.isprintable() for line in (result.stdout + result.stderr).split("\n"))
    told = result.stderr + (result.stdout if command != "summary" else "")
    assert told.count("\n") == {RIGHT: 0 if command == "summary" else 1, ERROR: 4, None: 1}[text]


@pytest.mark.thorough
def test_a_name_that_is_no_text_is_shown_all_the_same(folder):
    name = b"\xff.inc"
    (folder / name.decode("utf-8", "surrogateescape")).write_bytes(ERROR)
    for form in ("human", "json", "github"):
        found = incdsl("check", name, "--format", form, cwd=folder)
        assert found.returncode == 1
        assert b"E201" in found.stdout + found.stderr


def test_the_caret_stands_under_the_mistake(call):
    lines = call("check", "wrong.inc").stderr.splitlines()
    assert lines[2] == "   4 |   output y = x -> cnov2d 3x3 @4"
    assert lines[3] == "     |                   ^^^^^^ did you mean `conv2d`?"


# colours


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("changes", "coloured"),
    [
        ({}, False),
        ({"NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
    ],
    ids=str,
)
def test_colours_follow_the_environment(folder, changes, coloured):
    found = incdsl("check", "wrong.inc", cwd=folder, env=environment(**changes))
    assert found.returncode == 1
    assert (b"\x1b[" in found.stderr) == coloured


@pytest.mark.thorough
@pytest.mark.parametrize("form", ["json", "github"])
def test_formats_for_programs_have_no_colours(folder, form):
    found = incdsl("check", "wrong.inc", "--format", form, cwd=folder, env=environment(FORCE_COLOR="1"))
    assert b"E201" in found.stdout
    assert b"\x1b" not in found.stdout


# streams


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("command", "encoding"),
    [
        ("compile -o - accents.inc", "ascii"), ("check accents.inc --format github", "ascii"),
        ("check accents.inc", "ascii"), ("check accents.inc", "cp1252"), ("summary specs/v3.inc", "ascii"),
        ("explain E306", "ascii"),
    ],
)  # fmt: skip
def test_the_encoding_of_standard_output_breaks_nothing(folder, command, encoding):
    text = "inc 1\n# dépôt → 出\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 9x9 @4 valid\n}\n"
    text = text.replace("9x9", "3x3") if "compile" in command else text
    (folder / "accents.inc").write_text(text, encoding="utf-8")
    found = incdsl(*command.split(), cwd=folder, env=environment(PYTHONIOENCODING=encoding))
    assert no_accident(found), found.stderr.decode(errors="replace")
    assert found.returncode == (1 if "check" in command else 0)


@pytest.mark.thorough
def test_a_module_on_standard_output_has_the_same_bytes_in_every_encoding(folder):
    text = "inc 1\n# dépôt → 出\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @4\n}\n"
    (folder / "accents.inc").write_text(text, encoding="utf-8")
    incdsl("compile", "accents.inc", "-o", "accents.py", cwd=folder)
    text = (folder / "accents.py").read_bytes().replace(b" -o accents.py", b" -o -")
    found = incdsl("compile", "accents.inc", "-o", "-", cwd=folder, env=environment(PYTHONIOENCODING="latin-1"))
    assert found.stdout == text

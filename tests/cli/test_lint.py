"""`incdsl lint`: exit codes, formats, fixes, what is selected where."""

import json

import pytest

from tests.process import incdsl, no_accident

CLEAN = "inc 1\nnet N {\n  input x [8, 16, 16]\n  output y = x -> conv2d 3x3 @8\n}\n"
TWICE = CLEAN.replace("@8", "@8 -> relu -> relu")
LARGE = "inc 1\nunit conv = conv2d -> relu\nnet N {\n  input x [64, 35, 35]\n  output y = x -> conv 5x5 @64\n}\n"
BROKEN = TWICE.replace("conv2d", "cnov2d")
FORMATS = ("human", "concise", "json", "github", "sarif")


@pytest.fixture
def write(folder):
    """The folder with nothing but these specs."""
    for path in folder.glob("*.inc"):
        path.unlink()

    def written(**texts):
        for name, text in texts.items():
            (folder / f"{name}.inc").write_text(text, encoding="utf-8")
        return folder

    return written


def text(folder, name):
    return (folder / f"{name}.inc").read_bytes().decode()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("texts", "arguments", "exit_code"),
    [
        ({"clean": CLEAN}, ["clean.inc"], 0),
        ({"twice": TWICE}, ["twice.inc"], 1),
        ({"clean": CLEAN, "twice": TWICE}, ["clean.inc", "twice.inc"], 1),
        ({"broken": BROKEN}, ["broken.inc"], 1),
        ({}, ["missing.inc"], 2),
        ({"twice": TWICE}, ["missing.inc", "twice.inc"], 1),
        ({"twice": TWICE}, ["--select", "W9", "twice.inc"], 2),
        ({"twice": TWICE}, ["--ignore", "W435", "twice.inc"], 0),
        ({"twice": TWICE}, ["--select", "W41", "twice.inc"], 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_exit_codes(call, write, form, texts, arguments, exit_code):
    write(**texts)
    assert call("lint", *arguments, "--format", form).exit_code == exit_code


def test_people_read_why_and_what_can_be_done(call, write):
    write(twice=TWICE, large=LARGE)
    result = call("lint")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "warning[W413]: two 3x3 kernels cost 28% less than this 5x5\n  large.inc:5:19  in N\n" in result.stderr
    assert "\n  why: small kernels in a row see as far, cost less" in result.stderr
    assert "\n  help: 0.0903 GMACs instead of 0.125 GMACs\n  fix: as 3x3, 3x3 (--unsafe-fixes)\n" in result.stderr
    last = "2 findings in 2 specs; `incdsl lint` mends 1 with --fix and 1 with --unsafe-fixes"
    assert result.stderr.splitlines()[-1] == last


def test_nothing_to_say(call, write):
    write(clean=CLEAN)
    result = call("lint")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "1 spec, nothing to say\n")


def test_one_line_each(call, write):
    write(twice=TWICE, large=LARGE)
    result = call("lint", "--format", "concise")
    assert result.stdout == (
        "large.inc:5:19: W413 two 3x3 kernels cost 28% less than this 5x5 [unsafe fix]\n"
        "twice.inc:4:44: W435 `relu` changes nothing behind `relu` [fix]\n"
    )
    assert result.stderr == ""


def test_json_has_the_reason_and_the_edits(call, write):
    write(twice=TWICE)
    (found,) = json.loads(call("lint", "--format", "json").stdout)["diagnostics"]
    assert (found["code"], found["severity"], found["path"]) == ("W435", "warning", "N")
    assert found["why"].startswith("the second one changes nothing")
    assert found["fix"] == {
        "title": "take it away", "safe": True,
        "edits": [{"line": 4, "column": 40, "end_line": 4, "end_column": 48, "text": ""}],
    }  # fmt: skip


def test_github_gets_a_line_each(call, write):
    write(twice=TWICE)
    line = call("lint", "--format", "github").stdout
    assert line.startswith("::warning file=twice.inc,line=4,col=44,title=W435::`relu` changes nothing behind `relu`. ")


# Fixes


def test_safe_fixes_are_written(call, write):
    folder = write(twice=TWICE, large=LARGE)
    result = call("lint", "--fix", "--format", "concise")
    assert result.exit_code == 1
    assert "twice.inc: mended W435" in result.stderr
    assert [line.split()[1] for line in result.stdout.splitlines()] == ["W413"]
    assert (text(folder, "twice"), text(folder, "large")) == (CLEAN.replace("@8", "@8 -> relu"), LARGE)
    assert call("lint", "twice.inc").exit_code == 0


def test_fixes_that_are_not_safe_are_written_on_demand(call, write):
    folder = write(twice=TWICE, large=LARGE)
    result = call("lint", "--unsafe-fixes")
    assert result.exit_code == 0
    assert result.stdout == "large.inc: mended W413\ntwice.inc: mended W435\n"
    assert result.stderr == "2 specs, nothing to say\n"
    assert text(folder, "large") == LARGE.replace("5x5 @64", "5x5 @64 as 3x3, 3x3")


def test_a_diff_writes_nothing(call, write):
    folder = write(twice=TWICE, large=LARGE)
    result = call("lint", "--diff")
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout.startswith("--- twice.inc\n+++ twice.inc\n@@ -1,5 +1,5 @@\n")
    assert (
        "-  output y = x -> conv2d 3x3 @8 -> relu -> relu\n+  output y = x -> conv2d 3x3 @8 -> relu\n" in result.stdout
    )
    both = call("lint", "--diff", "--unsafe-fixes").stdout
    assert "large.inc" in both
    assert (text(folder, "twice"), text(folder, "large")) == (TWICE, LARGE)
    write(twice=CLEAN)
    assert call("lint", "--diff").exit_code == 0


def test_standard_input_is_linted_and_mended(call):
    found = call("lint", "-", "--format", "concise", input=TWICE)
    assert (found.exit_code, found.stdout.split()[:2]) == (1, ["<stdin>:4:44:", "W435"])
    mended = call("lint", "-", "--fix", input=TWICE)
    assert (mended.exit_code, mended.stdout) == (0, CLEAN.replace("@8", "@8 -> relu"))
    left = call("lint", "-", "--fix", "--format", "concise", input=LARGE)
    assert (left.exit_code, left.stdout) == (1, LARGE)
    assert "W413" in left.stderr


def test_a_shipped_spec_is_linted_and_not_mended(call):
    assert call("lint", "specs/v3.inc").exit_code == 0
    assert call("lint", "--fix", "specs/v3.inc").exit_code == 2


def test_a_broken_spec_is_mended_where_it_makes_sense(call, write):
    folder = write(
        broken=BROKEN.replace("input", "inputt"), half=TWICE + "net M {\n  input x [8]\n  output y = x -> x2\n}\n"
    )
    result = call("lint", "--fix", "--format", "concise")
    assert result.exit_code == 1
    assert "half.inc: mended W435" in result.stderr
    assert text(folder, "half").count("relu") == 1
    assert {line.split()[1][0] for line in result.stdout.splitlines()} == {"E"}


# What is selected


def test_codes_are_listed_with_commas_in_any_case(call, write):
    write(twice=TWICE, large=LARGE)
    codes = [
        line.split()[1] for line in call("lint", "--select", "w413,W43", "--format", "concise").stdout.splitlines()
    ]
    assert codes == ["W413", "W435"]
    codes = call("lint", "--select", "W4", "--ignore", "W413", "--format", "concise").stdout.split()[1::100]
    assert codes == ["W435"]


def test_the_device_adds_advice(call, write):
    write(odd=CLEAN.replace("@8", "@20 -> relu -> conv2d 3x3 @8"))
    assert call("lint").exit_code == 0
    assert "warning[W439]" in call("lint", "--device", "cuda").stderr
    assert call("lint", "--device", "cpu").exit_code == 0


def test_a_project_says_what_it_wants_and_the_command_has_the_last_word(call, write):
    folder = write(twice=TWICE, large=LARGE)
    (folder / "pyproject.toml").write_text('[tool.incdsl]\nselect = ["W43"]\ndevice = "cuda"\n', encoding="utf-8")
    assert "W413" not in call("lint").stderr
    assert "W435" in call("lint").stderr
    assert "W413" in call("lint", "--select", "W413").stderr
    assert call("lint", "--ignore", "W435").exit_code == 0


def test_a_project_that_makes_no_sense_is_a_wrong_use(call, write):
    folder = write(twice=TWICE)
    (folder / "pyproject.toml").write_text('[tool.incdsl]\nselekt = ["W43"]\n', encoding="utf-8")
    result = call("lint")
    assert result.exit_code == 2
    assert "knows `select`, `ignore` and `device`, not `selekt`" in result.stderr


def test_a_folder_means_all_specs_in_it(call, write):
    folder = write(php="<?php $a = 1; ?>\n")
    (folder / "deep").mkdir()
    (folder / "deep" / "twice.inc").write_text(TWICE, encoding="utf-8")
    result = call("lint", ".", "--format", "concise")
    assert result.stdout.startswith("deep/twice.inc:4:44: W435")


@pytest.mark.thorough
def test_a_process_lints_without_torch(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')\n", encoding="utf-8")
    (tmp_path / "twice.inc").write_text(TWICE, encoding="utf-8")
    result = incdsl("lint", cwd=tmp_path)
    assert no_accident(result)
    assert result.returncode == 1
    assert b"W435" in result.stderr

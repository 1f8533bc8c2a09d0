"""`incdsl fmt` and `incdsl annotate`: what they write, what they leave alone, and with which exit code."""

import os

import pytest

from incdsl.formatter import writer
from tests.process import incdsl, no_accident

UGLY = "inc 1\nblock   B=relu\n"
GOOD = "inc 1\nblock B = relu\n"
WRONG = "inc 1\nblock   B=relu\nblock   C = = relu\n"


def write(place, **texts):
    for name, text in texts.items():
        (place / f"{name}.inc").write_text(text, encoding="utf-8")


def text(place, name):
    return (place / f"{name}.inc").read_bytes().decode()


def test_a_spec_is_written(call, folder):
    write(folder, ugly=UGLY)
    result = call("fmt", "ugly.inc")
    assert (result.exit_code, result.stdout) == (0, "ugly.inc: formatted\n")
    assert result.stderr == "1 of 1 spec formatted\n"
    assert text(folder, "ugly") == GOOD


@pytest.mark.parametrize("command", ["fmt", "annotate"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "marked"])
def test_a_byte_order_mark_and_line_ends_stay(call, folder, command, mark):
    body = "net N {\r\n  input x [3, 8, 8]\r\n  output   y = x -> conv2d 3x3 @4 -> relu\r\n}\r\n"
    (folder / "a.inc").write_bytes(f"{mark}inc 1\r\n{body}".encode())
    assert call(command, "a.inc").exit_code == 0
    found = text(folder, "a")
    assert found.startswith(f"{mark}inc 1\r\n")
    assert "output y = " in found
    assert found.count("\n") == found.count("\r\n") == 5


def test_a_spec_in_its_layout_is_not_written_again(call, folder):
    write(folder, good=GOOD)
    os.utime(folder / "good.inc", (1, 1))
    result = call("fmt", "good.inc")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "1 spec, nothing to change\n")
    assert (folder / "good.inc").stat().st_mtime == 1


def test_check_writes_nothing_and_names_what_would_change(call, folder):
    write(folder, ugly=UGLY, good=GOOD)
    result = call("fmt", "--check", "ugly.inc", "good.inc")
    assert (result.exit_code, result.stdout) == (1, "ugly.inc: would change\n")
    assert result.stderr == "1 of 2 specs would change; `incdsl fmt` writes it\n"
    assert text(folder, "ugly") == UGLY
    assert call("fmt", "--check", "good.inc").exit_code == 0


def test_diff_shows_what_would_change(call, folder):
    write(folder, ugly=UGLY)
    result = call("fmt", "--diff", "ugly.inc")
    assert result.exit_code == 1
    assert result.stdout == "--- ugly.inc\n+++ ugly.inc\n@@ -1,2 +1,2 @@\n inc 1\n-block   B=relu\n+block B = relu\n"
    assert text(folder, "ugly") == UGLY


def test_standard_input_goes_to_standard_output(call):
    result = call("fmt", "-", input=UGLY)
    assert (result.exit_code, result.stdout, result.stderr) == (0, GOOD, "")
    assert call("fmt", "-", "--check", input=UGLY).exit_code == 1
    assert call("fmt", "-", "--check", input=GOOD).exit_code == 0


def test_a_folder_means_all_specs_in_it(call, folder):
    """Files of other languages are called so, too; they and hidden ones are left alone."""
    deep, hidden = folder / "a" / "deep", folder / ".git"
    deep.mkdir(parents=True)
    hidden.mkdir()
    write(deep, ugly=UGLY)
    write(hidden, ugly=UGLY)
    write(folder, php="<?php   $a=1; ?>\n")
    (folder / "latin.inc").write_bytes(b"inc 1\n# \xe9\nblock   B=relu\n")
    result = call("fmt")
    assert result.exit_code == 0
    assert "php" not in result.stdout
    assert text(deep, "ugly") == GOOD
    assert text(hidden, "ugly") == UGLY
    assert text(folder, "php") == "<?php   $a=1; ?>\n"


def test_a_folder_without_specs(call, folder):
    (folder / "empty").mkdir()
    assert call("fmt", "empty").stderr == "no specs here\n"


def test_mistakes_are_mentioned_and_stay(call, folder):
    write(folder, wrong=WRONG)
    result = call("fmt", "wrong.inc")
    assert result.exit_code == 0
    assert "wrong.inc:3:13" in result.stderr
    assert "wrong.inc: this stays as it is\n" in result.stderr
    assert text(folder, "wrong") == "inc 1\nblock B = relu\nblock   C = = relu\n"


@pytest.mark.parametrize("path", ["missing.inc", "specs/v3.inc"])
def test_a_file_that_is_not_there_is_not_written(call, path):
    result = call("fmt", path)
    assert result.exit_code == 2
    assert f"cannot read {path}: no such file or directory" in result.stderr


def test_a_broken_law_leaves_the_spec_alone_and_is_a_bug(call, folder, monkeypatch):
    write(folder, bad=UGLY.replace("relu", "relu # lost"), ugly=UGLY)
    before = text(folder, "bad")
    monkeypatch.setattr(writer, "comments", lambda trivia: ("", []))
    result = call("fmt", "bad.inc", "ugly.inc")
    assert result.exit_code == 2
    assert "internal error: bad.inc is left as it is: a comment would be lost, or stand elsewhere" in result.stderr
    assert text(folder, "bad") == before
    assert text(folder, "ugly") == GOOD


@pytest.mark.thorough
def test_it_runs_as_a_process(tmp_path):
    done = incdsl("fmt", "-", cwd=tmp_path, stdin=UGLY.encode())
    assert no_accident(done)
    assert done.stdout.decode() == GOOD


NET = "inc 1\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv2d 1x1 @4\n}\nblock   B=relu\n"


def test_annotate_writes_shapes_and_takes_them_out(call, folder):
    write(folder, net=NET)
    result = call("annotate", "net.inc")
    assert (result.exit_code, result.stdout) == (0, "net.inc: annotated\n")
    assert text(folder, "net") == NET.replace("@4", "@4 : [4, 8, 8]")
    assert call("annotate", "net.inc").stdout == "net.inc: nothing to change\n"
    assert call("annotate", "net.inc", "--remove").stdout == "net.inc: no assertions left\n"
    assert text(folder, "net") == NET


def test_annotate_shows_a_difference_or_writes_to_standard_output(call, folder):
    write(folder, net=NET)
    assert "+  output y = x -> conv2d 1x1 @4 : [4, 8, 8]\n" in call("annotate", "net.inc", "--diff").stdout
    assert text(folder, "net") == NET
    assert call("annotate", "-", input=NET).stdout == NET.replace("@4", "@4 : [4, 8, 8]")
    assert call("annotate", "net.inc", "--every", "--remove").exit_code == 2

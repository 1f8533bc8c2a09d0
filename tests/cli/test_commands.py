"""`compile`, `check` and the group itself: what they write, where, and with which exit code."""

import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from incdsl.cli.compile_ import default_target
from incdsl.compiler import compile_net
from incdsl.source import Source
from tests.cli.conftest import ALIKE, ONE, TWO
from tests.process import V3, incdsl, no_accident


def expected(text, name, net=None, *, typed="", **settings):
    """The module that a spec of this text and name must give, with the command in its head that was typed."""
    return replace(compile_net(Source(name, text), net, settings), typed=typed and f"incdsl compile {typed}").text


# compile: where to


def test_compile_writes_generated_name_py_by_default(call, folder):
    result = call("compile", "one.inc")
    assert result.exit_code == 0
    assert (folder / "generated" / "one.py").read_text(encoding="utf-8") == expected(ONE, "one.inc")
    assert result.stdout == "one.inc -> generated/one.py  (N, 16 parameters, 768 MACs)\n"


def test_default_target_is_in_the_working_directory_not_beside_the_spec(call, folder):
    (folder / "deep").mkdir()
    (folder / "one.inc").rename(folder / "deep" / "one.inc")
    assert call("compile", "deep/one.inc").exit_code == 0
    assert (folder / "generated" / "one.py").is_file()
    assert not (folder / "deep" / "generated").exists()


@pytest.mark.parametrize(
    ("spec", "net", "target"),
    [
        ("specs/v3.inc", None, "generated/v3.py"),
        ("a b-c.inc", None, "generated/a_b_c.py"),
        ("v3.inc", "Small", "generated/v3_Small.py"),
        ("é.inc", None, "generated/net.py"),
        ("..", None, "generated/__.py"),
    ],
)
def test_default_target_is_an_importable_name(spec, net, target):
    assert default_target(spec, net) == Path(target)


def test_compile_to_a_file_makes_its_folders(call, folder):
    assert call("compile", "one.inc", "-o", "a/b/net.py").exit_code == 0
    assert (folder / "a" / "b" / "net.py").read_text(encoding="utf-8") == expected(
        ONE, "one.inc", typed="one.inc -o a/b/net.py"
    )
    assert not (folder / "generated").exists()


def test_compile_to_standard_output_writes_no_file(call, folder):
    before = sorted(folder.rglob("*"))
    result = call("compile", "one.inc", "-o", "-")
    assert result.exit_code == 0
    assert result.stdout == expected(ONE, "one.inc", typed="one.inc -o -")
    assert sorted(folder.rglob("*")) == before


def test_compile_says_when_nothing_changed(call):
    assert "unchanged" not in call("compile", "one.inc").stdout
    assert "unchanged" in call("compile", "one.inc").stdout


def test_compile_of_a_wrong_spec_writes_no_file(call, folder):
    before = sorted(folder.rglob("*"))
    result = call("compile", "wrong.inc")
    assert result.exit_code == 1
    assert "error[E201]" in result.stderr
    assert sorted(folder.rglob("*")) == before


# compile: which net


def test_several_nets_need_a_choice(call, folder):
    result = call("compile", "two.inc")
    assert result.exit_code == 1
    assert "error[E218]" in result.stderr
    assert "Small, Large" in result.stderr
    assert not (folder / "generated").exists()


@pytest.mark.parametrize("net", ["Small", "Large"])
def test_a_net_is_chosen_by_name(call, folder, net):
    assert call("compile", f"two.inc::{net}").exit_code == 0
    assert (folder / "generated" / f"two_{net}.py").read_text(encoding="utf-8") == expected(TWO, "two.inc", net)


def test_a_net_that_is_not_there(call):
    result = call("compile", "two.inc::Huge")
    assert result.exit_code == 1
    assert "error[E218]: the file has no net `Huge`" in result.stderr


# compile: parameters


@pytest.mark.parametrize(
    ("given", "settings"),
    [
        (["--set", "width=7"], {"width": 7}),
        (["--set", "width=1_000"], {"width": 1000}),
        (["--set", "p=0.25"], {"p": 0.25}),
        (["--set", "p=1e-3"], {"p": 0.001}),
        (["--set", "width=5", "--set", "p=0.1"], {"width": 5, "p": 0.1}),
        (["--set", "width=5", "--set", "width=6"], {"width": 6}),
    ],
)
def test_set_gives_parameters_values(call, given, settings):
    result = call("compile", "one.inc", "-o", "-", *given)
    assert result.exit_code == 0
    given = " ".join(f"--set {name}={value}" for name, value in settings.items())
    assert result.stdout == expected(ONE, "one.inc", typed=f"one.inc -o - {given}", **settings)
    assert all(f"--set {name}={value}" in result.stdout for name, value in settings.items())


@pytest.mark.parametrize(
    "arguments",
    [
        ["one.inc"],
        ["one.inc", "--set", "width=9", "--set", "p=0.125"],
        ["lists.inc", "--set", "wide=false"],
        ["lists.inc", "--set", "widths=[5, 6]"],
        ["two.inc::Small"],
    ],
    ids=" ".join,
)
def test_the_command_in_the_banner_gives_the_same_file_again(call, arguments):
    text = call("compile", "-o", "-", *arguments).stdout
    command = re.search(r"regenerate: incdsl (.*)", text).group(1)
    assert call(*shlex.split(command)).stdout == text


def test_the_command_in_the_banner_is_the_one_that_was_typed(call, folder):
    (folder / "a b").mkdir()
    (folder / "a b" / "it.inc").write_text(ONE, encoding="utf-8")
    words = ["a b/it.inc::N", "-o", "out/it.py", "--root", "a b", "--max-steps", "99", "--set", "width=9"]
    assert call("compile", *words, "--force").exit_code == 0
    text = (folder / "out" / "it.py").read_text(encoding="utf-8")
    command = re.search(r"regenerate: incdsl (.*)", text).group(1)
    assert shlex.split(command) == ["compile", *words]
    call(*shlex.split(command))
    assert (folder / "out" / "it.py").read_text(encoding="utf-8") == text


def test_a_file_is_current_however_its_command_was_typed(call):
    assert call("compile", "one.inc", "-o", "net.py").exit_code == 0
    assert call("compile", "./one.inc", "-o", "./net.py", "--check").exit_code == 0
    assert call("compile", "one.inc", "-o", "net.py", "--set", "width=9", "--check").exit_code == 1


@pytest.mark.parametrize("names", [["no"], ["no", "nor"]])
def test_set_of_unknown_parameters_names_each(call, names):
    result = call("compile", "one.inc", *[word for name in names for word in ("--set", f"{name}=1")])
    assert result.exit_code == 1
    assert "error[E216]" in result.stderr
    assert all(f"no parameter `{name}`" in result.stderr for name in names)


@pytest.mark.parametrize("value", ["0", "-3", "2.5", "true", "[1, 2]", "1e999"])
def test_set_of_a_value_that_does_not_suit_is_a_diagnostic(call, value):
    result = call("compile", "one.inc", "--set", f"width={value}")
    assert result.exit_code == 1
    assert "error[E203]: `width` of `conv2d`" in result.stderr


@pytest.mark.parametrize(
    "text",
    ["width", "width=", "=4", "wi-dth=4", "width=4our", "width=4x", "width=[]", "width=[1", "width=9_", "width=9__9",
     "width=1" + "0" * 18, "width=" + "9" * 5000, "width=" + "[" * 5000 + "]" * 5000],
    ids=lambda text: text[:14],
)  # fmt: skip
def test_set_in_bad_syntax_is_a_usage_error(call, text):
    result = call("compile", "one.inc", "--set", text)
    assert result.exit_code == 2
    assert "Invalid value for '--set'" in result.stderr


# compile --check, --force


def test_check_of_a_current_file(call):
    call("compile", "one.inc")
    result = call("compile", "one.inc", "--check")
    assert result.exit_code == 0
    assert result.stdout == "generated/one.py is current\n"


def test_check_of_a_missing_file_writes_nothing(call, folder):
    result = call("compile", "one.inc", "--check", "-o", "new.py")
    assert result.exit_code == 1
    assert "error[E604]: new.py does not exist" in result.stderr
    assert "run `incdsl compile one.inc -o new.py`" in result.stderr
    assert not (folder / "new.py").exists()


def test_check_of_a_stale_file_leaves_it(call, folder):
    call("compile", "one.inc")
    old = (folder / "generated" / "one.py").read_bytes()
    (folder / "one.inc").write_text(ONE.replace("width = 4", "width = 5"), encoding="utf-8")
    result = call("compile", "one.inc", "--check")
    assert result.exit_code == 1
    assert "error[E604]: generated/one.py is out of date" in result.stderr
    assert (folder / "generated" / "one.py").read_bytes() == old


def test_the_help_of_check_makes_the_file_current(call, folder):
    stale = call("compile", "one.inc", "--check", "--set", "width=5")
    command = re.search(r"run `incdsl (.*)`", stale.stderr).group(1).split()
    assert call(*command).exit_code == 0
    assert call("compile", "one.inc", "--check", "--set", "width=5").exit_code == 0


def test_force_overwrites_a_file_edited_by_hand(call, folder):
    call("compile", "one.inc")
    target = folder / "generated" / "one.py"
    target.write_text(target.read_text(encoding="utf-8") + "x = 1\n", encoding="utf-8")
    refused = call("compile", "one.inc")
    assert refused.exit_code == 1
    assert "error[E601]" in refused.stderr
    assert target.read_text(encoding="utf-8").endswith("x = 1\n")
    assert call("compile", "one.inc", "--force").exit_code == 0
    assert target.read_text(encoding="utf-8") == expected(ONE, "one.inc")


# check


def test_check_of_several_specs_tells_of_each(call):
    result = call("check", "one.inc", "two.inc")
    assert result.exit_code == 0
    assert [line.split(",")[0] for line in result.stdout.splitlines()] == [
        "one.inc: N ok",
        "two.inc: Small ok",
        "two.inc: Large ok",
    ]


def test_check_goes_on_after_a_wrong_spec(call):
    result = call("check", "wrong.inc", "one.inc", "missing.inc")
    assert result.exit_code == 1
    assert "one.inc: N ok" in result.stdout
    assert "error[E201]" in result.stderr
    assert "error[E105]" in result.stderr
    assert "2 errors" in result.stderr


def test_warnings_are_told_and_do_not_fail(call):
    result = call("check", "alike.inc")
    assert result.exit_code == 0
    assert "warning[W401]" in result.stderr
    assert "alike.inc: N ok" in result.stdout
    assert call("compile", "alike.inc", "-o", "-").stdout == expected(ALIKE, "alike.inc", typed="alike.inc -o -")


def test_check_of_one_net(call):
    result = call("check", "two.inc::Large")
    assert result.exit_code == 0
    assert result.stdout.startswith("two.inc::Large: Large ok")
    assert "Small" not in result.stdout


@pytest.mark.parametrize("command", ["check", "compile", "summary"])
def test_a_spec_that_cannot_be_read_is_exit_code_2(call, command):
    result = call(command, "missing.inc")
    assert result.exit_code == 2
    assert "error[E105]: cannot read missing.inc: no such file or directory" in result.stderr


@pytest.mark.parametrize("arguments", [[], ["check"], ["compile"], ["paint"], ["check", "one.inc", "--nonsense"]])
def test_wrong_usage_is_exit_code_2(call, arguments):
    assert call(*arguments).exit_code == 2


def test_max_steps_bounds_the_net(call):
    assert call("check", "one.inc", "--max-steps", "3").exit_code == 0
    result = call("check", "one.inc", "--max-steps", "2")
    assert result.exit_code == 1
    assert "error[E505]" in result.stderr
    assert call("check", "one.inc", "--max-steps", "0").exit_code == 2


@pytest.mark.parametrize("command", [["check"], ["compile", "-o", "-"], ["summary"]])
def test_max_params_bounds_the_net(call, command):
    text = "inc 1\nnet N {\n  input x [1000]\n  output y = x -> linear @10_000_001 (bias: false)\n}\n"
    result = call(*command, "-", input=text)
    assert result.exit_code == 1
    assert "error[E507]: the net has 10,000,001,000 parameters" in result.stderr
    assert call(*command, "-", "--max-params", "10000001000", input=text).exit_code == 0
    assert call(*command, "-", "--max-params", "10000000999", input=text).exit_code == 1


# standard input, shipped specs, the group


@pytest.mark.parametrize("command", [["check"], ["compile", "-o", "-"], ["summary"]])
def test_a_dash_reads_standard_input(call, command):
    result = call(*command, "-", input=ONE)
    assert result.exit_code == 0
    assert "N" in result.stdout


@pytest.mark.thorough
def test_standard_input_of_a_process_is_read_as_utf8_whatever_the_locale(folder):
    text = ONE.replace("inc 1\n", "inc 1\n# dépôt →\n").encode()
    found = incdsl("compile", "-", "-o", "-", cwd=folder, stdin=text)
    assert no_accident(found)
    assert found.returncode == 0
    assert found.stdout.decode() == expected(text.decode(), "<stdin>", typed="- -o -")


@pytest.mark.thorough
@pytest.mark.parametrize("text", [b"inc 1\n\xff", b"\0" * 10])
def test_standard_input_that_is_no_text(folder, text):
    found = incdsl("check", "-", cwd=folder, stdin=text)
    assert found.returncode == 2
    assert b"error[E105]: cannot read <stdin>" in found.stderr


def test_the_shipped_spec_is_found_from_any_folder(call, folder):
    text = V3.read_text(encoding="utf-8")
    assert call("compile", "specs/v3.inc").exit_code == 0
    assert (folder / "generated" / "v3.py").read_text(encoding="utf-8") == expected(
        text, "specs/v3.inc", typed="specs/v3.inc"
    )


def test_a_spec_of_ones_own_goes_before_the_shipped_one(call, folder):
    (folder / "specs").mkdir()
    (folder / "specs" / "v3.inc").write_text(ONE, encoding="utf-8")
    assert "N ok" in call("check", "specs/v3.inc").stdout


@pytest.mark.parametrize("path", ["specs/../specs/v3.inc", "specs/no.inc", "specs", "v3.inc"])
def test_only_paths_of_shipped_specs_are_looked_up(call, path):
    assert call("check", path).exit_code == 2


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("command", [[], ["check"], ["compile"], ["explain"], ["summary"], ["verify"]])
def test_help(call, command, flag):
    result = call(*command, flag)
    assert result.exit_code == 0
    assert result.stdout.startswith("Usage: ")


def test_help_lists_all_commands(call):
    text = call("--help").stdout
    assert [c for c in ("check", "compile", "explain", "summary", "verify") if f"\n  {c} " in text] == [
        "check", "compile", "explain", "summary", "verify",
    ]  # fmt: skip


def test_version(call):
    result = call("--version")
    assert result.exit_code == 0
    assert re.fullmatch(r".*, version \d+\.\d+\.\d+\n", result.stdout)

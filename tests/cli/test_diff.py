"""`incdsl diff`: two nets, two specs, and a spec at a revision of git."""

import json
import subprocess

import pytest

BODY = "inc 1\nnet N {{\n  input x [3, 8, 8]\n  output y = x -> conv2d 3x3 @{} -> relu\n}}\n"
IMPORTING = 'inc 1\nfrom "parts/unit.inc" use conv\nnet N {\n  input x [3, 8, 8]\n  output y = x -> conv 3x3 @4\n}\n'
UNIT = "inc 1\nunit conv = conv2d (bias: {}) -> relu\n"


def git(*words):
    identity = ["-c", "user.name=N", "-c", "user.email=n@n", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *identity, *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(folder):
    """Two commits of a spec with an import, and a third state that is not committed."""
    git("init", "-q")
    (folder / "parts").mkdir()
    (folder / "net.inc").write_text(IMPORTING)
    for bias in ("true", "false"):
        (folder / "parts" / "unit.inc").write_text(UNIT.format(bias))
        git("add", "net.inc", "parts")
        git("commit", "-q", "-m", bias)
    (folder / "net.inc").write_text(IMPORTING.replace("@4", "@5"))
    return folder


def test_two_specs(call, folder):
    (folder / "a.inc").write_text(BODY.format(4))
    (folder / "b.inc").write_text(BODY.format(6))
    done = call("diff", "a.inc", "b.inc")
    assert done.exit_code == 0
    assert "~ y  width 4 -> 6; +56 parameters, +3,456 MACs" in done.stdout
    assert "a checkpoint of A does not load into B: 0 keys fit, 2 of another shape" in done.stdout
    assert call("diff", "a.inc", "b.inc", "--exit-code").exit_code == 1
    assert call("diff", "a.inc", "a.inc", "--exit-code").exit_code == 0


def test_formats(call, folder):
    (folder / "a.inc").write_text(BODY.format(4))
    (folder / "b.inc").write_text(BODY.format(6))
    document = json.loads(call("diff", "a.inc", "b.inc", "--format", "json").stdout)
    assert document["changes"][0]["name"] == "y"
    assert document["changes"][0]["words"] == ["width 4 -> 6"]
    assert document["checkpoint"]["reshaped"][0] == {"key": "y.weight", "a": [4, 3, 3, 3], "b": [6, 3, 3, 3]}
    github = call("diff", "a.inc", "b.inc", "--format", "github").stdout
    assert github == "::notice file=b.inc,line=4,col=19,title=y::changed: width 4 -> 6; +56 parameters, +3,456 MACs\n"
    assert "- `~ y` width 4 -> 6" in call("diff", "a.inc", "b.inc", "--format", "markdown").stdout


def test_specs_with_several_nets_are_compared_by_name(call, folder):
    text = (folder / "two.inc").read_text()
    (folder / "other.inc").write_text(text.replace("@8", "@9").replace("net Small", "net Tiny"))
    done = call("diff", "two.inc", "other.inc")
    assert "two.inc::Large" in done.stdout
    assert "width 8 -> 9" in done.stdout
    assert "- net Small\n+ net Tiny\n" in done.stdout
    done = call("diff", "two.inc::Small", "two.inc::Large")
    assert "width 4 -> 8" in done.stdout
    (folder / "other.inc").write_text(text.replace("net Small", "net A").replace("net Large", "net B"))
    done = call("diff", "two.inc", "other.inc")
    assert done.exit_code == 2
    assert "no net is in both" in done.stderr


def test_a_revision_with_what_it_imports(call, repository):
    done = call("diff", "HEAD~1:net.inc", "HEAD:net.inc")
    assert "bias true -> false" in done.stdout
    assert "HEAD~1:net.inc::N" in done.stdout
    assert "width" not in done.stdout
    done = call("diff", "net.inc")
    assert "HEAD:net.inc::N" in done.stdout
    assert "width 4 -> 5" in done.stdout
    assert "bias" not in done.stdout


def test_a_revision_from_a_folder_below(call, repository, monkeypatch):
    monkeypatch.chdir(repository / "parts")
    (repository / "parts" / "net.inc").write_text(IMPORTING.replace("parts/", ""))
    git("add", "net.inc")
    git("commit", "-q", "-m", "below")
    assert "nothing changed" in call("diff", "net.inc").stdout
    assert "width 4 -> 5" in call("diff", "HEAD~1:../net.inc::N", "../net.inc").stdout


def test_a_path_may_begin_at_the_top_or_lead_to_another_repository(call, repository, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(repository / "parts")
    assert "width 4 -> 5" in call("diff", "HEAD:net.inc", "../net.inc").stdout
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert "width 4 -> 5" in call("diff", str(repository / "net.inc")).stdout


def test_steps_of_a_revision(call, repository):
    done = call("diff", "HEAD~1:net.inc::conv 3x3 @4@[3, 8, 8]", "net.inc::conv 3x3 @4@[3, 8, 8]")
    assert "bias true -> false" in done.stdout


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("HEAD~9:net.inc", "there is no revision 'HEAD~9'"),
        ("--help:net.inc", "there is no revision '--help'"),
        ("HEAD:nothing.inc", "there is no nothing.inc at HEAD"),
        ("HEAD:../../outside.inc", "not a git repository"),
    ],
)
def test_what_is_not_there(call, repository, text, reason):
    done = call("diff", "--", text, "net.inc")
    assert done.exit_code == 2
    assert reason in " ".join(done.stderr.split())


def test_links_and_other_files_of_a_revision_are_not_read(call, repository):
    (repository / "parts" / "link.inc").symlink_to("/etc/passwd")
    (repository / "net.inc").write_text(IMPORTING.replace("unit.inc", "link.inc"))
    git("add", "net.inc", "parts")
    git("commit", "-q", "-m", "link")
    done = call("diff", "HEAD:net.inc", "HEAD~1:net.inc")
    assert done.exit_code != 0
    assert "root:" not in done.output


def test_without_git_or_a_repository(call, folder, monkeypatch):
    done = call("diff", "one.inc")
    assert done.exit_code == 2
    assert "not a git repository" in done.stderr
    monkeypatch.setenv("PATH", "")
    assert "needs git" in call("diff", "one.inc").stderr


def test_what_is_wrong_is_told(call):
    done = call("diff", "one.inc", "wrong.inc")
    assert done.exit_code == 1
    assert "E201" in done.stderr
    assert json.loads(call("diff", "one.inc", "wrong.inc", "--format", "json").stdout)


def test_a_figure(call, folder):
    (folder / "a.inc").write_text(BODY.format(4))
    (folder / "b.inc").write_text(BODY.format(6))
    done = call("diff", "a.inc", "b.inc", "-o", "d.svg", "--exit-code")
    assert done.exit_code == 1
    assert "~ y  width 4 -> 6" in done.stdout
    svg = (folder / "d.svg").read_text()
    assert "width 4 → 6" in svg
    assert ">a.inc<" in svg
    assert call("diff", "a.inc", "b.inc", "-o", "-").stdout == svg
    dark = call("diff", "a.inc", "b.inc", "-o", "-", "--theme", "dark", "--depth", "2").stdout
    assert dark.startswith("<svg")
    assert dark != svg
    assert call("diff", "a.inc", "b.inc", "-o", "d.png", "--format", "json").stdout.startswith("{")
    assert (folder / "d.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("file", "said"), [("d.html", "not as .html"), ("d.gif", "not as 'd.gif'")])
def test_a_figure_has_few_forms(call, folder, file, said):
    (folder / "a.inc").write_text(BODY.format(4))
    done = call("diff", "a.inc", "a.inc", "-o", file)
    assert done.exit_code == 2
    assert said in done.stderr
    assert not (folder / file).exists()


def test_a_figure_has_two_nets(call):
    done = call("diff", "two.inc", "two.inc", "-o", "d.svg")
    assert done.exit_code == 2
    assert "A::NET and B::NET" in done.stderr


def test_a_figure_of_a_revision(call, repository):
    assert call("diff", "net.inc", "-o", "d.svg").exit_code == 0
    svg = (repository / "d.svg").read_text()
    assert ">HEAD:net.inc<" in svg
    assert "width 4 → 5" in svg


INTERFACE = """inc 1
net N{params} {{
  input {first}
  input {second}
  aux head (weight: {weight}) = a -> conv2d 1x1 @{width}
  output {out} = add {{ | a | b }} -> relu
}}
"""
AS_IT_IS = {
    "params": "(width = 4)", "first": "a [3, 8, 8]", "second": "b [3, 8, 8]",
    "weight": 0.3, "width": "width", "out": "y",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "name", "what"),
    [
        ({"first": "b [3, 8, 8]", "second": "a [3, 8, 8]"}, "inputs", "a, b -> b, a"),
        ({"out": "z"}, "outputs", "y -> z"),
        ({"weight": 0.4}, "head", "weight 0.3 -> 0.4"),
        ({"params": "(width = 5)"}, "parameter width", "4 -> 5"),
        ({"params": "", "width": 4}, "parameter width", "4 -> none"),
    ],
)
def test_what_callers_notice_is_a_difference(call, folder, changed, name, what):
    """The parts are the same; what one passes and reads is not."""
    (folder / "a.inc").write_text(INTERFACE.format(**AS_IT_IS))
    (folder / "b.inc").write_text(INTERFACE.format(**AS_IT_IS | changed))
    done = call("diff", "a.inc", "b.inc", "--exit-code")
    assert done.exit_code == 1
    assert f"~ {name}  {what}" in done.stdout
    assert "nothing changed" not in done.stdout
    document = json.loads(call("diff", "a.inc", "b.inc", "--format", "json").stdout)
    assert {"name": name, "change": what} in document["interface"]
    assert f"::notice title=N::{name}: {what}" in call("diff", "a.inc", "b.inc", "--format", "github").stdout

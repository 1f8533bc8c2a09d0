"""The documentation is executed: specs compile, Python runs, generated pages are current, links lead somewhere."""

import importlib.util
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from incdsl.cli import cli
from incdsl.compiler import check_file
from incdsl.diagnostics import CompileError
from incdsl.diagnostics.render import human
from incdsl.runtime.load import load_text
from incdsl.source import Source

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for i, (tag, text) in enumerate(FENCE.findall(page.read_text(encoding="utf-8"))):
            if tag == language:
                found.append((f"{page.stem}-{i}", text))
    return found


def whole(text: str) -> str:
    """A fragment as a spec: items of a net around an 8x16x16 input, or definitions."""
    if text.startswith("inc "):
        return text
    if text.lstrip().startswith(("#", "block", "unit")):
        units = "unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu\nunit avg = avgpool 3x3\n"
        return f"inc 1\n{units}{text}"
    return f"inc 1\nnet Example {{\n  input x [8, 16, 16]\n{text}\n}}\n"


@pytest.mark.parametrize(("name", "text"), blocks("inc"), ids=lambda v: v if len(v) < 40 else "")
def test_specs_compile(name: str, text: str) -> None:
    try:
        done = check_file(Source(name, whole(text)))
    except CompileError as error:
        pytest.fail(str(error))
    assert done or "net " not in whole(text)
    assert all(each.text for each in done)


def test_there_are_specs_to_compile() -> None:
    assert len(blocks("inc")) >= 10


@pytest.mark.torch
@pytest.mark.parametrize(("name", "text"), [b for b in blocks("python") if "import" in b[1]], ids=lambda v: v[:20])
def test_python_runs(name: str, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a checkout; what it writes stays out of this one."""
    for folder in ("examples", "specs"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    monkeypatch.chdir(tmp_path)
    assert load_text(text, "docs_example").incdsl


PRINTS = re.compile(r"^```python\n((?:(?!```).)*)^```\n```text\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_python_prints_what_the_page_shows(capsys: pytest.CaptureFixture[str]) -> None:
    found = [pair for page in PAGES for pair in PRINTS.findall(page.read_text(encoding="utf-8"))]
    assert found
    for code, shown in found:
        exec(compile(code, "example", "exec"), {})  # noqa: S102 - our own pages
        assert capsys.readouterr().out == shown


SHOWN = re.compile(r"^```\n\$ incdsl (.*)\n((?:(?!```).*\n)*)```$", re.MULTILINE)
SEEN = ("check", "compare", "diff", "passes", "summary", "verify")
"""Commands that only look; what others print is shown by pages that have tests of their own."""
COMMANDS = [
    (page, command, shown)
    for page in PAGES
    for command, shown in SHOWN.findall(page.read_text(encoding="utf-8"))
    if command.startswith(SEEN)
]


@pytest.mark.torch
@pytest.mark.parametrize(("page", "command", "shown"), COMMANDS, ids=[each[1] for each in COMMANDS])
def test_commands_print_what_the_page_shows(page, command, shown, monkeypatch) -> None:
    """A page may leave out what stands before and after."""
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(cli, shlex.split(command), env={"COLUMNS": None, "NO_COLOR": "1"})
    assert done.exit_code == 0
    printed = [line.rstrip() for line in done.stdout.splitlines()]
    said = shown.splitlines()
    assert any(printed[at : at + len(said)] == said for at in range(len(printed)))


def generate() -> ModuleType:
    """The script that writes pages and figures."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_figures_are_current_and_shown() -> None:
    made = generate().figures()
    kept = {each.name: each.read_text(encoding="utf-8") for each in (ROOT / "docs" / "figures").iterdir()}
    assert made == kept, f"run {sys.executable} docs/generate.py"
    shown = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert all(name in shown or name.replace("_dark", "") in shown for name in made)


def test_generated_pages_are_current() -> None:
    for name, page in generate().PAGES.items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == page(), f"run {sys.executable} docs/generate.py"


def test_the_readme_shows_the_generated_block() -> None:
    """The class in the README is that of v3.inc, up to the ellipsis."""
    import incdsl

    shown = next(text for name, text in blocks("python") if "class InceptionB" in text)
    module = incdsl.compile(ROOT / "specs" / "v3.inc")
    assert shown.split("        ...")[0] in module
    rails = next(text for name, text in blocks("inc") if name.startswith("README"))
    assert rails in (ROOT / "specs" / "v3.inc").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_error_in_the_readme_is_the_one_that_is_given() -> None:
    """The lost `valid` of the README's example, planted in v3.inc."""
    text = (ROOT / "specs" / "v3.inc").read_text(encoding="utf-8")
    planted = text.replace("conv 3x3 @96 -> conv 3x3/2 @96 valid", "conv 3x3 @96 -> conv 3x3/2 @96 pad 1")
    assert planted != text
    with pytest.raises(CompileError) as caught:
        check_file(Source("specs/v3.inc", planted))
    assert human(caught.value.diagnostics[0]) in (ROOT / "README.md").read_text(encoding="utf-8")

"""What is imported when, and what the package's sources may hold."""

import ast
import json
from functools import cache

import pytest

from tests.process import ROOT, V3, incdsl, no_accident, python

HEAVY = {"torch", "networkx", "pydantic", "lark", "rich", "numpy"}
LOADED = "import json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
PACKAGE = ROOT / "incdsl"
SOURCES = sorted(PACKAGE.rglob("*.py"))


def loaded(code, cwd):
    """The top-level modules that are there after some code."""
    found = python("-c", f"{code}\n{LOADED}", cwd=cwd)
    assert found.returncode == 0, found.stderr.decode()
    return set(json.loads(found.stdout.splitlines()[-1]))


def called(*arguments):
    """Code that runs the command line."""
    lines = ["from incdsl.cli import cli", "try:", f"  cli({list(arguments)!r})", "except SystemExit as end:"]
    return "\n".join([*lines, "  assert not end.code"])


# Imports at run time


def test_importing_the_package_imports_nothing_heavy(tmp_path):
    names = loaded("import incdsl", tmp_path)
    assert "incdsl" in names
    assert not names & (HEAVY | {"click"})


@pytest.mark.thorough
@pytest.mark.parametrize("arguments", [["--help"], ["--version"]], ids=" ".join)
def test_the_bare_command_imports_nothing_heavy(tmp_path, arguments):
    names = loaded(called(*arguments), tmp_path)
    assert "click" in names
    assert not names & HEAVY


@pytest.mark.parametrize(
    "arguments",
    [
        ["compile", str(V3)],
        pytest.param(["summary", str(V3)], marks=pytest.mark.thorough),
        pytest.param(["compare", str(V3), str(V3)], marks=pytest.mark.thorough),
    ],
    ids=["compile", "summary", "compare"],
)
def test_compiling_imports_no_torch(tmp_path, arguments):
    names = loaded(called(*arguments), tmp_path)
    assert {"pydantic"} <= names
    assert not names & {"torch", "numpy", "networkx"}
    assert arguments[0] in ("summary", "compare") or "rich" not in names


@pytest.mark.thorough
def test_the_interface_imports_torch_only_to_load(tmp_path):
    assert "torch" not in loaded(f"import incdsl; incdsl.compile({str(V3)!r}); incdsl.check({str(V3)!r})", tmp_path)


@pytest.mark.torch
def test_loading_imports_torch(tmp_path):
    assert "torch" in loaded(f"import incdsl; incdsl.load({str(V3)!r})", tmp_path)


@pytest.mark.thorough
def test_the_command_works_without_torch(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')\n", encoding="utf-8")
    for arguments in (["check", "specs/v3.inc"], ["compile", "specs/v3.inc"], ["explain", "conv2d"]):
        found = python("-m", "incdsl", *arguments, cwd=tmp_path)
        assert no_accident(found)
        assert found.returncode == 0


@pytest.mark.thorough
def test_a_module_beside_the_spec_is_not_imported(tmp_path):
    for name in ("lark", "click", "ast", "v3", "InceptionV3"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(99)\n", encoding="utf-8")
    found = python("-P", "-m", "incdsl", "check", "specs/v3.inc", cwd=tmp_path)
    assert found.returncode == 0


# The sources


@cache
def parsed(path):
    """The syntax tree of a source file."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(tree):
    """The full names of all modules that a file imports, at the top or inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield node.module


@pytest.mark.parametrize(
    ("module", "homes"),
    [
        ("lark", ["syntax"]),
        ("networkx", ["ir/multidigraph.py"]),
        ("torch", ["runtime", "testing"]),
        ("click", ["cli"]),
        ("lsprotocol", ["lsp/answers", "lsp/convert.py", "lsp/server.py"]),
        ("pygls", ["lsp/answers", "lsp/convert.py", "lsp/main.py", "lsp/server.py"]),
        ("pygments", ["drawing/explorer/text.py", "highlight/lexer.py"]),
    ],
)
def test_each_library_has_its_home(module, homes):
    users = {p for p in SOURCES if any(name.partition(".")[0] == module for name in imported(parsed(p)))}
    users = {p for p in users if not _only_for_types(p, module)}
    allowed = {PACKAGE / home for home in homes}
    assert users
    assert {p for p in users if not allowed & {p, *p.parents}} == set()


def _only_for_types(path, module):
    """Whether all imports of a module stand below `if TYPE_CHECKING`."""
    tree = parsed(path)
    guarded = [n for n in ast.walk(tree) if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"]
    inside = sum(name.partition(".")[0] == module for n in guarded for name in imported(n))
    return inside == sum(name.partition(".")[0] == module for name in imported(tree))


BANNED_NAMES = {"eval", "exec", "__import__"}
BANNED_MODULES = {
    "pickle", "_pickle", "marshal", "shelve", "dill", "joblib", "cloudpickle", "yaml", "subprocess", "socket",
    "urllib", "http", "requests", "ctypes", "pty", "code", "codeop", "runpy", "imp", "webbrowser", "ftplib", "xmlrpc",
}  # fmt: skip
AT_HOME = {
    "runtime/kernels/build.py": {"subprocess"},
    "runtime/kernels/library.py": {"ctypes"},
    "cli/revision.py": {"subprocess"},
}
"""The compiler of kernels, and what it made: of texts of this package, in which nothing of a spec stands. And git."""
BANNED_CALLS = {
    "os.system",
    "os.popen",
    "os.spawnl",
    "os.execv",
    "os.fork",
    "yaml.load",
    "torch.load",
    "torch.hub.load",
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_that_runs_texts_or_commands_is_used(path):
    tree = parsed(path)
    banned = BANNED_MODULES - AT_HOME.get(path.relative_to(PACKAGE).as_posix(), set())
    assert not {name.partition(".")[0] for name in imported(tree)} & banned
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            assert node.id not in BANNED_NAMES
        elif isinstance(node, ast.Call):
            words = {word.arg: ast.unparse(word.value) for word in node.keywords}
            name = ast.unparse(node.func)
            assert name not in BANNED_CALLS or words.get("weights_only") == "True"
            assert words.get("shell", "False") == "False"
            assert "cache" not in words or not name.endswith("Lark")
            assert name not in ("compile", "input", "breakpoint")


@pytest.mark.thorough
def test_help_of_a_process_writes_nothing(tmp_path):
    found = incdsl("--help", cwd=tmp_path)
    assert found.returncode == 0
    assert found.stdout.startswith(b"Usage:")
    assert list(tmp_path.iterdir()) == []

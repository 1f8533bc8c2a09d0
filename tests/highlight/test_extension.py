"""The extension for VS Code, built and asked with the tools of the npm registry: `pytest -m node tests/highlight`."""

import json
import re
import shutil
import subprocess
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
from pygments.token import Comment, Keyword, Name, Number, Operator, Punctuation, String

from incdsl.highlight.lexer import IncLexer
from tests.lsp.texts import SHIPPED
from tests.process import ROOT

pytestmark = pytest.mark.node
EXTENSION = ROOT / "editors" / "vscode"
SCOPES = {
    "comment": Comment, "string": String, "storage": Keyword.Declaration, "entity.name": Name.Class,
    "entity.other": Name.Attribute, "constant.numeric": Number, "keyword.operator.logical": Operator.Word,
    "constant.language": Keyword.Constant, "keyword.control": Keyword, "keyword.other.merge": Name.Function.Magic,
    "support.constant": Keyword.Pseudo, "support.function": Name.Builtin, "keyword.operator": Operator,
}  # fmt: skip
"""What a scope of the grammar is to Pygments; the first one that fits counts."""


def npm(*arguments, cwd):
    done = subprocess.run(["npm", *arguments], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def extension(tmp_path_factory):
    """A copy of the extension, with the tools that it is built with."""
    folder = tmp_path_factory.mktemp("extension") / "vscode"
    shutil.copytree(EXTENSION, folder, ignore=shutil.ignore_patterns("node_modules", "dist", "*.vsix"))
    npm("install", "--no-audit", "--no-fund", cwd=folder)
    return folder


def test_one_command_builds_what_is_installed(extension):
    npm("run", "package", cwd=extension)
    (built,) = extension.glob("*.vsix")
    with ZipFile(built) as file:
        names = set(file.namelist())
        package = json.loads(file.read("extension/package.json"))
        code = file.read("extension/dist/extension.js").decode()
        licences = file.read("extension/dist/LICENSES.txt").decode()
        manifest = ElementTree.fromstring(file.read("extension.vsixmanifest"))
    assert names == {"[Content_Types].xml", "extension.vsixmanifest"} | {
        f"extension/{name}"
        for name in (
            "LICENSE.txt", "readme.md", "package.json", "language-configuration.json", "dist/extension.js",
            "dist/LICENSES.txt", "snippets/inc.json", "syntaxes/inc.tmLanguage.json",
        )
    }  # fmt: skip
    assert built.stat().st_size < 200_000
    assert package["main"] == "./dist/extension.js"
    assert set(re.findall(r'require\("(?!node:)([^"]+)"\)', code)) - NODE == {"vscode"}  # all else is in the file
    assert {"vscode-languageclient", "vscode-jsonrpc"} <= set(
        re.findall(r"^([a-z-]+) [0-9.]+$", licences, re.MULTILINE)
    )
    identity = manifest.find(".//{*}Identity")
    assert (identity.get("Id"), identity.get("Version")) == ("incdsl", package["version"])


NODE = {"child_process", "crypto", "fs", "net", "os", "path", "util", "events", "readline", "string_decoder", "url"}
"""Modules of Node.js."""


def test_the_scope_of_each_kind_of_word(extension):
    assert "✓ tests/words.inc" in npm("test", cwd=extension)


def scopes(snapshot):
    """The lines of a snapshot, each with the innermost scope of every character."""
    found = []
    for line in snapshot.splitlines():
        if line.startswith(">"):
            found.append((line[1:], [""] * len(line[1:])))
        elif marks := re.match(r"#( *)(\^+) source\.inc ?(\S*)", line):
            line, of = found[-1]
            for at in range(len(marks[1]), min(len(marks[1]) + len(marks[2]), len(line))):  # a break may have one, too
                of[at] = marks[3]
    return found


def test_editors_and_pages_show_shipped_specs_in_the_same_colours(extension, tmp_path):
    """Each token of Pygments has one scope, and that is the one of its kind."""
    for path in SHIPPED:
        shutil.copy(path, tmp_path / f"{path.parent.name}-{path.name}")
    command = ["npx", "vscode-tmgrammar-snap", "-s", "source.inc", f"{tmp_path}/*.inc"]
    subprocess.run(command, cwd=extension, check=True, capture_output=True)
    for path in SHIPPED:
        text = path.read_text(encoding="utf-8")
        lines = scopes((tmp_path / f"{path.parent.name}-{path.name}.snap").read_text(encoding="utf-8"))
        assert "\n".join(line for line, _ in lines).rstrip("\n") == text.rstrip("\n")
        of = [scope for line, marks in lines for scope in [*marks, ""]]
        at = 0
        for kind, value in IncLexer(stripnl=False, ensurenl=False).get_tokens(text):
            if value.strip():
                (scope,) = set(of[at : at + len(value)])
                wanted = next((known for name, known in SCOPES.items() if scope.startswith(name)), None)
                alike = wanted is None if kind is Name or kind in Punctuation else wanted and kind in wanted
                assert alike, (path.name, value, scope, kind)
            at += len(value)

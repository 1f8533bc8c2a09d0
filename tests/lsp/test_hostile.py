"""What a server must live with: junk, texts without end, files that vanish, requests out of place."""

import os
import random

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from incdsl.edits import difference, edited
from tests.lsp.client import serving
from tests.lsp.test_server import everything, place, run
from tests.lsp.texts import SPECS, V3, net

TEXT = net("output y = x -> Part(width: 4, kind: wide)")
JUNK = (
    "😀", "𝒳", "\r\n", "\r", "\0", "\u2028", "\x85", "\ufeff", "\ud800", "\t", "{", "}", "[", "(", ")", "|", ":", "@",
    "->", "#", '"', "conv", "9" * 5000, "x" * 300, "inc 2", 'from "v3.inc" use X\n', "..", "//",
)  # fmt: skip


def spoiled(text, random):
    """A text with junk, and parts of itself, in some places."""
    for _ in range(random.randint(1, 6)):
        start = random.randint(0, len(text))
        end = min(len(text), start + random.choice((0, 0, 1, 3, 20, 400)))
        again = text[random.randint(0, len(text)) :][: random.randint(0, 80)]
        text = text[:start] + random.choice((*JUNK, again)) + text[end:]
    return text


async def asked_while_spoiled(count, seed):
    chance = random.Random(seed)
    async with serving(SPECS) as client:
        uri, whole = (SPECS / "spoiled.inc").as_uri(), V3.read_text(encoding="utf-8")
        client.open(uri, whole, 0)
        text = whole
        for version in range(1, count + 1):
            text = spoiled(whole if chance.random() < 0.7 or len(text) > 60_000 else text, chance)
            client.change(uri, text, version)
            await everything(
                client, uri, text, types.Position(chance.randint(0, text.count("\n")), chance.randint(0, 60))
            )


def test_spoiled_specs():
    run(asked_while_spoiled(20, 0))


@pytest.mark.long
def test_many_spoiled_specs():
    run(asked_while_spoiled(500, 1))


def test_texts_from_anywhere():
    addresses = (
        "untitled:a", "git:/x/a.inc?ref", "vscode-notebook-cell:/a.inc#1", "file:///no/such/folder/a.inc",
        "file:///C:/x/a.inc", "file://host/share/a.inc", "file:///a%20b%25.inc", "inmemory://model/1", "file:///",
    )  # fmt: skip

    async def scenario():
        async with serving(SPECS) as client:
            for uri in addresses:
                client.open(uri, TEXT)
                found = await everything(client, uri, TEXT, place(TEXT, "Part(width: 4"))
                assert found["definition"].uri == uri
                assert found["code_lens"]

    run(scenario())


def test_texts_without_end():
    """None is analyzed beyond the limits of the compiler, and none takes more than its length to lay out."""

    async def scenario():
        async with serving(SPECS) as client:
            uri = "untitled:long"
            client.open(uri, "", 0)
            long = ["inc 1\n" + "net N { input x [3,8,8]\n" * 50_000, "{" * 100_000, "\n" * 100_000]
            for version, text in enumerate(long, 1):
                client.change(uri, text, version)
                await everything(client, uri, text, types.Position(3, 5))

    run(scenario())


def test_lines_that_recur_are_one_edit():
    before = "  x  \n" * 2000 + "y\n" + "z\n" * 10
    after = "x\n" * 1500 + "y\n" + "  x  \n" * 1000 + "z\n" * 10
    (edit,) = difference(before, after)
    assert edited(before, [edit]) == after
    assert edit.end == before.index("z")


def test_files_that_are_no_texts(tmp_path):
    async def scenario():
        async with serving(tmp_path) as client:
            os.mkfifo(tmp_path / "pipe.inc")
            (tmp_path / "folder.inc").mkdir()
            (tmp_path / "self.inc").symlink_to(tmp_path / "self.inc")
            (tmp_path / "binary.inc").write_bytes(b"\xff\xfe\0")
            names = ("pipe", "folder", "self", "binary")
            text = "inc 1\n" + "".join(f'from "{name}.inc" use {name.title()}\n' for name in names)
            uri = (tmp_path / "a.inc").as_uri()
            client.open(uri, text)
            found = await everything(client, uri, text, place(text, "Pipe"))
            assert [each.code for each in found["diagnostic"].items if each.severity == 1] == ["E106"] * 4

    run(scenario())


def test_imports_in_a_circle_and_files_that_vanish(tmp_path):
    async def scenario():
        async with serving(tmp_path) as client:
            one, other = tmp_path / "one.inc", tmp_path / "other.inc"
            one.write_text('inc 1\nfrom "other.inc" use A\nblock A = conv2d 1x1 @4\n', encoding="utf-8")
            other.write_text('inc 1\nfrom "one.inc" use A\n', encoding="utf-8")
            text = other.read_text(encoding="utf-8")
            client.open(other.as_uri(), text)
            assert "E107" in [each.code for each in await client.diagnostics(other.as_uri())]
            one.unlink()
            event = types.FileEvent(one.as_uri(), types.FileChangeType.Deleted)
            client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
            assert [each.code for each in await client.diagnostics(other.as_uri())] == ["E106"]
            one.write_text("inc 1\nblock A = conv2d 1x1 @4\n", encoding="utf-8")
            client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
            assert "E106" not in [each.code for each in await client.diagnostics(other.as_uri())]

    run(scenario())


def test_requests_out_of_place():
    async def scenario():
        async with serving(SPECS) as client:
            uri = "untitled:a"
            client.open(uri, TEXT)
            far, here = types.Position(9999, 9999), types.TextDocumentIdentifier(uri)
            await everything(client, uri, TEXT, far)
            backwards = types.Range(types.Position(9, 0), types.Position(2, 0))
            assert not await client.text_document_inlay_hint_async(types.InlayHintParams(here, backwards))
            for _ in range(2):
                client.text_document_did_close(types.DidCloseTextDocumentParams(here))
            with pytest.raises(JsonRpcException):
                await everything(client, uri, TEXT, far)

    run(scenario())


def test_specs_of_all_folders_are_found(tmp_path):
    async def scenario():
        folders = [tmp_path / name for name in ("one", "two")]
        for folder in folders:
            (folder / ".hidden").mkdir(parents=True)
            text = f"inc 1\nblock In{folder.name} = conv2d 1x1 @4\n"
            (folder / "a.inc").write_text(text, encoding="utf-8")
            (folder / ".hidden" / "b.inc").write_text(text.replace("In", "Hidden"), encoding="utf-8")
        async with serving(folders[0], folders=folders) as client:
            client.open("untitled:a", TEXT)
            found = await client.workspace_symbol_async(types.WorkspaceSymbolParams(""))
            assert {each.name for each in found} >= {"Inone", "Intwo", "Part"}
            assert not [each.name for each in found if each.name.startswith("Hidden")]

    run(scenario())

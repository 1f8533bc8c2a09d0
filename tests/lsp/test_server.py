"""The server as a process, asked by a real client."""

import asyncio
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.workspace import PositionCodec

from incdsl.lsp.convert import Places
from incdsl.lsp.server import Server
from tests.lsp.client import serving
from tests.lsp.texts import SHIPPED, SPECS, V3, net
from tests.process import ROOT, python

BASE = types.ClientCapabilities()


def run(scenario):
    asyncio.run(asyncio.wait_for(scenario, 1200))


def place(text, words, shift=0):
    """The position of some words."""
    return Places(text, PositionCodec()).position(text.index(words) + shift)


def whole(text):
    return types.Range(types.Position(0, 0), Places(text, PositionCodec()).position(len(text)))


async def everything(client, uri, text, position):
    """All requests about a place, as an editor makes them at once; the answers by method."""
    item = types.TextDocumentIdentifier(uri)
    at, all_of_it = {"text_document": item, "position": position}, whole(text)
    context = types.CodeActionContext([])
    requests = {
        "diagnostic": (types.DocumentDiagnosticParams(item),),
        "hover": (types.HoverParams(**at),),
        "inlay_hint": (types.InlayHintParams(item, all_of_it),),
        "definition": (types.DefinitionParams(**at),),
        "references": (types.ReferenceParams(types.ReferenceContext(True), **at),),
        "document_highlight": (types.DocumentHighlightParams(**at),),
        "completion": (types.CompletionParams(**at),),
        "signature_help": (types.SignatureHelpParams(**at),),
        "formatting": (types.DocumentFormattingParams(item, types.FormattingOptions(2, True)),),
        "range_formatting": (types.DocumentRangeFormattingParams(item, all_of_it, types.FormattingOptions(2, True)),),
        "document_symbol": (types.DocumentSymbolParams(item),),
        "code_lens": (types.CodeLensParams(item),),
        "semantic_tokens_full": (types.SemanticTokensParams(item),),
        "semantic_tokens_range": (types.SemanticTokensRangeParams(item, all_of_it),),
        "folding_range": (types.FoldingRangeParams(item),),
        "selection_range": (types.SelectionRangeParams(item, [position]),),
        "prepare_rename": (types.PrepareRenameParams(**at),),
        "code_action": (types.CodeActionParams(item, types.Range(position, position), context),),
    }
    asked = [getattr(client, f"text_document_{name}_async")(*params) for name, params in requests.items()]
    answers = await asyncio.gather(*asked, client.workspace_symbol_async(types.WorkspaceSymbolParams("Inc")))
    return dict(zip([*requests, "symbols"], answers, strict=True))


def test_all_shipped_specs():
    async def scenario():
        async with serving(SPECS) as client:
            for path in SHIPPED:
                text = path.read_text(encoding="utf-8")
                client.open(path.as_uri(), text)
                found = await everything(client, path.as_uri(), text, place(text, "conv"))
                assert [each.message for each in found["diagnostic"].items] == []
                assert not found["formatting"]
                assert found["document_symbol"]
                assert found["semantic_tokens_full"].data
                assert found["selection_range"]
                client.text_document_did_close(
                    types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(path.as_uri()))
                )

    run(scenario())


def test_a_session_with_v3():
    async def scenario():
        async with serving() as client:
            uri, text = V3.as_uri(), V3.read_text(encoding="utf-8")
            client.open(uri, text)
            item = types.TextDocumentIdentifier(uri)
            found = await everything(client, uri, text, place(text, "InceptionA(pool: 32)", 3))
            assert "[192, 35, 35]` → `[256, 35, 35]" in found["hover"].contents.value
            assert found["definition"].range.start.line == text[: text.index("block InceptionA")].count("\n")
            assert sum(each.uri == uri for each in found["references"]) == 4
            assert found["code_lens"][0].command.title == "27.2 M · 5.71 GMACs"
            assert found["prepare_rename"].placeholder == "InceptionA"
            hints = await client.text_document_inlay_hint_async(types.InlayHintParams(item, whole(text)))
            labels = {hint.label for hint in hints}
            assert "[32, 35, 35]" in labels  # the cursor came from this use
            assert "[32–64, 35, 35]" not in labels
            assert {each.name for each in found["symbols"]} >= {"InceptionV3", "InceptionA"}

            params = types.RenameParams(item, place(text, "branch1x1"), "B1")
            edit = await client.text_document_rename_async(params)
            assert [change.edits[0].new_text for change in edit.document_changes] == ["B1"]
            (note,) = edit.change_annotations.values()
            assert "checkpoints" in note.label
            params = types.RenameParams(item, place(text, "branch1x1"), "train")
            with pytest.raises(JsonRpcException, match=r"nn\.Module"):
                await client.text_document_rename_async(params)

            wrong = text.replace("@384 valid", "@384 pad 1")
            client.change(uri, wrong, 2)
            (problem,) = [each for each in await client.diagnostics(uri) if each.code == "E301"]
            assert problem.related_information[0].message.startswith("[384, 18, 18]  <- (35 + 2·1 − 3)//2 + 1 = 18")
            context = types.CodeActionContext([problem], only=[types.CodeActionKind.QuickFix])
            params = types.CodeActionParams(item, problem.range, context)
            (action,) = await client.text_document_code_action_async(params)
            assert action.title == "write `valid` in `conv 3x3/2 @384 pad 1`"
            (change,) = action.edit.changes[uri]
            lines = wrong.splitlines(keepends=True)
            line = lines[change.range.start.line]
            lines[change.range.start.line] = (
                line[: change.range.start.character] + change.new_text + line[change.range.end.character :]
            )
            assert "".join(lines) == text

    run(scenario())


def test_diagnostics_are_sent_to_those_who_do_not_ask(tmp_path):
    async def scenario():
        async with serving(tmp_path, BASE) as client:
            base, user = (tmp_path / name for name in ("base.inc", "user.inc"))
            client.open(base.as_uri(), "inc 1\nblock B = conv2d 1x1 @4\n")
            client.open(
                user.as_uri(), 'inc 1\nfrom "base.inc" use B\nnet N {\n  input x [3, 8, 8]\n  output y = x -> B\n}\n'
            )
            assert not await client.told(user.as_uri(), 1)  # what is open counts, though it is not on the disk
            client.change(base.as_uri(), "inc 1\nblock B = conv2d 1x1\n", 2)
            client.published.pop(user.as_uri())
            (problem,) = await client.told(user.as_uri(), 1)
            assert problem.message.startswith("`conv2d` needs its width")
            assert "base.inc:2" in problem.message
            assert [each.code for each in await client.told(base.as_uri(), 2)] == ["E204"]

    run(scenario())


def test_only_the_last_of_many_versions_is_answered():
    async def scenario():
        async with serving() as client:
            uri, text = V3.as_uri(), V3.read_text(encoding="utf-8")
            client.open(uri, text)
            item = types.TextDocumentIdentifier(uri)
            asked = []
            for version in range(2, 12):
                client.change(uri, text.replace("@32 valid", f"@{version} valid"), version)
                asked.append(client.text_document_diagnostic_async(types.DocumentDiagnosticParams(item)))
            answers = await asyncio.gather(*asked, return_exceptions=True)
            assert {each.code for each in answers if isinstance(each, JsonRpcException)} <= {-32801}  # content modified
            assert {each.code for each in answers[-1].items} == {"E305"}

    run(scenario())


def test_a_request_that_is_cancelled():
    async def scenario():
        async with serving() as client:
            uri = "untitled:Deep"
            params = types.DocumentDiagnosticParams(types.TextDocumentIdentifier(uri))
            with client.at_once():
                client.open(uri, net("output y = x -> conv 3x3 @8 half times 1500"))  # half a second's work
                request = client.protocol.send_request("textDocument/diagnostic", params, msg_id="one")
                client.cancel_request(types.CancelParams("one"))
            with pytest.raises(JsonRpcException, match="cancel"):
                await asyncio.wrap_future(request)
            assert {each.code for each in await client.diagnostics(uri)} == {"E208", "W402"}  # unused, as it says

    run(scenario())


def test_settings_of_the_client():
    async def scenario():
        async with serving(options={"inlayShapes": "off", "showUses": True}) as client:
            uri, text = V3.as_uri(), V3.read_text(encoding="utf-8")
            client.open(uri, text)
            item = types.TextDocumentIdentifier(uri)
            params = types.InlayHintParams(item, whole(text))
            assert not await client.text_document_inlay_hint_async(params)
            lenses = await client.text_document_code_lens_async(types.CodeLensParams(item))
            assert lenses[1].command.command == "incdsl.showUses"
            settings = {"incdsl": {"inlayShapes": "all"}}
            client.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings))
            assert len(await client.text_document_inlay_hint_async(params)) > 60

    run(scenario())


def test_a_text_without_a_file():
    async def scenario():
        async with serving() as client:
            uri, text = "untitled:Untitled-1", net("output y = x -> conv 1x1 @4 -> rulu")
            client.open(uri, text)
            assert "E201" in [each.code for each in await client.diagnostics(uri)]
            found = await everything(client, uri, text, place(text, "conv 1x1 @4"))
            assert found["definition"].uri == uri

    run(scenario())


def test_a_text_that_is_not_open():
    async def scenario():
        async with serving() as client:
            item = types.TextDocumentIdentifier("file:///nowhere.inc")
            with pytest.raises(JsonRpcException):
                await client.text_document_document_symbol_async(types.DocumentSymbolParams(item))

    run(scenario())


@pytest.mark.parametrize(
    ("encoding", "column"),
    [
        (types.PositionEncodingKind.Utf8, 6),
        (types.PositionEncodingKind.Utf16, 4),
        (types.PositionEncodingKind.Utf32, 3),
    ],
)
def test_positions_count_in_the_units_of_the_client(encoding, column):
    text = "a\r\n# 😀b\n\rc"
    places = Places(text, PositionCodec(encoding))
    offset = text.index("b")
    assert places.position(offset) == types.Position(1, column)
    for at in range(len(text) + 1):
        if at != 2:  # between \r and \n
            assert places.offset(places.position(at)) == at
    assert places.offset(types.Position(1, 99)) == offset + 1
    assert places.offset(types.Position(99, 0)) == len(text)
    assert places.position(len(text)) == types.Position(3, 1)


def test_without_the_extra_the_command_says_what_is_missing(tmp_path):
    (tmp_path / "pygls.py").write_text("raise ModuleNotFoundError('no pygls', name='pygls')\n", encoding="utf-8")
    found = python("-m", "incdsl", "lsp", cwd=tmp_path)
    assert found.returncode == 1
    assert b"pip install 'incdsl[lsp]'" in found.stderr
    asked = python("-m", "incdsl", "lsp", "--version", cwd=tmp_path)
    assert (asked.returncode, asked.stdout) == (1, b"")


def test_the_command_says_which_server_would_start():
    found = python("-m", "incdsl", "lsp", "--version", cwd=ROOT)
    assert (found.returncode, found.stdout) == (0, f"incdsl {version('incdsl')}\n".encode())


def test_the_process_is_started_as_editors_do():
    assert Path(sys.executable).exists()
    assert python("-m", "incdsl", "lsp", "--help", cwd=ROOT).returncode == 0


def test_an_advice_says_why_and_an_error_in_a_block_says_in_which_use():
    async def scenario():
        async with serving(SPECS) as client:
            uri, text = V3.as_uri(), V3.read_text(encoding="utf-8").replace("# lint: ignore W413", "#")
            client.open(uri, text)
            (advice,) = await client.diagnostics(uri)
            headline, why, cost = advice.message.split("\n")
            assert headline == "two 3x3 kernels cost 37% less than this 5x5"
            assert why.startswith("why: small kernels in a row see as far")
            assert cost.startswith("help: 0.0593 GMACs")
            client.change(uri, text.replace("@384 valid", "@384 pad 1"), 2)
            (problem,) = [each for each in await client.diagnostics(uri) if each.code == "E301"]
            assert "\nin InceptionV3 > Mixed_6a: ReductionA\n" in problem.message

    run(scenario())


def test_the_client_is_asked_to_watch_files(tmp_path):
    async def scenario():
        watching = types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True)
        able = types.ClientCapabilities(workspace=types.WorkspaceClientCapabilities(did_change_watched_files=watching))
        async with serving(tmp_path, able) as client:
            (wish,) = (await client.registered()).registrations
            assert wish.method == types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            patterns = [each["globPattern"] for each in wish.register_options["watchers"]]
            assert patterns == ["**/*.inc", "**/pyproject.toml"]
            path, project = tmp_path / "a.inc", tmp_path / "pyproject.toml"
            client.open(path.as_uri(), net("output y = x -> conv 1x1 @8"))
            assert "W402" in [each.code for each in await client.told(path.as_uri(), 1)]
            project.write_text('[tool.incdsl]\nignore = ["W402"]\n', encoding="utf-8")
            client.published.clear()
            event = types.FileEvent(project.as_uri(), types.FileChangeType.Created)
            client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
            assert "W402" not in [each.code for each in await client.told(path.as_uri(), 1)]

    run(scenario())


def test_past_versions_are_freed_when_nobody_has_typed_for_a_while(monkeypatch):
    """One collection after several keystrokes, a pause after the last of them."""

    async def scenario():
        collected = asyncio.Event()
        counts = []
        monkeypatch.setattr("incdsl.lsp.server._PAUSE", 0.01)
        monkeypatch.setattr("incdsl.lsp.server.gc.collect", lambda: (counts.append(1), collected.set()))
        server = Server()
        server.loop = asyncio.get_running_loop()
        for _ in range(3):
            server.tidy_later()
        await collected.wait()
        await asyncio.sleep(0.05)
        server.documents.shutdown()
        assert counts == [1]

    run(scenario())

"""Open texts: what is abandoned, what is analyzed anew, what is remembered."""

import asyncio
from threading import Event

import pytest

from incdsl.elaborate.budget import Abandoned
from incdsl.frontend import Options, analyze_source
from incdsl.lsp.documents import Documents, Superseded
from incdsl.source import Source, Span
from tests.lsp.texts import net

TEXT = net("output y = x -> a: Part(width: depth)")


@pytest.fixture
def documents():
    made = Documents()
    yield made
    made.shutdown()


def held(documents):
    """Keeps the thread of analyses busy until it is told."""
    go = Event()
    documents._worker.submit(go.wait)
    return go


def test_an_analysis_ends_where_nobody_waits_for_it():
    with pytest.raises(Abandoned):
        analyze_source(Source("a.inc", TEXT), Options(abandoned=lambda: True))
    asked = []
    analyze_source(Source("a.inc", TEXT), Options(abandoned=lambda: bool(asked.append(1))))
    assert len(asked) > 5


def test_a_new_version_abandons_the_one_before(documents):
    go = held(documents)
    old, _ = documents.put("a", None, TEXT, 1)
    before = documents.start(old)
    new, _ = documents.put("a", None, TEXT.replace("depth = 2", "depth = 4"), 2)
    go.set()
    assert documents.start(new).result().net().net.params
    with pytest.raises(Abandoned):
        before.result()


def test_the_advice_that_a_project_wants(documents, tmp_path):
    project, complaints = tmp_path / "pyproject.toml", []
    documents.complains = complaints.append
    project.write_text('[tool.incdsl]\nignore = ["W438"]\n')
    document, _ = documents.put("a", tmp_path / "a.inc", TEXT, 1)
    assert not document.selection.wants("W438")
    project.write_text('[tool.incdsl]\nignores = ["W438", "W439"]\n')
    document, _ = documents.put("a", tmp_path / "a.inc", TEXT, 2)
    assert document.selection.wants("W438")
    assert "not `ignores`" in complaints[-1]


def test_who_waits_for_an_old_version_is_told(documents):
    async def scenario():
        go = held(documents)
        documents.put("a", None, TEXT, 1)
        waiting = asyncio.ensure_future(documents.analysis("a"))
        await asyncio.sleep(0)
        documents.put("a", None, TEXT + "\n", 2)
        go.set()
        with pytest.raises(Superseded):
            await waiting
        document, analysis = await documents.analysis("a")
        assert document.version == 2
        assert analysis.spec.source is document.source
        with pytest.raises(Superseded):
            await documents.analysis("b")

    asyncio.run(scenario())


def test_work_that_is_cancelled_is_told(documents):
    async def scenario():
        told = Event()
        started = Event()

        def work(gone):
            started.set()
            assert gone.wait(60)
            told.set()

        task = asyncio.ensure_future(documents.computed(work))
        await asyncio.get_running_loop().run_in_executor(None, started.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.get_running_loop().run_in_executor(None, told.wait, 60)

    asyncio.run(scenario())


def test_the_last_whole_analysis_is_remembered(documents):
    documents.put("a", None, TEXT, 1)
    whole = documents.start(documents["a"]).result()
    assert documents["a"].whole is whole
    documents.put("a", None, TEXT.replace("a: Part(", "a: Prt("), 2)
    documents.start(documents["a"]).result()
    assert documents["a"].whole is whole


def test_texts_that_import_another_are_read_anew(documents, tmp_path):
    documents.folders = [tmp_path]
    base, user = tmp_path / "base.inc", tmp_path / "user.inc"
    documents.put("base", base, "inc 1\nblock B = conv2d 1x1 @4\n", 1)
    text = 'inc 1\nfrom "base.inc" use B\nnet N {\n  input x [3, 8, 8]\n  output y = x -> B\n}\n'
    documents.put("user", user, text, 1)
    assert not documents.start(documents["user"]).result().problems
    _, importing = documents.put("base", base, "inc 1\nblock C = conv2d 1x1 @4\n", 2)
    assert [each.uri for each in importing] == ["user"]
    assert [each.code for each in documents.start(documents["user"]).result().problems] == ["E219"]
    assert [each.uri for each in documents.close("base")] == ["user"]
    assert [each.code for each in documents.start(documents["user"]).result().problems] == ["E106"]


def test_files_that_are_not_open_are_read_once(documents, tmp_path):
    documents.folders = [tmp_path]
    path = tmp_path / "a.inc"
    path.write_text("inc 1\nblock B = conv2d 1x1 @4\n", encoding="utf-8")
    (tmp_path / "b.inc").write_text("<?php not ours ?>", encoding="utf-8")
    documents.put("c", tmp_path / "c.inc", "inc 1\n", 1)
    first, second = ([r.source.name for r in documents.readings(documents["c"])] for _ in range(2))
    assert first == second == ["c.inc", "a.inc"]
    one, other = (list(documents.readings(documents["c"]))[1] for _ in range(2))
    assert one is other
    path.write_text("inc 1\nblock Other = conv2d 1x1 @4\n", encoding="utf-8")
    assert "Other" in list(documents.readings(documents["c"]))[1].names


def test_the_use_that_the_cursor_came_from_moves_with_the_text(documents):
    document, _ = documents.put("a", None, TEXT, 1)
    at = TEXT.index("Part(width: depth")
    document.focus = (Span(document.source, at, at + 4),)
    after, _ = documents.put("a", None, "# more\n" + TEXT, 2)
    assert after.focus[0].text == "Part"
    gone, _ = documents.put("a", None, "# more\n" + TEXT.replace("Part(width: depth", "Pa(width: depth"), 3)
    assert gone.focus == ()

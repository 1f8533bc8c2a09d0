"""Inception-v3 typed from nothing to the whole: every state is answered, and every tenth is asked for everything."""

import asyncio

import pytest
from lsprotocol import types
from pygls.workspace import PositionCodec

from incdsl.lsp.convert import Places
from tests.lsp.client import serving
from tests.lsp.test_server import everything
from tests.lsp.texts import V3


async def typed(count):
    """Types the spec in so many states; what was found in the last of them."""
    text = V3.read_text(encoding="utf-8")
    async with serving(V3.parent) as client:
        uri = (V3.parent / "typed.inc").as_uri()
        client.open(uri, "", 0)
        found = None
        for state in range(1, count + 1):
            now = text[: len(text) * state // count]
            client.change(uri, now, state)
            end = Places(now, PositionCodec()).position(len(now))
            if state % 10 == 0 or state == count:
                found = (await everything(client, uri, now, end))["diagnostic"].items
            else:
                item = types.TextDocumentIdentifier(uri)
                found = await client.diagnostics(uri)
                await client.text_document_completion_async(types.CompletionParams(item, end))
        return found


def test_thirty_states_of_v3():
    assert not asyncio.run(typed(30))


@pytest.mark.long
def test_five_hundred_states_of_v3():
    assert not asyncio.run(typed(500))

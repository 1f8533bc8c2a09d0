"""Starting the server."""

from __future__ import annotations

import gc
import logging
import os
import sys

from pygls.exceptions import JsonRpcContentModified, JsonRpcInvalidParams

from incdsl.lsp.answers import analyses, lifecycle, looks, names, writing
from incdsl.lsp.server import HANDLERS, Server

ANSWERS = (analyses, lifecycle, looks, names, writing)


def create() -> Server:
    """A server with all that it can do."""
    server = Server()
    for register in HANDLERS:
        register(server)
    return server


def start() -> None:
    """Serve on standard input and output until the client ends it."""
    logging.getLogger("pygls.protocol.json_rpc").addFilter(_is_worth_telling)
    server = create()
    gc.collect()
    gc.freeze()  # what is loaded by now stays; full collections while somebody types would look at it each time
    gc.set_threshold(100_000, 10, 100)  # and past versions are freed when nobody types
    sys.setswitchinterval(0.001)  # the thread of the analysis lets the others in soon
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as stdout:  # which pygls closes
        server.start_io(stdout=stdout)


def _is_worth_telling(record: logging.LogRecord) -> bool:
    """Whether a record of pygls tells of more than a text that has changed meanwhile, or a name that cannot be used."""
    told = record.exc_info[1] if record.exc_info else None
    answered = isinstance(told, JsonRpcContentModified | JsonRpcInvalidParams)
    return not answered and "Cancel notification" not in str(record.msg)

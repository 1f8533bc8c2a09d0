"""How long an editor waits for an answer after a keystroke: `python -m benchmarks.editor [--write]`.

The server is a process, asked by a client of pygls over pipes. A keystroke is a new version of the text; what is
measured is the time from sending it, with a request behind it, to the answer. `--write` puts the table into
docs/editor.md.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

from lsprotocol import types
from pygls.lsp.client import LanguageClient

from benchmarks.machine import processor
from incdsl.frontend import Options
from incdsl.linter.lint import lint
from incdsl.lsp.reading import read
from incdsl.source import Source

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "editor.md"
BEGIN, END = "<!-- latencies -->", "<!-- end -->"
CAPABILITIES = types.ClientCapabilities(
    text_document=types.TextDocumentClientCapabilities(diagnostic=types.DiagnosticClientCapabilities())
)


def long_spec(units):
    """A net of so many uses of a unit of three ops, one behind the other."""
    steps = [f"    -> c{i}: conv 3x3 @{16 + i % 7 * 8}" for i in range(units)]
    head = "inc 1\nunit conv = conv: conv2d (bias: false) -> bn: batchnorm (eps: 1e-3) -> relu\n"
    return f"{head}net Long {{\n  input image [3, 64, 64]\n  output y = image\n" + "\n".join(steps) + "\n}\n"


def subjects():
    """Texts by their titles, each with the words before the cursor."""
    v3 = (ROOT / "specs" / "v3.inc").read_text(encoding="utf-8")
    yield "v3.inc: 325 nodes", v3, "conv 5x5 @64", 40
    yield "1,000 nodes (333 uses of a unit)", long_spec(333), "c170: conv 3x3 @32", 25
    yield "1,000 uses of a unit (3,001 nodes)", long_spec(1000), "c500: conv 3x3 @40", 12


def requests(client, uri, position, last):
    """What an editor asks after a keystroke."""
    item = types.TextDocumentIdentifier(uri)
    whole = types.Range(types.Position(0, 0), last)
    seen = types.Range(types.Position(max(position.line - 25, 0), 0), types.Position(position.line + 25, 0))
    options = types.FormattingOptions(2, True)
    at = {"text_document": item, "position": position}
    return {
        "completion": lambda: client.text_document_completion_async(types.CompletionParams(**at)),
        "signature help": lambda: client.text_document_signature_help_async(types.SignatureHelpParams(**at)),
        "definition": lambda: client.text_document_definition_async(types.DefinitionParams(**at)),
        "colours": lambda: client.text_document_semantic_tokens_full_async(types.SemanticTokensParams(item)),
        "outline": lambda: client.text_document_document_symbol_async(types.DocumentSymbolParams(item)),
        "layout": lambda: client.text_document_formatting_async(types.DocumentFormattingParams(item, options)),
        "diagnostics": lambda: client.text_document_diagnostic_async(types.DocumentDiagnosticParams(item)),
        "shapes, on the screen": lambda: client.text_document_inlay_hint_async(types.InlayHintParams(item, seen)),
        "shapes, everywhere": lambda: client.text_document_inlay_hint_async(types.InlayHintParams(item, whole)),
        "hover": lambda: client.text_document_hover_async(types.HoverParams(**at)),
        "lenses": lambda: client.text_document_code_lens_async(types.CodeLensParams(item)),
    }


async def measure(text, words, count):
    """Median and worst milliseconds of each request."""
    client = LanguageClient("benchmark", "1")
    await client.start_io(sys.executable, "-m", "incdsl", "lsp", cwd=str(ROOT))
    await client.initialize_async(types.InitializeParams(CAPABILITIES, root_uri=(ROOT / "specs").as_uri()))
    client.initialized(types.InitializedParams())
    uri = (ROOT / "specs" / "measured.inc").as_uri()
    client.text_document_did_open(types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "inc", 0, text)))
    cut = text.index(words) + len(words)
    line, column = text[:cut].count("\n"), cut - text.rindex("\n", 0, cut) - 1
    position, last = types.Position(line, column - 8), types.Position(text.count("\n"), 0)
    version, found = 0, {}
    asked = requests(client, uri, position, last)
    for name, ask in asked.items():
        times = []
        for turn in range(count + 2):
            version += 1
            now = text[:cut] + str(turn % 10) + text[cut:]  # one digit more in a width
            start = time.perf_counter()
            change = types.TextDocumentContentChangeWholeDocument(now)
            item = types.VersionedTextDocumentIdentifier(version, uri)
            client.text_document_did_change(types.DidChangeTextDocumentParams(item, [change]))
            await ask()
            times.append(1000 * (time.perf_counter() - start))
            await asked["diagnostics"]()  # the server is idle again
        found[name] = median(times[2:]), max(times[2:])
    await client.shutdown_async(None)
    client.exit(None)
    await client.stop()
    return found


def work(text, words, count):
    """Median milliseconds of processor time that a version of a text costs: to read, to analyze, to lint."""
    cut = text.index(words) + len(words)
    found = []
    for turn in range(count + 2):
        times = [time.process_time()]
        reading = read(Source("measured.inc", text[:cut] + str(turn % 10) + text[cut:]))
        times.append(time.process_time())
        analysis = reading.analysis(Options())
        times.append(time.process_time())
        lint(analysis)
        times.append(time.process_time())
        found.append([1000 * (end - start) for start, end in pairwise(times)])
    return [median(each) for each in zip(*found[2:], strict=True)]


def table(results):
    """The results in Markdown: a row for each request, median and worst for each text."""
    titles = list(results)
    lines = [f"| after a keystroke, ms | {' | '.join(titles)} |", f"| --- |{' --- |' * len(titles)}"]
    for name in next(iter(results.values())):
        cells = [f"{middle:.0f}, worst {worst:.0f}" for middle, worst in (results[title][name] for title in titles)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the table into docs/editor.md")
    write = parser.parse_args().write
    results = {title: asyncio.run(measure(*subject)) for title, *subject in subjects()}
    _, *v3 = next(subjects())
    costs = "{:.0f} ms to read it, {:.0f} ms to analyze it, {:.0f} ms to lint it".format(*work(*v3))
    load = f"{os.getloadavg()[1]:.0f} processes shared {os.cpu_count()} cores"
    machine = f"{processor()}, Python {sys.version.split()[0]}; {load}."
    found = f"{table(results)}\n\n{machine} A new version of v3.inc costs\n{costs}, of processor time."
    print(found)
    if write:
        page = PAGE.read_text(encoding="utf-8")
        before, after = page.split(BEGIN)[0], page.split(END)[1]
        PAGE.write_text(f"{before}{BEGIN}\n{found}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

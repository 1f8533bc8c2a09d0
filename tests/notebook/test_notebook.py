"""Cells in a real Jupyter kernel: what is bound, what is shown, and what is wrong, below its line."""

import re

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.process import ROOT

CELL = """%%inc
inc 1
unit conv = conv: conv2d (bias: false) -> bn: batchnorm -> relu

net Small(width = 4) {
  input x [3, 8, 8]
  output y = x -> a: conv 3x3 @width -> gap
}
"""
WRONG = CELL.replace("a: conv 3x3 @width", "a: cnv 3x3 @width")


def run(*cells):
    """The outputs of each cell, all run in one kernel."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in ("%load_ext incdsl", *cells)])
    NotebookClient(book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    return [cell.outputs for cell in book.cells[1:]]


def html(outputs):
    return "".join(output.data.get("text/html", "") for output in outputs if "data" in output)


@pytest.mark.torch
def test_a_cell_binds_its_nets_and_shows_what_they_cost():
    shown, net, table, analysis, diff = run(
        CELL + "\nnet Other {\n  input x [3, 8, 8]\n  output y = x -> conv 1x1 @2\n}\n",
        "import torch\ntuple(Small().eval()(torch.zeros(1, 3, 8, 8)).shape), Small, Other.__name__",
        "Small()",
        "import incdsl\nincdsl.analyze('specs/v3.inc')",
        "incdsl.diff('specs/v3.inc', 'specs/v3_fid.inc')",
    )
    assert html(shown).count("<table>") == 2
    assert "Small: 116 parameters" in html(shown)
    assert "(1, 4, 1, 1)" in net[0].data["text/plain"]
    assert "'Other'" in net[0].data["text/plain"]
    assert "Small: 116 parameters" in html(table)
    assert "InceptionV3" in html(analysis)
    assert "width 1000 -&gt; 1008" in html(diff)


@pytest.mark.torch
def test_settings_and_quiet():
    shown, net = run(CELL.replace("%%inc", "%%inc --set 'width=6' --quiet"), "Small().a.conv.weight.shape[0]")
    assert shown == []
    assert net[0].data["text/plain"] == "6"


WRONG_OPTIONS = {
    "--set width": "--set: write NAME=VALUE, not 'width'",
    "--set width={}": "--set: ",
    "--root nowhere": "--root: there is no folder 'nowhere'",
    "--by rows": "argument --by: invalid choice: 'rows'",
}


def test_options_that_are_wrong_are_told_in_a_line():
    cells = ("%load_ext incdsl", *(CELL.replace("%%inc", f"%%inc {given}") for given in WRONG_OPTIONS))
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=600, kernel_name="python3", allow_errors=True).execute()
    for cell, reason in zip(book.cells[1:], WRONG_OPTIONS.values(), strict=True):
        (told,) = cell.outputs
        assert told.text.startswith("UsageError: ")
        assert (reason in told.text, told.text.count("\n")) == (True, 1), told


def test_what_is_wrong_stands_below_its_line_and_stops_the_notebook():
    with pytest.raises(CellExecutionError) as caught:
        run(WRONG, "1 / 0")
    assert "1 error, nothing is bound" in str(caught.value)
    assert "ZeroDivisionError" not in str(caught.value)
    assert "Traceback" not in str(caught.value).split("---")[-1]


def test_the_listing_of_a_cell_that_is_wrong():
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in ("%load_ext incdsl", WRONG)])
    NotebookClient(book, timeout=600, kernel_name="python3", allow_errors=True).execute()
    listing, error = book.cells[1].outputs
    text = re.sub("<[^>]+>", "", listing.data["text/html"])
    line = text.splitlines().index("   6 |   output y = x -&gt; a: cnv 3x3 @width -&gt; gap")
    assert re.fullmatch(
        r" +\| +\^\^\^ E201: nothing is called `cnv` did you mean `conv`\?", text.splitlines()[line + 1]
    )
    assert "E201" in listing.data["text/plain"]
    assert error.traceback == ["1 error, nothing is bound"]


@pytest.mark.torch
@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_notebooks_that_ship_run(path):
    book = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in book.cells)
    NotebookClient(book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()

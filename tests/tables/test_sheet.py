"""Tables in every width: columns go in their order, numbers stay whole, and every form says the same."""

import csv
import io
import re
from itertools import pairwise

import pytest
from rich.console import Console

from incdsl.subject import Asked, subject
from incdsl.tables.comparison import Comparison
from incdsl.tables.sheet import Cell, Column, Line, Sheet, comma_separated, escaped
from incdsl.tables.summary import Summary

V3, V4 = "specs/v3.inc", "specs/v4.inc"
WIDTHS = (40, 60, 80, 100, 132, 200)
BY = ("block", "layer", "op")


def drawn(table, width):
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(table)
    return console.file.getvalue()


def numbers(text):
    return re.findall(r"\d[\d,.]*", text)


@pytest.fixture(scope="module")
def summaries():
    return {by: Summary(subject(V3, Asked()), by) for by in BY}


@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_summary_fits_its_terminal_and_cuts_no_number(summaries, by, width):
    text = drawn(summaries[by], width)
    assert max(map(len, text.splitlines())) <= width
    known = set(numbers(summaries[by].markdown()))
    assert set(numbers(text)) - known == set()
    for row in summaries[by].rows:
        assert not row.params or f" {row.params:,} " in text.replace("\n", " \n")


def test_columns_go_one_after_the_other(summaries):
    columns = [
        [column.title for column in summaries["block"].sheet.fitted(width).columns]
        for width in (200, 90, 80, 70, 60, 40)
    ]
    assert columns[0] == ["step", "kind", "output", "params", "MACs", "share", "", "activations", "sees"]
    assert columns[2] == ["step", "kind", "output", "params", "MACs", "activations"]
    assert columns[4] == ["step", "output", "params", "MACs"]
    assert columns[5] == ["step", "params", "MACs"]
    assert all(set(narrow) <= set(wide) for wide, narrow in pairwise(columns))


def test_a_name_loses_its_beginning_at_last():
    sheet = Sheet(
        (Column("step", is_name=True), Column("n", right=True)),
        (Line((Cell("a.long.name.of_one"), Cell("1,234"))), Line((Cell("a.long.name.of_two"), Cell("5")))),
    )
    lines = drawn(sheet, 16).splitlines()
    assert max(map(len, lines)) <= 16
    assert [line.split() for line in lines[2:]] == [["…e.of_one", "1,234"], ["…e.of_two", "5"]]


@pytest.mark.parametrize("width", WIDTHS[1:])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_a_comparison_fits_and_cuts_no_number(width, count):
    nets = [V3, V4, "specs/xception.inc", "specs/googlenet.inc", "specs/v1.inc"][:count]
    comparison = Comparison([subject(each, Asked()) for each in nets])
    text = drawn(comparison, width)
    assert max(map(len, text.splitlines())) <= width
    assert set(numbers(text)) - set(numbers(comparison.markdown())) == set()
    for one in comparison.profiles:
        assert f"{one.params:,}" in text


@pytest.mark.parametrize("width", WIDTHS[1:])
def test_rows_side_by_side_fit(width):
    comparison = Comparison([subject(each, Asked()) for each in (V3, "specs/v3_paper.inc")], "block")
    text = drawn(comparison, width)
    assert max(map(len, text.splitlines())) <= width
    assert set(numbers(text)) - set(numbers(comparison.markdown())) == set()
    assert all(f"{pair.left.params:,}" in text for pair in comparison.pairs if pair.left and pair.left.params)


def test_forms_say_the_same(summaries):
    summary = summaries["block"]
    document = summary.document()
    read = list(csv.DictReader(io.StringIO(summary.csv())))
    assert [row["name"] for row in read] == [row["name"] for row in document["rows"]]
    assert [int(row["params"]) for row in read] == [row["params"] for row in document["rows"]]
    assert summary.markdown().count("\n| ") == len(document["rows"]) + 1
    html = summary._repr_html_()
    assert html.count("<tr") == len(document["rows"]) + 1
    for row in document["rows"]:
        assert f">{row['name']}<" in html
        assert f"| {row['name']} |" in summary.markdown()
        assert row["name"] in str(summary)
    assert summary.totals[0] in str(summary)
    assert "█" in str(summary)
    assert "█" not in html + summary.markdown()


def test_html_and_markdown_escape_what_they_are_given():
    sheet = Sheet((Column("<b>"),), (Line((Cell("a | b & <script>"),)),))
    assert "<script>" not in sheet.html()
    assert "&lt;b&gt;" in sheet.html()
    assert r"| a \| b & <script> |" in sheet.markdown()


def test_comma_separated_values_are_quoted():
    assert comma_separated([{"a": 'x, "y"', "b": None}]) == 'a,b\n"x, ""y""",\n'
    assert comma_separated([]) == "\n"


TEX = {
    "Mixed_5b & 100%": r"Mixed\_5b \& 100\%",
    "$x^2 ~ {y}\\": r"\$x\textasciicircum{}2 \textasciitilde{} \{y\}\textbackslash{}",
    "32 x 149 x H": r"32 $\times$ 149 $\times$ H",
    "-3,326 -> +5": r"$-$3,326 $\rightarrow$ +5",
    "a-3 x b": "a-3 x b",
    "  with aux heads": r"\quad with aux heads",
    "a < b > c | d": r"a \textless{} b \textgreater{} c \textbar{} d",
}


@pytest.mark.parametrize("text", TEX)
def test_latex_sees_no_command_in_a_text(text):
    assert escaped(text) == TEX[text]


def test_a_table_for_a_paper(summaries):
    lines = summaries["block"].latex().splitlines()
    assert lines[:3] == [
        r"\begin{tabular}{llrrrrrr}",
        r"  \toprule",
        r"  step & kind & output & params & MACs & share & activations & sees \\",
    ]
    assert (
        r"  \texttt{Mixed\_5b} & InceptionA & 256 $\times$ 35 $\times$ 35 & 255,904 & 312.3 M & 5.5\% & 6.74 MB & 63 \\"
        in lines
    )
    end = lines.index(r"\end{tabular}")
    assert all(line.count("&") == 7 for line in lines[:end] if line.endswith(r"\\"))
    assert all(line.startswith("% ") for line in lines[end + 1 :])


def test_every_table_has_the_form(summaries):
    comparison = Comparison([subject(V3, Asked()), subject(V4, Asked())], "block")
    text = comparison.latex()
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    assert text.startswith("% A  specs/v3.inc::InceptionV3\n% B  specs/v4.inc::InceptionV4\n")

"""The page for those who come from PyTorch: each line compiles and gives what stands beside it; no word is missing."""

import re

import pytest

from incdsl.syntax.table import table
from tests.nets import compiled
from tests.process import ROOT

PAGE = (ROOT / "docs" / "from_pytorch.md").read_text(encoding="utf-8")
ROWS = [
    [re.findall(r"`([^`]+)`", cell.replace("\\|", "|")) for cell in re.split(r" (?<!\\)\| ", line.strip("| "))]
    for line in PAGE.splitlines()
    if line.startswith("| ") and "---" not in line and "`" in line
]
PAIRS = [pair for codes, steps in ROWS for pair in zip(codes, steps, strict=False)]
STEPS = [(code, step) for code, step in PAIRS if "…" not in code + step]
LINES = [(code, step) for code, step in STEPS if re.match(r"nn\.\w+\(c?,? ?.*\)$", code) and " = " not in step]


def test_the_page_has_rows():
    assert len(ROWS) > 25
    assert len(LINES) > 15


@pytest.mark.parametrize(("code", "step"), LINES, ids=[step for _, step in LINES])
def test_a_step_gives_the_module_beside_it(code, step):
    shape = "[32]" if step.startswith("linear") and "pointwise" not in step else "[32, 24, 24]"
    if step.startswith("Block") or "gain" in step:
        return
    block = f"block B {{ output y = in -> label: {step} }}\n"
    text = compiled(f"inc 1\n{block}net N {{\n  input x {shape}\n  output y = x -> b: B\n}}\n").text
    wanted = re.sub(r"\bc\b", "in_channels", code)
    for part in re.split(r"[(),] ?", wanted):
        assert part in text, (wanted, text)


VALUES = {
    "concat { | a | b }": "torch.cat([a, b], dim=1)", "add { | a | b }": "a + b",
    "a, b = x -> split 2": "x.chunk(2, dim=1)", "a, b = x -> split (sizes: [8, 24])": "x.split([8, 24], dim=1)",
}  # fmt: skip


@pytest.mark.parametrize("step", VALUES)
def test_what_joins_and_splits(step):
    assert f"`{step}`" in PAGE.replace("\\|", "|")
    split = step if "split" in step else "a, b = x -> split 2"
    joined = step if "split" not in step else "concat { | a | b }"
    text = compiled(f"inc 1\nnet N {{\n  input x [32, 8, 8]\n  {split}\n  output y = {joined}\n}}\n").text
    assert VALUES[step] in text


def test_all_words_are_listed():
    section = PAGE.split("## Words of the language")[1].split("## ")[0]
    listed = set(re.findall(r"`(\w+)`", section.split("Names of ops")[0]))
    kinds = {"MERGE": "add concat mul reduce", "SAME": "same tfsame", "VALID": "valid", "CEIL": "ceil", "HALF": "half"}
    words = {word for names in kinds.values() for word in names.split()} | {"pad"}
    assert listed == {*table().keywords, *words}


@pytest.mark.parametrize("word", sorted(set(table().keywords) - {"true", "false"}))
def test_a_word_is_no_parameter(word):
    from incdsl.frontend import analyze_source
    from incdsl.source import Source

    text = f"inc 1\nblock B({word}) = conv2d 1x1 @4\nnet N {{\n  input x [4, 8, 8]\n  output y = x -> relu\n}}\n"
    assert analyze_source(Source("spec", text)).errors

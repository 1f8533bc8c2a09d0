"""One slip of the pen in v3.inc never gives another network silently.

Every token is deleted and doubled, one letter of every label is changed, and every whole number is raised by one. The
oracle is the canonical graph with its names, not its parameters or multiply-accumulates.
"""

import re
from collections.abc import Iterator, Sequence

import pytest

from incdsl.compiler import Compilation, compile_net
from incdsl.diagnostics import CompileError
from incdsl.frontend import analyze_source
from incdsl.resources import shipped_spec
from incdsl.source import Source

TEXT = shipped_spec("specs/v3.inc").read_text(encoding="utf-8")
TOKEN = re.compile(
    r'#[^\n]*|"[^"\n]*"|[0-9]{1,4}x[0-9]{1,4}\b|[0-9]+\.[0-9]+(?:e-?[0-9]+)?|[0-9]+e-?[0-9]+|\w+|->|//|\S'
)
LABEL = re.compile(r"\b([A-Za-z_][A-Za-z0-9_]*)\s*:(?!\s*\[)")


def canonical(done: Compilation) -> object:
    """All that makes a network: ops with their settings, wires, names, inputs, outputs, heads."""
    graph = done.net.graph
    nodes = [(n.name, n.path, type(n.op).__name__, n.op.model_dump_json(), graph.operands(n.name)) for n in graph]
    heads = [(head.name, head.node, head.weight) for head in graph.heads]
    return nodes, graph.inputs, graph.outputs, heads, done.net.conditions.nominal, done.net.params


def outcome(text: str) -> object:
    """The canonical graph of a spec, or its complaints."""
    try:
        return canonical(compile_net(Source("v3.inc", text)))
    except CompileError as error:
        return error


ORIGINAL = outcome(TEXT)


def tokens() -> Iterator[re.Match[str]]:
    return (m for m in TOKEN.finditer(TEXT) if not m.group().startswith("#"))


def replaced(match: re.Match[str], new: str, group: int = 0) -> str:
    return TEXT[: match.start(group)] + new + TEXT[match.end(group) :]


def deletions() -> Iterator[tuple[str, str]]:
    for m in tokens():
        yield f"delete {m.group()!r} at {m.start()}", replaced(m, " ")


def duplications() -> Iterator[tuple[str, str]]:
    for m in tokens():
        yield f"double {m.group()!r} at {m.start()}", replaced(m, f"{m.group()} {m.group()}")


def relabellings() -> Iterator[tuple[str, str]]:
    code = re.sub(r"#[^\n]*", lambda m: " " * len(m.group()), TEXT)
    for m in LABEL.finditer(code):
        old = m.group(1)
        for i, letter in ((0, "Q"), (len(old) - 1, "q")):
            yield f"label {old} at {m.start()}", replaced(m, old[:i] + letter + old[i + 1 :], 1)


def increments() -> Iterator[tuple[str, str]]:
    for m in tokens():
        for number in re.finditer(r"[0-9][0-9_]*", m.group()):
            if re.fullmatch(r"[0-9_]+|[0-9]+x[0-9]+", m.group()):
                raised = str(int(number.group()) + 1)
                start, end = number.span()
                new = m.group()[:start] + raised + m.group()[end:]
                yield f"{m.group()} to {new} at {m.start()}", replaced(m, new)


MUTATIONS = {"delete": deletions, "double": duplications, "label": relabellings, "raise": increments}

EQUIVALENT: dict[str, str] = {}
"""Mutants that compile to the very same graph, with the reason; anything else is a failure."""


SHARES = 36
MORE = pytest.param(range(1, SHARES, 9), marks=pytest.mark.thorough)
REST = pytest.param([i for i in range(1, SHARES) if i % 9 != 1], marks=pytest.mark.long)


@pytest.mark.parametrize("shares", [range(1), MORE, REST], ids=["some", "more", "the rest"])
@pytest.mark.parametrize("kind", MUTATIONS)
def test_no_mutant_is_silently_another_network(kind: str, shares: Sequence[int]) -> None:
    silent, unplaced, rejected = [], [], 0
    for name, text in (mutant for i, mutant in enumerate(MUTATIONS[kind]()) if i % SHARES in shares):
        result = outcome(text)
        if not isinstance(result, CompileError):
            if result != ORIGINAL or name not in EQUIVALENT:
                silent.append(name)
            continue
        rejected += 1
        if not all(d.code and d.span is not None for d in result.diagnostics):
            unplaced.append(name)
    assert silent == []
    assert unplaced == []
    assert rejected > 2 * len(shares)


def test_the_oracle_sees_what_counts_do_not() -> None:
    """Two networks with the same parameters and multiply-accumulates, but other wires, names or heads, differ."""
    swapped = TEXT.replace("as 1x7, 7x1 -> conv 3x3/2", "as 7x1, 1x7 -> conv 3x3/2")
    weight = TEXT.replace("(weight: 0.4)", "(weight: 0.3)")
    for text in (swapped, weight):
        assert text != TEXT
        assert outcome(re.sub(r"expect keys.*", "", text)) != outcome(re.sub(r"expect keys.*", "", TEXT))


SPECS = sorted(shipped_spec("specs/v3.inc").parent.glob("*.inc"))
REAL = re.compile(r"(?<![\w.\"])[0-9]+(?:\.[0-9]+(?:e-?[0-9]+)?|e-?[0-9]+)(?![\w.x\"])")


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_real_number_raised_by_one_is_told(path) -> None:
    text = path.read_text(encoding="utf-8")
    code = re.sub(r"#[^\n]*|normalize \([^)]*\)", lambda m: " " * len(m.group()), text)
    assert not analyze_source(Source(path.name, text, path)).problems
    for number in REAL.finditer(code):
        if not code[: number.start()].endswith(("(scale: ", "normalize [", ", ")):
            raised = f"{text[: number.start()]}{float(number.group()) + 1:g}{text[number.end() :]}"
            assert analyze_source(Source(path.name, raised, path)).problems, number

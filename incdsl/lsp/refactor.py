"""Changes that keep the sense of a spec: kernels in factors, stated shapes, blocks made of steps and the reverse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from incdsl.annotate import Known
from incdsl.edits import Edit, edited
from incdsl.frontend import Analysis, Options, analyze_source
from incdsl.lsp.mentions import insides
from incdsl.lsp.numbers import saving
from incdsl.lsp.reading import Reading
from incdsl.source import Source
from incdsl.syntax import tree


@dataclass(frozen=True, slots=True)
class Refactoring:
    """A change with its title, of one of the kinds that editors know."""

    title: str
    kind: str
    edits: tuple[Edit, ...]


def refactorings(analysis: Analysis, start: int, end: int, options: Options | None = None) -> Iterator[Refactoring]:
    """All that may be done with the steps of a range of characters; each was tried, and compiles."""
    reading = Reading.of(analysis)
    path = reading.path(start)
    step = next((node for node in reversed(path) if isinstance(node, tree.Step)), None)
    if step is None:
        return
    trial = _Trial(analysis, options)
    yield from _stated(analysis, step)
    offered = set[str]()
    for each in [*_factorized(step, trial), *_inlined(reading, step), *_extracted(reading, path, start, end)]:
        if each.title not in offered and trial.holds(each.edits):
            offered.add(each.title)
            yield each


class _Trial:
    """Tries changes of a text."""

    def __init__(self, analysis: Analysis, options: Options | None) -> None:
        self.before = analysis
        self._options = options
        self._tried: dict[tuple[Edit, ...], Analysis] = {}

    def after(self, edits: tuple[Edit, ...]) -> Analysis:
        """The analysis of the text after a change."""
        if edits not in self._tried:
            source = self.before.spec.source
            text = edited(source.text, edits)
            self._tried[edits] = analyze_source(Source(source.name, text, source.path), self._options)
        return self._tried[edits]

    def holds(self, edits: tuple[Edit, ...]) -> bool:
        """Whether a change brings no error; facts may be others afterwards."""
        return _errors(self.after(edits)) <= _errors(self.before)

    def saved(self, edits: tuple[Edit, ...]) -> tuple[int, str]:
        """How many parameters the first net that a change changes has fewer then, and its name; 0 if none is known."""
        for before, after in zip(self.before.nets, self.after(edits).nets, strict=False):
            if before.complete and after.complete and before.cost.params != after.cost.params:
                return before.cost.params - after.cost.params, before.name
        return 0, ""


def _errors(analysis: Analysis) -> Counter[tuple[str, str]]:
    """The errors that there are, but for facts that do not hold."""
    return Counter((problem.code, problem.message()) for problem in analysis.errors if problem.code != "E305")


# Shapes


def _stated(analysis: Analysis, step: tree.Step) -> Iterator[Refactoring]:
    known = Known(analysis)
    shape = known.shape(step) if step.shape is None and step in known.steps else ""
    if shape:
        yield Refactoring(
            f"State the shape {shape}", "refactor.rewrite", (Edit(step.span.end, step.span.end, f" : {shape}"),)
        )


# Factors


def _factorized(step: tree.Step, trial: _Trial) -> Iterator[Refactoring]:
    """A kernel as smaller ones, each way that compiles, with what it saves of the weights.

    Where the number of channels changes, the first factor has as many filters as the last if that saves more.
    """
    call = step.atom
    if not isinstance(call, tree.Call) or call.factors or not isinstance(call.kernel, tree.Kernel):
        return
    height, width = call.kernel.height, call.kernel.width
    sigils = [part.span.end for part in call.parts if isinstance(part, tree.Tree)]
    at = max([call.name.span.end, call.kernel.span.end, *sigils, call.span.end])
    for factors, ratio in _factorings(height, width):
        first, comma, others = factors.partition(",")
        ways = [factors]
        if call.width and comma:
            ways.append(f"{first} @{call.width.span.text}{comma}{others}")
        tried = {way: (Edit(at, at, f" as {way}"),) for way in ways}
        saved = {way: trial.saved(edits) for way, edits in tried.items() if trial.holds(edits)}
        if saved:
            way = max(saved, key=lambda each: saved[each][0])
            fewer, net = saved[way]
            count = f"{abs(fewer):,} parameters {'fewer' if fewer > 0 else 'more'} in `{net}`"
            shown = count if net else saving(100, round(100 * ratio))
            yield Refactoring(f"Factorize {height}x{width} as {way} ({shown})", "refactor.rewrite", tried[way])


def _factorings(height: int, width: int) -> Iterator[tuple[str, float]]:
    """Ways to write a kernel as smaller ones, and their share of its weights where channels stay."""
    area = height * width
    if height == width and height in (5, 7, 9, 11):
        count = (height - 1) // 2
        yield ", ".join(["3x3"] * count), 9 * count / area
    if height > 1 and width > 1:
        yield f"1x{width}, {height}x1", (height + width) / area
        yield f"{height}x1, 1x{width}", (height + width) / area
        yield f"{{ | 1x{width} | {height}x1 }}", (height + width) / 2 / area
    if height == width == 3:
        yield "2x2, 2x2", 8 / 9


# Blocks


def _inlined(reading: Reading, step: tree.Step) -> Iterator[Refactoring]:
    """A use of a block that is one chain, as that chain."""
    call = step.atom
    found = reading.names.block(call.name.text) if isinstance(call, tree.Call) else None
    if (
        found is None
        or found.block.chain is None
        or not isinstance(call, tree.Call)
        or found.names is not reading.names
    ):
        return
    given = {arg.name.text: arg.value.span.text for arg in call.args if isinstance(arg, tree.Arg) and arg.name}
    values = {
        p.name.text: given.get(p.name.text) or (p.default.span.text if p.default else "") for p in found.block.params
    }
    text = _substituted(found.block.chain, values)
    chain = found.block.chain
    whole = text if len(chain.steps) == 1 and not chain.steps[0].labels else f"({text})"
    title = f"Inline `{found.name}` (keys of checkpoints change)"
    for start in dict.fromkeys(
        [call.span.start, step.span.start]
    ):  # with its label, or without where that names nothing
        yield Refactoring(title, "refactor.inline", (Edit(start, call.span.end, whole),))


def _substituted(chain: tree.Chain, values: dict[str, str]) -> str:
    """The text of a chain with values in the place of parameters."""
    edits = []
    for node in tree.nodes(chain):
        name = node.name if isinstance(node, tree.Variable) else None
        if isinstance(node, tree.Call):
            name = node.name.text
        if name in values:
            span = node.name.span if isinstance(node, tree.Call) else node.span
            plain = values[name].replace("_", "").replace(".", "").isalnum()
            edits.append(
                Edit(
                    span.start - chain.span.start,
                    span.end - chain.span.start,
                    values[name] if plain else f"({values[name]})",
                )
            )
    return edited(chain.span.text, edits)


def _extracted(
    reading: Reading, path: Sequence[tree.Tree], start: int, end: int
) -> Iterator[Refactoring]:  # fmt: skip
    """The selected steps of a chain as a block of their own; the names that they use become its parameters."""
    chain = next((node for node in reversed(path) if isinstance(node, tree.Chain) and node.span.end >= end), None)
    steps = [each for each in chain.steps if each.span.end > start and each.span.start < end] if chain else []
    item = next((node for node in path if isinstance(node, tree.Unit | tree.Block | tree.Net)), None)
    found = reading.names.get(item.name.text) if item else None
    if not steps or end <= start or item is None or found is None or isinstance(item, tree.Unit):
        return
    inside = insides(found)
    whole = tree.Chain(tuple(steps), parts=tuple(steps))
    used = [node.name for node in tree.nodes(whole) if isinstance(node, tree.Variable)]
    used += [node.name.text for node in tree.nodes(whole) if isinstance(node, tree.Call)]
    names = sorted({name for name in used if name in inside})
    if any(inside[name].kind != "parameter" for name in names):
        return  # a value flows into the steps from the side
    block = next(name for name in ("Part", *(f"Part{n}" for n in range(2, 100))) if name not in reading.names)
    params = f"({', '.join(names)})" if names else ""
    args = f"({', '.join(f'{name}: {name}' for name in names)})" if names else ""
    first, last = steps[0].span.start, steps[-1].span.end
    text = reading.source.text[first:last]
    label = f"{steps[0].labels[0].text}: " if len(steps) == 1 and steps[0].labels else ""
    text = text[steps[0].atom.span.start - first :] if label else text
    end = len(reading.source.text.rstrip())
    yield Refactoring(
        f"Extract a block `{block}` (keys of checkpoints change)", "refactor.extract",
        (Edit(first, last, f"{label}{block}{args}"), Edit(end, end, f"\n\nblock {block}{params} = {text}")),
    )  # fmt: skip

"""Shape assertions, written into a spec from what is known of it, or taken out again."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from incdsl.diagnostics.shapes import AssertionFails
from incdsl.edits import Edit
from incdsl.elaborate.record import Occurrence
from incdsl.formatter.edited import laid_out
from incdsl.frontend import Analysis, Options, analyze_source
from incdsl.ir.conditions import Conditions
from incdsl.ir.graph import Instance
from incdsl.source import Source
from incdsl.syntax import tree
from incdsl.syntax.parser import parse
from incdsl.values import Image
from incdsl.values.num import expression


def annotated(source: Source, options: Options | None = None, *, every: bool = False) -> str:
    """The text of a spec in which the nets state the shape of every image that they name, as far as it is known.

    With `every`, a shape is stated behind each step that changes it, in blocks too: there an extent in which the uses
    of the block differ is `_`. Assertions that fail are put right, others stay as they are. Definitions that change
    are in the layout of `incdsl fmt` then.
    """
    analysis = analyze_source(source, options)
    known = Known(analysis)
    edits = list(_put_right(analysis, known))
    for definition in analysis.file.definitions:
        for chain in _chains(definition):
            if every:
                edits += _at_changes(chain, known)
            elif isinstance(definition, tree.Net):
                edits += _at_the_end(chain, known)
    return laid_out(source.text, edits)


def unstated(analysis: Analysis) -> Iterator[tuple[str, tree.Step, str]]:
    """Where a value or output of a net ends on another grid than it started on and no shape is stated: the net's
    name, the step, and the shape; what is pooled to a single cell is no stage."""
    known = Known(analysis)
    for net in analysis.file.nets:
        for chain in _chains(net):
            first, last = chain.steps[0], chain.steps[-1]
            shape = known.shape(last)
            start, end = (each.strip("[]").split(", ")[1:] for each in (known.shape(first), shape))
            stated = last.shape is not None or isinstance(last.atom, tree.Error)
            if len(end) == 2 and end != ["1", "1"] and start != end and not stated:
                yield net.name.text, last, shape


def without_assertions(text: str) -> str:
    """A text without shape assertions; comments inside of them stay."""
    steps = [node for node in tree.nodes(parse(text).file) if isinstance(node, tree.Step)]
    return laid_out(text, [edit for step in steps for edit in _taken_out(step)])


class Known:
    """The shapes behind steps, as the definition around them can state them."""

    def __init__(self, analysis: Analysis) -> None:
        self._occurrences = analysis.steps
        self._conditions = {net.name: net.net.conditions for net in analysis.nets}
        self._around = {
            step: definition
            for definition in analysis.file.definitions
            for step in tree.nodes(definition)
            if isinstance(step, tree.Step)
        }

    @property
    def steps(self) -> Collection[tree.Step]:
        """All steps that are written."""
        return self._around.keys()

    def shape(self, step: tree.Step) -> str:
        """The shape behind a step, `[288, 35, 35]`; empty if it is not known, or if there are several values."""
        definition = self._around[step]
        behind = {_owner(each.instance): each for each in self._occurrences.get(step, ())}  # the last of a repetition
        stated = {self._stated(each, definition) for owner, each in behind.items() if _is_of(owner, definition)}
        if () in stated or len({len(parts) for parts in stated}) != 1:
            return ""
        parts = [each[0] if len(set(each)) == 1 else "_" for each in zip(*stated, strict=True)]
        return f"[{', '.join(parts)}]" if {"_"} != set(parts) else ""

    def _stated(self, found: Occurrence, definition: tree.Definition) -> tuple[str, ...]:
        """Channels and extents in one instance; none if they are not known."""
        conditions = self._conditions.get(found.instance.lineage[0].word)
        if conditions is None or len(found.shapes) != 1 or (shape := found.shapes[0]) is None:
            return ()
        channels = _channels(shape.channels, definition)
        return (channels, *_extents(shape, conditions)) if isinstance(shape, Image) else (channels,)


def _owner(instance: Instance) -> Instance:
    """The instance of a definition around a repetition."""
    while instance.kind == "sequence" and instance.parent:
        instance = instance.parent
    return instance


def _is_of(owner: Instance, definition: tree.Definition) -> bool:
    """Whether an instance can say something about a definition; of a net that is only the net by itself."""
    return owner.word == definition.name.text and (owner.parent is None or not isinstance(definition, tree.Net))


def _channels(channels: int, definition: tree.Definition) -> str:
    """The channels with the parameters of a definition, or as a number where other symbols are needed."""
    found = expression(channels)
    named = {param.name.text for param in definition.params}
    own = {"in_channels": "in"} if isinstance(definition, tree.Block) else {}
    if not found.symbols <= named | own.keys():
        return str(int(channels))
    return found.show(lambda name: own.get(name, name))


def _extents(shape: Image, conditions: Conditions) -> Iterator[str]:
    for extent in (shape.height, shape.width):
        size = conditions.size(extent)
        yield str(extent if size is None else size)


def _chains(definition: tree.Definition) -> Iterator[tree.Chain]:
    """The chains of a block or of a net's values and outputs."""
    if isinstance(definition, tree.Block) and definition.chain:
        yield definition.chain
    elif isinstance(definition, tree.Net | tree.Block):
        for item in definition.items:
            if isinstance(item, tree.Bind | tree.Output):
                yield item.chain


def _at_the_end(chain: tree.Chain, known: Known) -> Iterator[Edit]:
    last = chain.steps[-1]
    shape = known.shape(last)
    if "," in shape and not (len(chain.steps) == 1 and _is_value(last)):  # a vector is no stage
        yield from _inserted(last, shape)


def _at_changes(chain: tree.Chain, known: Known) -> Iterator[Edit]:
    before = ""
    for step in chain.steps:
        shape = known.shape(step)
        if shape != before and not (step is chain.steps[0] and _is_value(step)):
            yield from _inserted(step, shape)
        before = shape


def _is_value(step: tree.Step) -> bool:
    """Whether a step may be a name of something that is known already."""
    named = isinstance(step.atom, tree.Call) and step.atom.bare and not step.labels
    return not step.repeat and (named or isinstance(step.atom, tree.BlockInput | tree.Bundle))


def _inserted(step: tree.Step, shape: str) -> Iterator[Edit]:
    """An assertion behind a step that has none."""
    if shape and step.shape is None and not isinstance(step.atom, tree.Error):
        yield Edit(step.span.end, step.span.end, f" : {shape}")


def _put_right(analysis: Analysis, known: Known) -> Iterator[Edit]:
    """Assertions that fail, with what they should be."""
    wrong = [problem.span for problem in analysis.problems if isinstance(problem, AssertionFails)]
    starts = {span.start for span in wrong if span and span.source is analysis.spec.source}
    for step in known.steps:
        dims = step.shape.span if step.shape else None
        if dims and dims.start in starts and "#" not in dims.text and (shape := known.shape(step)):
            yield Edit(dims.start, dims.end, f": {shape}")


def _taken_out(step: tree.Step) -> Iterator[Edit]:
    """Nothing in the place of an assertion, and of the blanks in front of its tokens."""
    for token in step.shape.tokens if step.shape else ():
        yield Edit(token.start if "#" in token.trivia else token.before, token.end, "")

"""From text to checked nets, however broken the text is: the file, the nets as far as they go, and all problems.

It keeps no state, so it can run in a server, in threads, at every keystroke.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from incdsl.analysis.cost import Cost, cost
from incdsl.analysis.facts import check_facts
from incdsl.analysis.sizes import Sizes, legal_sizes
from incdsl.diagnostics import CompileError, Diagnostic, Sink
from incdsl.diagnostics.limits import TooManyParameters, TooManySteps
from incdsl.diagnostics.names import ChooseNet
from incdsl.elaborate.budget import MAX_STEPS, Budget, Exhausted
from incdsl.elaborate.net import Elaborated, elaborate
from incdsl.elaborate.record import Meaning, Occurrence, Record, Visit
from incdsl.elaborate.resolve import Definition, Names, resolve
from incdsl.elaborate.scope import Poisoned, Problem
from incdsl.elaborate.tools import Tools
from incdsl.elaborate.unused import unused, unused_definitions
from incdsl.elaborate.variant import interfaces, lineage
from incdsl.elaborate.walk import Walk
from incdsl.files import SpecFile, load
from incdsl.ir.conditions import Conditions
from incdsl.ir.graph import Graph, Instance
from incdsl.ir.net import Net
from incdsl.ir.validate import validate
from incdsl.source import Source
from incdsl.syntax import tree
from incdsl.syntax.ignore import ignores

MAX_PARAMS = 10_000_000_000


@dataclass(frozen=True, slots=True)
class Options:
    """Values for the parameters of the nets, the limits of an analysis, and the folder that imports stay in.

    An editor says which files it has open: their texts, by real paths, stand for what is on the disk. It may ask for an
    analysis to be `abandoned`, which then ends with `incdsl.elaborate.budget.Abandoned`.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    max_steps: int = MAX_STEPS
    max_params: int = MAX_PARAMS
    root: Path | None = None
    opened: Mapping[str, str] = field(default_factory=dict)
    abandoned: Callable[[], bool] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class NetAnalysis:
    """One net of a spec, as far as it goes. If it is complete, `sizes` and the totals of `cost` are known."""

    definition: Definition
    net: Net
    complete: bool
    settings: Mapping[str, Any]
    visit: Visit = field(repr=False)
    """What is written, as the net came of it, as far as it came: the variant's chain where a variant replaces one."""
    placed: tuple[str, ...] = field(repr=False)
    """The nodes that parts of `visit` count."""
    sizes: Sizes | None = None

    @property
    def name(self) -> str:
        """The name of the net."""
        return self.definition.name

    @cached_property
    def cost(self) -> Cost:
        """What its nodes cost; totals cover the nodes that are known."""
        return cost(self.net)

    def __repr__(self) -> str:
        return f"<NetAnalysis {self.name}: {len(self.net.graph)} nodes{'' if self.complete else ', incomplete'}>"


@dataclass(frozen=True, eq=False, repr=False)
class Analysis:
    """Everything that is known of a spec.

    The keys of `steps` and `references` are nodes of the tree (`incdsl.syntax.tree`). `problems` are errors and
    warnings, in the order of the text; `ignored` are the warnings that a comment leaves out.
    """

    spec: SpecFile
    names: Names
    nets: tuple[NetAnalysis, ...]
    problems: tuple[Diagnostic, ...]
    ignored: tuple[Diagnostic, ...]
    work: int
    """What the analysis cost, in units of work: terms, list items, looks at written steps."""
    _record: Record = field(repr=False)

    @property
    def file(self) -> tree.File:
        """The tree; `str(file)` gives the text back."""
        return self.spec.file

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The problems because of which it cannot be compiled."""
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @cached_property
    def steps(self) -> Mapping[tree.Tree, tuple[Occurrence, ...]]:
        """The instances of every written step, rail, factor, head and bound name, with their shapes if known."""
        seen = {node: tuple(found) for node, found in self._record.occurrences.items()}
        return {**{node: (found,) for node, found in self._record.looked_at.items()}, **seen}

    @property
    def references(self) -> Mapping[tree.Tree, Meaning]:
        """What each use of a name means: a definition, an op, or the node that declares a parameter or value."""
        return self._record.meanings

    def net(self, name: str | None = None) -> NetAnalysis:
        """The net of this name, or the only net.

        Raises:
            KeyError: if there is none, or several to choose from.
        """
        found = [each for each in self.nets if name in (None, each.name)]
        if len(found) != 1:
            raise KeyError(name)
        return found[0]

    def _repr_html_(self) -> str:
        """For a notebook: the text with what is wrong with it, below the lines that it is about."""
        from incdsl.diagnostics.listing import listing

        return f"<p>{escape(repr(self)[1:-1])}</p>{listing(self.spec.source, self.problems)}"

    def __repr__(self) -> str:
        nets = ", ".join(net.name for net in self.nets) or "no net"
        count = len(self.problems)
        return f"<Analysis of {self.spec.source.name}: {nets}; {count} problem{'s' * (count != 1)}>"


_OF_NUMBERS = frozenset({"E304", "E305"})
"""Shapes and facts that do not hold: perhaps because something is not used."""


def analyze_source(source: Source, options: Options | None = None, only: str | None = "") -> Analysis:
    """Analyze a spec: all of its nets, or the one that `only` names; None stands for the only net.

    Where a net is named, nothing matters but what that net uses.
    """
    options, sink = options or Options(), Sink()
    spec = load(source, sink, options.root, options.opened)
    return analyze_spec(spec, resolve(spec, sink), sink, options, only)


def analyze_spec(
    spec: SpecFile, names: Names, sink: Sink, options: Options, only: str | None = ""
) -> Analysis:  # fmt: skip
    """Analyze a spec that was read and resolved; what was wrong with that is in the sink."""
    record = Record()
    wanted = list(_wanted(spec.file, names, only, sink))
    budget = Budget(options.max_steps, options.abandoned)
    nets = tuple(_nets(wanted, options, sink, budget, record))
    defined = spec.file.definitions if not only else ()
    own = [found for each in defined if (found := names.get(each.name.text)) and found.tree is each]
    _look_at_the_rest(own, record, sink, Budget(abandoned=options.abandoned))
    if {problem.code for problem in sink if problem.severity == "error"} <= _OF_NUMBERS:
        _unused(own, record, sink)
        for problem in unused_definitions(spec.file, names) if not only else ():
            sink.add(problem)
    problems, ignored = _without_ignored(spec, sink)
    return Analysis(spec, names, nets, problems, ignored, budget.work, record)


def _without_ignored(spec: SpecFile, sink: Sink) -> tuple[tuple[Diagnostic, ...], tuple[Diagnostic, ...]]:
    """The problems, and apart from them the warnings that a comment leaves out."""
    comments = [comment for file in spec.files() for comment in ignores(file.file)]

    def is_ignored(problem: Diagnostic) -> bool:
        span = problem.span
        return (
            problem.severity == "warning" and span is not None and any(c.covers(problem.code, span) for c in comments)
        )

    found = [(problem, bool(comments) and is_ignored(problem)) for problem in sink]
    return tuple([each for each, ignored in found if not ignored]), tuple([each for each, ignored in found if ignored])


def require(analysis: Analysis) -> Analysis:
    """The analysis, if it has no errors.

    Raises:
        CompileError: with all problems, if any is an error.
    """
    if analysis.errors:
        raise CompileError(analysis.problems)
    return analysis


def _wanted(file: tree.File, names: Names, only: str | None, sink: Sink) -> Iterator[Definition]:
    """The nets that are asked for."""
    nets = {net.name.text: net for net in file.nets if net.name.text}
    if only == "":
        chosen = list(nets)
    elif only in nets:
        chosen = [only]
    elif only is None and len(nets) == 1:
        chosen = list(nets)
    else:
        if file.edition and not any(isinstance(node, tree.Error) for node in file.items):
            sink.add(ChooseNet(span=file.edition.span, name=only, nets=tuple(nets)))
        return
    for name in chosen:
        found = names.net(name)
        if found is not None:
            yield found


def _nets(
    wanted: list[Definition], options: Options, sink: Sink, budget: Budget, record: Record
) -> Iterator[NetAnalysis]:
    several = len(wanted) > 1
    for definition in wanted:
        own = Sink()
        settings = _known_settings(definition, options.settings) if several else options.settings
        found = elaborate(definition, settings, own, budget, record)
        if found is not None:
            yield _checked(found, settings, options, own)
        for problem in own:
            sink.add(problem)
        if budget.steps > options.max_steps and definition is not wanted[-1]:
            what = "the nets of this file together expand"
            span = definition.tree.name.span
            sink.add(TooManySteps(span=span, steps=None, limit=options.max_steps, what=what))
            return


def _known_settings(definition: Definition, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings that a net knows, one of several."""
    try:
        known = interfaces(lineage(definition))[0]
    except (Problem, Poisoned):
        return {}
    return {name: value for name, value in settings.items() if name in known}


def _checked(found: Elaborated, settings: Mapping[str, Any], options: Options, sink: Sink) -> NetAnalysis:
    """A net with what only a complete one has: legal sizes, totals, and the facts that the spec states."""
    if not found.complete:
        return NetAnalysis(found.definition, found.net, False, settings, found.visit, found.placed)
    net = found.net
    validate(net, quick=True)
    sizes = legal_sizes(net, sink)
    checked = NetAnalysis(found.definition, net, True, settings, found.visit, found.placed, sizes)
    params = checked.cost.params
    if params > options.max_params:
        span = net.graph.net.span
        sink.add(TooManyParameters(span=span, path=net.name, params=params, limit=options.max_params))
    if not settings:  # facts are those of the parameters that the spec gives
        check_facts(net, checked.cost, sink)
    return checked


def _look_at_the_rest(own: list[Definition], record: Record, sink: Sink, budget: Budget) -> None:
    """Look at the units and blocks that no net came to with a value that is known."""
    rest = dict.fromkeys([*own, *sorted(record.used, key=lambda each: each.place)])
    graph = Graph(Instance("net", "", "", None))
    walk = Walk(Tools(graph, Conditions(), budget, sink, record))
    try:
        for definition in rest:
            if definition not in record.walked:
                walk.look_at(definition)
    except Exhausted as exhausted:
        if exhausted.diagnostic:
            sink.add(exhausted.diagnostic)


def _unused(own: list[Definition], record: Record, sink: Sink) -> None:
    """Report what is declared and never read; only where no slip makes things unused."""
    others = sorted(record.walked - set(own), key=lambda each: each.place)
    for definition in [*own, *others]:
        if definition in record.walked or not isinstance(definition.tree, tree.Net):
            for problem in unused(definition):
                sink.add(problem)

"""What is drawn: a net of a spec, a block as a net uses it, or steps on an input; however broken the spec is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from incdsl.compiler import Compilation, in_giga
from incdsl.diagnostics import CompileError, Diagnostic
from incdsl.drawing.describe import in_units
from incdsl.drawing.picture import Block, Body, Cost
from incdsl.drawing.reading import Reader
from incdsl.drawing.things import leaves, values
from incdsl.frontend import Analysis, NetAnalysis, Options, analyze_source
from incdsl.source import Source
from incdsl.subject import Asked, net_of_steps, no_subject, parts, settings_of, use_of
from incdsl.syntax import tree
from incdsl.syntax.parser import parse


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """A body with its title, and what is wrong in it."""

    title: str
    second: str
    body: Body
    is_net: bool
    totals: Cost
    analysis: Analysis
    found: NetAnalysis
    """The net that it is, or is part of."""

    @property
    def problems(self) -> tuple[Diagnostic, ...]:
        """What is wrong with the spec."""
        return self.analysis.errors


def part_of(text: str, asked: Asked, *, folds: bool = True) -> Part:
    """What `SPEC[::NET]`, `SPEC::BLOCK`, `SPEC::PATH` or `SPEC::STEPS@[C, H, W]` names.

    A block is drawn as it is first used: in the nets of the spec in their order; with arguments, where they are those.
    PATH is that of an instance, as `incdsl summary --by layer` prints it.

    Raises:
        CompileError: if there is nothing of that name, or nothing of it is known.
    """
    spec, what, dims = parts(text)
    source = asked.source(spec) if spec else Source("<steps>", "inc 1\n")
    return chosen(source, what, dims, asked, folds=folds)


def chosen(
    source: Source,
    what: str = "",
    dims: tuple[int, ...] | None = None,
    asked: Asked | None = None,
    *,
    folds: bool = True,
) -> Part:
    """A part of a spec that was read."""
    asked = asked or Asked()
    file = parse(source.text).file
    nets = [net.name.text for net in file.nets]
    name, arguments = use_of(what)
    if not what or name in nets:
        settings = {**(settings_of(source, arguments) if arguments else {}), **asked.settings}
        analysis = _analyzed(source, asked, settings, name or None)
        return net_part(analysis, _resized(_only(analysis, nets), dims), folds=folds)
    if dims is not None:
        whole, net, *_ = net_of_steps(source, file, what, dims)
        analysis = _analyzed(whole, asked, {}, net)
        return _steps(analysis, _only(analysis, [net]), what, folds)
    analysis = _analyzed(source, asked, asked.settings, "")
    for found in analysis.nets:
        reader = Reader(analysis, found, folds=folds)
        body = reader.net()
        for block in blocks(body):
            if _is_meant(block, what, name, arguments):
                return _block(block, found, analysis)
    if analysis.errors:
        raise CompileError(analysis.problems)
    known = {each.name.text for each in file.definitions if isinstance(each, tree.Block)}
    if name in known:
        raise no_subject(f"no net of the spec uses `{what}`: say what flows into it, `{what}@[C, H, W]`")
    raise no_subject(f"there is no net or block `{what}`; the spec's nets are: {', '.join(nets) or 'none'}")


def _analyzed(source: Source, asked: Asked, settings: Mapping[str, object], only: str | None) -> Analysis:
    options = Options(settings, asked.max_steps, asked.max_params, asked.root)
    return analyze_source(source, options, only=only)


def _only(analysis: Analysis, nets: list[str]) -> NetAnalysis:
    if not analysis.nets:
        if analysis.problems:
            raise CompileError(analysis.problems)
        raise no_subject(f"the spec's nets are: {', '.join(nets) or 'none'}")
    return analysis.nets[0]


def _resized(found: NetAnalysis, dims: tuple[int, ...] | None) -> NetAnalysis:
    """The same net with another nominal size, if that is legal."""
    if dims is None:
        return found
    axes = list(found.net.conditions.nominal)
    if len(dims) != 1 + len(axes):
        raise no_subject(f"the net has {len(axes)} sizes: write `@[C, {', '.join(axes)}]`")
    sizes = dict(zip(axes, dims[1:], strict=True))
    legal = found.sizes.evaluation if found.sizes else {}
    if any(size not in legal[axis] for axis, size in sizes.items() if axis in legal):
        texts = ", ".join(f"{axis} {legal[axis]}" for axis in axes if axis in legal)
        raise no_subject(f"the size is not legal: {texts}")
    return replace(found, net=replace(found.net, conditions=replace(found.net.conditions, nominal=dict(sizes))))


def compiled(done: Compilation, *, folds: bool = False) -> Part:
    """A net that was compiled, before any rewrite and at the size that is nominal now; `folds` as in `net_part`."""
    assert done.analysis is not None
    found = next(each for each in done.analysis.nets if each.name == done.net.name)
    sized = replace(found, net=replace(found.net, conditions=done.net.conditions))
    return net_part(done.analysis, sized, folds=folds)


def net_part(analysis: Analysis, found: NetAnalysis, *, folds: bool) -> Part:
    """A whole net; with `folds`, equal turns of a repetition are one."""
    reader = Reader(analysis, found, folds=folds)
    body = reader.net()
    cost = found.cost
    inputs = [value.grid for value in body.inputs if value.grid]
    texts = [" and ".join(dict.fromkeys(inputs))] if inputs else []
    if analysis.errors:
        texts.append("does not compile")
    else:
        heads = len(found.net.graph.heads)
        extra = f", {cost.params:,} with the auxiliary head{'s' * (heads > 1)}" if heads else ""
        texts.append(f"{cost.deployed_params:,} parameters{extra}")
        if cost.macs:
            texts.append(f"{in_giga(cost.macs)} GMACs" if cost.macs >= 1e9 else f"{in_units(cost.macs, places=1)} MACs")
    totals = Cost() if analysis.errors else Cost(cost.deployed_params, cost.macs)
    return Part(found.name, " · ".join(texts), body, True, totals, analysis, found)


def _steps(analysis: Analysis, found: NetAnalysis, what: str, folds: bool) -> Part:
    """Steps alone: the inside of a block if they are one."""
    body = Reader(analysis, found, folds=folds).net()
    things = leaves([cell.thing for cell in body.cells])
    alone = [thing for thing in things if isinstance(thing, Block)]
    if len(alone) == 1 and alone[0].inside and len(things) <= len(body.inputs) + 1:
        return _block(alone[0], found, analysis, named=False)
    body.is_net = False
    for value in [value for cell in body.cells for value in values(cell.thing, cell.gives)]:
        value.outputs.clear()
    for value in body.inputs:
        value.name = ""
    cost = found.cost
    texts = [f"{cost.params:,} parameters"] if cost.params else []
    texts += [f"{in_units(cost.macs, places=1)} MACs"] if cost.macs else []
    title = " ".join(what.split())
    return Part(title, " · ".join(texts), body, False, Cost(cost.params, cost.macs), analysis, found)


def _block(block: Block, found: NetAnalysis, analysis: Analysis, *, named: bool = True) -> Part:
    assert block.inside is not None
    texts = [f"{block.path} of {found.name}"] if named else []
    texts += [block.settings] if block.settings else []
    if analysis.errors:
        texts.append("does not compile")
    else:
        texts += [f"{block.cost.params:,} parameters"] if block.cost.params else []
        texts += [f"{in_units(block.cost.macs, places=1)} MACs"] if block.cost.macs else []
    return Part(block.kind or block.name, " · ".join(texts), block.inside, False, block.cost, analysis, found)


def blocks(body: Body) -> Iterator[Block]:
    """All blocks of a body in order, heads among them, each before what is inside it."""
    for cell in body.cells:
        heads = [head for value in values(cell.thing, cell.gives) for head in value.heads]
        for thing in (*leaves([cell.thing]), *heads):
            if isinstance(thing, Block):
                yield thing
                if thing.inside:
                    yield from blocks(thing.inside)


def _is_meant(block: Block, what: str, name: str, arguments: str | None) -> bool:
    if block.inside is None:
        return False
    if block.path == what:
        return True
    if block.kind != name:
        return False
    wanted = {" ".join(each.replace(":", " ").split()) for each in (arguments or "").split(",") if each.strip()}
    return wanted <= set(block.settings.split(", "))

"""The pipeline, top to bottom: text, surface tree, graph, facts, Python text."""

from __future__ import annotations

import gc
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from incdsl.analysis.cost import Cost, cost
from incdsl.analysis.facts import check_facts
from incdsl.analysis.sizes import Sizes, legal_sizes
from incdsl.codegen.module import Banner, Origin, digest, module
from incdsl.diagnostics import CompileError, Diagnostic, Sink
from incdsl.diagnostics.limits import TooManyParameters, TooManySteps
from incdsl.elaborate.names import resolve
from incdsl.elaborate.net import MAX_STEPS, Spent, choose, elaborate
from incdsl.elaborate.variant import interfaces, lineage
from incdsl.files import SpecFile, from_bytes as from_bytes, load, read as read
from incdsl.ir.net import Net
from incdsl.passes.engine import Optimized
from incdsl.passes.levels import rewritten
from incdsl.source import Source
from incdsl.values import Image, Shape, expression

MAX_PARAMS = 10_000_000_000


@dataclass(frozen=True, eq=False)
class Compilation:
    """One net of a spec, checked; `text` is the generated module."""

    spec: SpecFile
    net: Net
    sizes: Sizes
    cost: Cost
    settings: Mapping[str, Any]
    chosen: str | None
    warnings: tuple[Diagnostic, ...]
    deployed: Optimized | None = None
    """What was done to the net for inference, and where its weights come from."""
    certificate: str = ""
    """How the deployed module was compared with the training module."""
    unchecked: tuple[str, ...] = ()
    """What of the certificate could not be compared, and why."""
    tuning: str = ""
    """What was measured to be fastest, and where."""
    options: tuple[str, ...] = ()
    """What the command said besides, of the module for inference."""

    @property
    def source(self) -> Source:
        """The text of the spec itself."""
        return self.spec.file.span.source

    @cached_property
    def text(self) -> str:
        """The generated module."""
        with _without_gc():
            return module(self.net, self._banner(), self._origin())

    def _origin(self) -> Origin | None:
        if self.deployed is None:
            return None
        heads = tuple(event.path for event in self.deployed.trace if event.rule == "DropHeads")
        return Origin(self.deployed.filters, heads)

    @property
    def command(self) -> str:
        """The command that writes the module again."""
        spec = _safe_name(self.source.name)
        words = ["incdsl compile", f"{spec}::{self.chosen}" if self.chosen else spec]
        words += ["--inference", *self.options] if self.deployed else []
        words += [f"--set {name}={literal(value)}" for name, value in self.settings.items()]
        return " ".join(words)

    def _banner(self) -> Banner:
        return Banner(
            spec=_safe_name(self.source.name),
            spec_hash=digest("".join(self.spec.texts())),
            command=self.command,
            facts=tuple(_facts(self)),
            remarks=self.spec.file.header,
        )


def compile_net(
    source: Source, name: str | None = None, settings: Mapping[str, Any] | None = None, max_steps: int = MAX_STEPS,
    root: Path | None = None, max_params: int = MAX_PARAMS,
) -> Compilation:  # fmt: skip
    """Check one net of a spec and prepare its module; imports stay in `root`, by default the folder of the spec.

    Raises:
        CompileError: with all that is wrong with the spec.
    """
    sink = Sink()
    with _without_gc():
        spec = load(source, sink, root)
        chosen = choose(spec.file, name, sink)
        net = elaborate(resolve(spec, sink)[chosen], settings or {}, sink, max_steps)
        return _compiled(spec, net, dict(settings or {}), name, sink, max_params)


def check_file(
    source: Source, settings: Mapping[str, Any] | None = None, max_steps: int = MAX_STEPS, root: Path | None = None,
    max_params: int = MAX_PARAMS,
) -> list[Compilation]:  # fmt: skip
    """Check every net of a spec; all together keep to the limit of steps.

    Raises:
        CompileError: with all that is wrong with the spec.
    """
    sink = Sink()
    with _without_gc():
        spec = load(source, sink, root)
        names = resolve(spec, sink)
        nets = [names[net.name.text] for net in spec.file.nets]
        several = len(nets) > 1
        done, problems, spent = [], list[Diagnostic](), Spent()
        for net in nets:
            own = Sink()
            try:
                known = interfaces(lineage(net, own))[0] if several and settings else {}
                mine = {k: v for k, v in (settings or {}).items() if not several or k in known}
                built = elaborate(net, mine, own, max_steps, spent)
                done.append(_compiled(spec, built, mine, net.name if several else None, own, max_params))
            except CompileError as error:
                problems.extend(error.diagnostics)
            if spent.steps > max_steps and net is not nets[-1]:
                what = "the nets of this file together expand"
                problems.append(TooManySteps(span=net.tree.name.span, steps=None, limit=max_steps, what=what))
                break
        for problem in problems:
            sink.add(problem)
        sink.stop_on_errors()
    return done


def for_inference(
    done: Compilation, without: frozenset[str] = frozenset(), also: frozenset[str] = frozenset()
) -> Compilation:
    """The compilation of the module that is deployed: rewritten, its weights computed from the training module's.

    `without` names rules that stay away, `also` those that run although they do not by default.
    """
    with _without_gc():
        net, deployed = rewritten(done.net, "inference", without, also)
        sizes = Sizes(done.sizes.evaluation, done.sizes.evaluation)
        return replace(done, net=net, sizes=sizes, cost=cost(net), deployed=deployed)


def _compiled(
    spec: SpecFile, net: Net, settings: Mapping[str, Any], name: str | None, sink: Sink, max_params: int
) -> Compilation:
    sizes = legal_sizes(net, sink)
    costs = cost(net)
    if costs.params > max_params:
        sink.add(TooManyParameters(span=net.graph.net.span, path=net.name, params=costs.params, limit=max_params))
    if not settings:  # facts are those of the parameters that the spec gives
        check_facts(net, costs, sink)
    sink.stop_on_errors()
    return Compilation(spec, net, sizes, costs, settings, name, tuple(sink))


@contextmanager
def _without_gc() -> Iterator[None]:
    """Trees and graphs hold no garbage worth looking for; the collector would only walk them, again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _facts(done: Compilation) -> Iterator[str]:
    """What the banner tells: inputs with their legal sizes, outputs, cost."""
    net, costs = done.net, done.cost
    names = [*net.graph.inputs, *net.graph.outputs]
    width = max(map(len, names))
    shapes = net.graph.shapes()
    for name, node in net.graph.inputs.items():
        shape = shapes[node]
        yield f"  {name.ljust(width)}   {_batched(shape)}{_sizes(done, shape)}".rstrip()
    for name, node in net.graph.outputs.items():
        yield f"  {name.ljust(width)}   {_batched(shapes[node], done)}"
    heads = net.graph.heads
    without = f" ({costs.deployed_params:,} without the aux head{'s' * (len(heads) > 1)})" if heads else ""
    compute = ""
    if costs.macs is not None:
        compute = f", {in_giga(costs.macs)} GMACs ({in_giga(2 * costs.macs)} GFLOPs)"
        nominal = _nominal(done, list(net.conditions.nominal))
        compute += f" at {nominal}" if nominal else ""
    yield f"  {costs.params:,} parameters{without}{compute}"
    if done.deployed:
        applied = Counter(event.rule for event in done.deployed.trace if event.applied)
        yield f"  for inference: {', '.join(f'{rule} x {n}' if n > 1 else rule for rule, n in applied.items())}"
        yield f"  {done.certificate or 'not certified'}"
        if done.tuning:
            yield f"  {done.tuning}"
    fixed = [f"{name} = {literal(net.params[name])}" for name in net.params if name in net.fixed]
    if fixed:
        yield f"  decided at compile time: {', '.join(fixed)}"


def _batched(shape: Shape, done: Compilation | None = None) -> str:
    channels = expression(shape.channels)
    text = str(int(shape.channels))
    if isinstance(shape, Image):
        return f"[N, {text}, {shape.height}, {shape.width}]"
    return f"[N, {channels if done is None else text}]"


def _sizes(done: Compilation, shape: Shape) -> str:
    if not isinstance(shape, Image):
        return ""
    nominal = done.net.conditions.nominal
    axes = [e.axis for e in (shape.height, shape.width)]
    return "     " + describe_sizes(done, [axis for axis in axes if axis in nominal])


def describe_sizes(done: Compilation, axes: list[Any]) -> str:
    """Legal sizes in words: `H, W >= 75 (>= 299 while training, for the aux head); 299 x 299 nominal`."""
    nominal = done.net.conditions.nominal

    def describe(sets: Mapping[str, Any]) -> str:
        texts = [text if not text[0].isdigit() else f"= {text}" for text in (str(sets[axis]) for axis in axes)]
        if len(set(texts)) == 1:
            joined = ", ".join(axes)
            return f"{joined} {texts[0]}"
        return ", ".join(f"{axis} {text}" for axis, text in zip(axes, texts, strict=True))

    text = describe(done.sizes.evaluation)
    training = describe(done.sizes.training)
    if training != text:
        common = training.removeprefix(f"{', '.join(axes)} ")
        heads = "heads" if len(done.net.graph.heads) > 1 else "head"
        text += f" ({common} while training, for the aux {heads})"
    if None not in (nominal[axis] for axis in axes):
        text += f"; {_nominal(done, axes)} nominal"
    return text


def _nominal(done: Compilation, axes: list[str]) -> str:
    """Nominal sizes, those of one input together: `299 x 299`, `32 x 32 and 16 x 16`."""
    found: dict[str, list[str]] = {}
    for axis in axes:
        found.setdefault(axis.rpartition(".")[0], []).append(str(done.net.conditions.nominal[axis]))
    return " and ".join(" x ".join(sizes) for sizes in found.values())


def in_giga(number: int) -> str:
    """In 10⁹, to two places or three significant digits: `5.71`, `0.0123`."""
    value = number / 1e9
    if 0 < value < 1e-4:  # where `g` would write an exponent
        return f"{value:.9f}".rstrip("0")
    return f"{value:.2f}" if value >= 1 else f"{value:.3g}"


def literal(value: Any) -> str:
    """A parameter's value as `--set` takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, tuple):
        return f"[{','.join(map(literal, value))}]"
    return str(int(value)) if isinstance(value, int) else re.sub(r"[^A-Za-z0-9_.-]", "_", str(value))


def _safe_name(name: str) -> str:
    """A file's name without its folder, in characters that no comment and no shell minds."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", Path(name).name) or "spec"

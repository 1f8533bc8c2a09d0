"""The pipeline, top to bottom: text, surface tree, graph, facts, Python text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from incdsl.analysis.batch import Lone, lone_norms, two_images
from incdsl.analysis.cost import Cost, cost
from incdsl.analysis.sizes import Sizes
from incdsl.codegen.cpu import Cpu, facts as cpu_facts
from incdsl.codegen.forms import Form
from incdsl.codegen.gpu import Gpu
from incdsl.codegen.module import Banner, Origin, digest, module
from incdsl.diagnostics import Diagnostic
from incdsl.elaborate.budget import MAX_STEPS
from incdsl.files import SpecFile, from_bytes as from_bytes, read as read
from incdsl.frontend import MAX_PARAMS as MAX_PARAMS, Analysis, Options, analyze_source, require
from incdsl.ir.net import Net
from incdsl.passes.levels import optimized
from incdsl.passes.streams import ForkRails
from incdsl.source import Source
from incdsl.values import Image, Shape, expression


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
    certificate: str = ""
    """How the deployed module was compared with the training module."""
    unchecked: tuple[str, ...] = ()
    """What of the certificate could not be compared, and why."""
    tuning: str = ""
    """What was measured to be fastest, and where."""
    options: tuple[str, ...] = ()
    """What the command said besides, of the module for inference."""
    form: Form | None = None
    """The form for one kind of device, if it is not for any."""
    typed: str = ""
    """The command that asked for it, if one did."""
    analysis: Analysis | None = field(default=None, repr=False)
    """All that is known of its spec, for figures."""

    @property
    def source(self) -> Source:
        """The text of the spec itself."""
        return self.spec.source

    @cached_property
    def lone_norms(self) -> tuple[Lone, ...]:
        """Where training takes at least two images."""
        return lone_norms(self.net, self.sizes)

    @cached_property
    def text(self) -> str:
        """The generated module."""
        return module(self.net, self._banner(), self._origin(), self.form)

    def _origin(self) -> Origin | None:
        return Origin(self.net.weight_exprs, self.net.left_out) if self.net.level == "inference" else None

    @property
    def command(self) -> str:
        """The command that writes the module again: the one that was typed, or else one for the spec's name."""
        if self.typed:
            return self.typed
        spec = _safe_name(self.source.name)
        verb = "deploy" if self.net.level == "inference" else "compile"
        words = [f"incdsl {verb}", f"{spec}::{self.chosen}" if self.chosen else spec, *self.options]
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
    options = Options(settings or {}, max_steps, max_params, root)
    return compilations(analyze_source(source, options, only=name), name)[0]


def check_file(
    source: Source, settings: Mapping[str, Any] | None = None, max_steps: int = MAX_STEPS, root: Path | None = None,
    max_params: int = MAX_PARAMS,
) -> list[Compilation]:  # fmt: skip
    """Check every net of a spec; all together keep to the limit of steps.

    Raises:
        CompileError: with all that is wrong with the spec.
    """
    return compilations(analyze_source(source, Options(settings or {}, max_steps, max_params, root)))


def compilations(analysis: Analysis, chosen: str | None = None) -> list[Compilation]:
    """The nets that were analyzed, `chosen` is the one that was asked for by its name; the first has all warnings.

    Raises:
        CompileError: with all that is wrong with the spec.
    """
    spec, nets = require(analysis).spec, analysis.nets
    found: list[Compilation] = []
    for each in nets:
        assert each.sizes is not None
        name = each.name if len(nets) > 1 else chosen
        warnings = () if found else analysis.problems
        settings = dict(each.settings)
        found.append(Compilation(spec, each.net, each.sizes, each.cost, settings, name, warnings, analysis=analysis))
    return found


def for_inference(
    done: Compilation,
    without: frozenset[str] = frozenset(),
    also: frozenset[str] = frozenset(),
    form: Form | None = None,
) -> Compilation:
    """The compilation of the module that is deployed: rewritten, its weights computed from the training module's.

    `without` names rules that stay away, `also` those that run although they do not by default; some run for a `form`
    only. For a GPU rails are forked, too.
    """
    net = done.net
    if form:
        net, also = replace(net, ways=dict(form.ways)), also | form.rules
    if isinstance(form, Cpu):
        net = replace(net, higher_order=form.higher_order, batch=form.batch)
    net = optimized(net, "inference", without, also)
    if isinstance(form, Gpu):
        net = ForkRails(form.streams)(net)
    sizes = Sizes(done.sizes.evaluation, done.sizes.evaluation)
    return replace(done, net=net, sizes=sizes, cost=cost(net), form=form)


def measurable(done: Compilation, form: Form) -> Compilation:
    """The form whose layers `tune` measures, each in all of its ways: those that records name are its nodes."""
    return for_inference(done, without=frozenset({"UseWinograd"} if isinstance(form, Cpu) else ()), form=form)


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
    if done.lone_norms:
        yield f"  {two_images(done.lone_norms)}"
    heads = net.graph.heads
    without = f" ({costs.deployed_params:,} without the aux head{'s' * (len(heads) > 1)})" if heads else ""
    compute = ""
    if costs.macs is not None:
        compute = f", {in_macs(costs.macs)} ({in_flops(costs.macs)})"
        nominal = _nominal(done, list(net.conditions.nominal))
        compute += f" at {nominal}" if nominal else ""
    yield f"  {costs.params:,} parameters{without}{compute}"
    if net.level == "inference":
        applied = Counter(event.rule for event in net.trace if event.applied)
        yield f"  for inference: {', '.join(f'{rule} x {n}' if n > 1 else rule for rule, n in applied.items())}"
        yield f"  {done.certificate or 'not certified'}"
        if isinstance(done.form, Gpu):
            yield f"  {_on_gpu(done, done.form)}"
        elif done.form:
            yield from (f"  {line}" for line in cpu_facts(net, costs.params))
        if done.tuning:
            yield f"  {done.tuning}"
    fixed = [f"{name} = {literal(net.params[name])}" for name in net.params if name in net.fixed]
    if fixed:
        yield f"  decided at compile time: {', '.join(fixed)}"


def _on_gpu(done: Compilation, gpu: Gpu) -> str:
    lanes = done.net.schedule.lanes.values() if done.net.schedule else ()
    forks = len({lane.fork for lane in lanes})
    streams = 1 + max((lane.stream for lane in lanes), default=0)
    rails = f", {forks} fork{'s' * (forks > 1)} on up to {streams} streams" if forks else ""
    graphs = ", calls as CUDA graphs" if gpu.graphs else ""
    kernels = ", kernels of Triton's" if gpu.kernels else ""
    return f"for a GPU: {gpu.dtype}, channels_last{graphs}{rails}{kernels}"


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


_MANY = 10**7
"""So many multiply-accumulates are told in giga."""


def in_macs(number: int) -> str:
    """Multiply-accumulates: `0.598 GMACs`, and below ten million `92,480 MACs`."""
    return f"{in_giga(number)} GMACs" if number >= _MANY else f"{number:,} MACs"


def in_flops(macs: int) -> str:
    """The floating-point operations of so many multiply-accumulates, in the unit in which `in_macs` tells these."""
    return f"{in_giga(2 * macs)} GFLOPs" if macs >= _MANY else f"{2 * macs:,} FLOPs"


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

"""`incdsl deploy`."""

from __future__ import annotations

import functools
import importlib.util
import json
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from incdsl.cli import checkpoint
from incdsl.cli.compile_ import described, module_name, set_words
from incdsl.cli.options import (
    fail,
    format_option,
    limit_option,
    limit_words,
    params_option,
    root_option,
    set_option,
    show,
    source_and_net,
    tell,
)
from incdsl.codegen import cpu as cpu_form, gpu as gpu_form, output
from incdsl.codegen.cpu import Cpu
from incdsl.codegen.forms import Form
from incdsl.codegen.gpu import DTYPES, Gpu
from incdsl.compiler import Compilation, compile_net, for_inference, measurable
from incdsl.diagnostics import CompileError, Diagnostic
from incdsl.diagnostics.output import EditedByHand
from incdsl.diagnostics.render import Format
from incdsl.passes.levels import rules
from incdsl.passes.rules.use_kernels import UseKernels
from incdsl.passes.rules.use_winograd import UseWinograd
from incdsl.passes.ways import head_of, is_cpu_way, is_gpu_way
from incdsl.winograd import schemes
from incdsl.writing import replace_text

if TYPE_CHECKING:
    from incdsl.weights.decisions import Decisions


@dataclass(frozen=True)
class _Rewriting:
    """How the net is rewritten, and whether that is proved."""

    tuned: Path | None
    packed: bool
    uncertified: bool
    form: Form | None = None

    @property
    def words(self) -> list[str]:
        """As the command says it."""
        tuned = ["--tuned", str(self.tuned)] if self.tuned else []
        uncertified = ["--uncertified"] if self.uncertified else []
        return [*_form_words(self.form), *(["--packed"] if self.packed else []), *tuned, *uncertified]


def _form_words(form: Form | None) -> list[str]:
    if form is None:
        return []
    if isinstance(form, Cpu):
        batch = ["--batch", str(form.batch)] if form.batch != Cpu().batch else []
        return ["--device", "cpu", *(["--higher-order"] if form.higher_order else []), *batch]
    usual = Gpu()
    words = ["--device", "cuda", *(["--dtype", form.dtype] if form.dtype != usual.dtype else [])]
    words += ["--streams", str(form.streams)] if form.streams != usual.streams else []
    return [*words, *(["--no-graphs"] if not form.graphs else []), *(["--kernels"] if form.kernels else [])]


@dataclass(frozen=True)
class _Weights:
    """A checkpoint, and what is said about it."""

    path: Path
    entry: str
    decisions: Decisions
    against: str | None
    arguments: tuple[str, ...]


def _rewriting_options(command: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(command)
    def read(
        *, tuned: Path | None, packed: bool, uncertified: bool, device: str | None, higher_order: bool,
        batch: int | None, dtype: str | None, streams: int | None, no_graphs: bool, kernels: bool, **others: Any,
    ) -> None:  # fmt: skip
        given = {name: value for name, value in (("dtype", dtype), ("streams", streams)) if value is not None}
        if device != "cuda" and (given or no_graphs or kernels):
            raise click.UsageError("--dtype, --streams, --no-graphs and --kernels are for --device cuda")
        if device != "cpu" and (higher_order or batch):
            raise click.UsageError("--higher-order and --batch are for --device cpu")
        if device and packed:
            raise click.UsageError("--packed is for modules without --device; --device cpu does it by itself")
        if device and tuned:
            raise click.UsageError("--tuned says what the module is for: leave out --device")
        form: Form | None = Cpu(higher_order, batch or 1) if device == "cpu" else None
        if device == "cuda":
            form = Gpu(**given, graphs=not no_graphs, kernels=kernels)  # type: ignore[arg-type]
        command(how=_Rewriting(tuned, packed, uncertified, form), **others)

    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    tuned = click.option("--tuned", type=file, help="The fastest choice of a record of `tune`.")
    packed = click.option("--packed", is_flag=True, help="Convolution and ReLU as one call of oneDNN (CPU).")
    uncertified = click.option("--uncertified", is_flag=True, help="Write the module without the proof.")
    device = click.option(
        "--device", type=click.Choice(["cpu", "cuda"]), help="The form for CPUs, or for GPUs.  [default: runs anywhere]"
    )
    batch = click.option("--batch", type=click.IntRange(1, 4096), help="Images at a time (cpu).  [default: 1]")
    order = click.option("--higher-order", is_flag=True, help="Schemes that are faster and lose more digits (cpu).")
    dtype = click.option(
        "--dtype", type=click.Choice(list(DTYPES)), help="Type of the weights (cuda).  [default: bf16]"
    )
    streams = click.option("--streams", type=click.IntRange(1, 16), help="Streams for rails (cuda).  [default: 4]")
    graphs = click.option("--no-graphs", is_flag=True, help="Without CUDA graphs (cuda).")
    own = click.option("--kernels", is_flag=True, help="Triton kernels, in a file beside the module (cuda).")
    return device(order(batch(dtype(streams(graphs(own(tuned(packed(uncertified(read))))))))))


def _weights_options(command: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(command)
    def read(
        *, weights: Path | None, entry: str, decisions: Decisions, against: str | None, arguments: tuple[str, ...],
        **others: Any,
    ) -> None:  # fmt: skip
        if weights is None and (entry or decisions != type(decisions)() or against or arguments):
            raise click.UsageError("what is said about a checkpoint needs --weights CHECKPOINT")
        checkpoint.check_against(against, arguments)
        if weights is not None:
            checkpoint.needs("torch", "torch", "computing weights")
            checkpoint.needs("safetensors", "weights", "writing weights")
        given = _Weights(weights, entry, decisions, against, arguments) if weights else None
        command(weights=given, **others)

    file = click.option(
        "--weights", type=click.Path(path_type=Path), metavar="CHECKPOINT", help="Write its weights beside the module."
    )
    return file(checkpoint.reading_options(checkpoint.against_options(read)))


@click.command("deploy")
@click.argument("spec")
@_weights_options
@click.option(
    "-o", "--output", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("deployed"),
    show_default=True, metavar="DIR", help="Where to write.",
)  # fmt: skip
@click.option(
    "--check",
    "only_check",
    is_flag=True,
    help="Write nothing; fail unless the module is current, and with --weights its weights.",
)
@click.option("--force", is_flag=True, help="Overwrite a file that was edited or made by somebody else.")
@_rewriting_options
@set_option
@limit_option
@params_option
@root_option
@format_option
def command(
    spec: str, weights: _Weights | None, folder: Path, only_check: bool, force: bool, how: _Rewriting,
    settings: dict[str, Any], max_steps: int, max_params: int, root: Path | None, form: Format,
) -> None:  # fmt: skip
    """Write the module of SPEC to deploy, DIR/NAME.py, and its weights, DIR/NAME.safetensors.

    The module is rewritten: heads and batch norms are gone. It is written only if it is certified: equal to the
    training module in a prime field, and in float64 to 1e-10, with random weights at several sizes. That needs PyTorch.
    What could not be compared, for an op of another package says too little of itself, is told here and in its head.

    The weights come from CHECKPOINT, one of the training module, under its names or others; it may have auxiliary heads
    or not. Without --weights, `from_training(state_dict)` of the module computes them.
    """
    if folder.suffix == ".py":
        raise click.UsageError(f"-o names a folder, for the module is not alone in it: -o {folder.with_suffix('')}")
    warnings: tuple[Diagnostic, ...] = ()
    try:
        source, net = source_and_net(spec)
        training = compile_net(source, net, settings, max_steps, root, max_params)
        warnings = training.warnings
        typed = shlex.join([*_command(spec, folder, how, settings), *limit_words(root, max_steps, max_params)])
        done = replace(_deployed(training, how), options=tuple(map(shlex.quote, how.words)), typed=typed)
        path = folder / f"{module_name(source.name, net)}.py"
        if only_check:
            for name, text in {path.name: done.text, **_beside(done)}.items():
                output.check(folder / name, text, typed)
            message = f"{path} is current"
            if weights:
                wanted, _ = _computed(training, done, weights, path, force=True)
                checkpoint.check_deployed(path.with_suffix(".safetensors"), wanted, f"{typed} --weights {weights.path}")
                message = f"{path} and its weights are current"
        else:
            state, told = _computed(training, done, weights, path, force) if weights else (None, ())
            changed = output.write(path, done.text, force=force)
            for name, text in _beside(done).items():
                (folder / name).parent.mkdir(exist_ok=True)
                replace_text(folder / name, text)
            if state is not None:
                checkpoint.write_deployed(path.with_suffix(".safetensors"), state)
            for line in told:
                tell(line, form)
            message = f"{spec} -> {path}  ({described(done)}{'' if changed else '; unchanged'})"
    except CompileError as error:
        fail(error, form, warnings)
    show(warnings, form)
    tell("; ".join((message, *done.unchecked)), form)


def _beside(done: Compilation) -> dict[str, str]:
    """Files that the module imports, by their names."""
    if isinstance(done.form, Gpu):
        return {f"{gpu_form.KERNELS}.py": gpu_form.kernels()} if done.form.kernels else {}
    uses = f"from {cpu_form.KERNEL} import " in done.text
    return cpu_form.kernel() if uses else {}


def _command(spec: str, folder: Path, how: _Rewriting, settings: dict[str, Any]) -> list[str]:
    """The command that makes the module current."""
    return ["incdsl", "deploy", spec, "-o", str(folder), *how.words, *set_words(settings)]


def _computed(
    training: Compilation, done: Compilation, given: _Weights, module: Path, force: bool
) -> tuple[Mapping[str, Any], list[str]]:
    """The state_dict of the deployed module from a checkpoint, and what is to be told of it.

    Raises:
        CompileError: if the checkpoint does not fit, or the file is not one that this command wrote.
    """
    target = module.with_suffix(".safetensors")
    checkpoint.not_read(target, {"checkpoint": given.path})
    from incdsl.runtime.checkpoint import is_deployed
    from incdsl.runtime.deploy import filled
    from incdsl.runtime.pretrained import Given, compared, weights
    from incdsl.weights.report import fresh_layers

    if target.exists() and not force and not is_deployed(target):
        raise CompileError((EditedByHand(span=None, file=str(target), generated=False),))
    model = checkpoint.model(given.against, given.arguments) if given.against else None
    decisions = replace(given.decisions, heads="unneeded")
    found = weights(training, Given(given.path, given.entry, decisions, model))
    told = [f"{given.path.name}: {note}" for note in found.notes]
    told += fresh_layers({pair.key: pair.origin for pair in found.found.pairs})
    told += compared(training, found, model)
    state = filled(done, found.state).state_dict()
    return state, [*told, f"{given.path} -> {target}  ({len(state)} tensors)"]


def _deployed(training: Compilation, how: _Rewriting) -> Compilation:
    """The compilation of the module that is deployed; it ends the command where the certificate fails."""
    tuned = _tuned(training, how.tuned) if how.tuned else _Tuned()
    also = tuned.also | ({"PackConvs"} if how.packed else set())
    form = how.form or tuned.form
    if how.uncertified:
        return replace(for_inference(training, tuned.without, also, form), tuning=tuned.words)
    if importlib.util.find_spec("torch") is None:
        raise click.UsageError("the certificate needs PyTorch: pip install 'incdsl[torch]', or say --uncertified")
    from incdsl.runtime.deploy import NotCertified, certified

    try:
        return replace(certified(training, tuned.without, also, form), tuning=tuned.words)
    except NotCertified as error:
        tell(f"not written, for a rewrite went wrong, which is a bug in incdsl: {error}", "github")
        sys.exit(1)


@dataclass(frozen=True)
class _Tuned:
    """What a record of `tune` found to be fastest."""

    without: frozenset[str] = frozenset()
    also: frozenset[str] = frozenset()
    form: Form | None = None
    words: str = ""
    """What the module says of it."""


def _tuned(done: Compilation, path: Path) -> _Tuned:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        best = document["choices"][0]
        without, also = (frozenset(map(str, best[name])) for name in ("without", "also"))
        if not without | also <= {rule.name for rule in rules("inference")}:
            raise ValueError  # noqa: TRY301
        setting = f"{document['processor']}, batch {int(document['batch'])}, {document['dtype']}"
        layout = "channels_last" if best["channels_last"] else "contiguous"
        way = "under torch.compile with freezing" if best["compiled"] else "eagerly"
        form = _tuned_form(best, also, document)
        is_of_net = document["net"] == done.net.name and document["keys"] == done.cost.keys
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError):
        raise click.UsageError(f"{path} was not written by `incdsl tune`") from None
    if not is_of_net:
        raise click.UsageError(f"{path} was measured on another net, {document['net']}")
    if form and not _are_of(done, form):
        raise click.UsageError(f"{path} was measured when layers had other names, or kernels: run `incdsl tune` again")
    if isinstance(form, Gpu):
        way = f"{way} in CUDA graphs" if best["compiled"] else f"as CUDA graphs, {form.streams} streams"
    added = f", with {' and '.join(sorted(also))}" if also else ""
    left_out = f", without {' and '.join(sorted(without))}" if without else ""
    return _Tuned(without, also, form, f"tuned for {setting}: {layout}, {way}{added}{left_out}")


def _are_of(done: Compilation, form: Form) -> bool:
    """Whether all layers whose ways were measured are there, with kernels that the schemes are for."""
    if not form.ways:
        return True
    nodes = {node.path: node.op for node in measurable(done, replace(form, ways=())).net.graph}
    taps = {scheme.name: scheme.taps for scheme in schemes(higher_order=True)}

    def fits(path: str, way: str) -> bool:
        kernel = tuple(map(int, vars(nodes[path]).get("kernel", ()))) if path in nodes else ()
        return bool(kernel) and taps.get(head_of(way), kernel) == kernel

    return all(fits(path, way) for path, way in form.ways)


def _tuned_form(best: Mapping[str, Any], also: frozenset[str], document: Mapping[str, Any]) -> Form | None:
    """The form of the fastest choice.

    Raises:
        ValueError, KeyError, TypeError: if `tune` has not written this.
    """
    streams, dtype = int(best["streams"]), _TUNED_TYPES[document["dtype"]]
    if UseWinograd.__name__ in also:
        return Cpu(ways=_tuned_ways(document, is_cpu_way))
    kernels = UseKernels.__name__ in also
    ways = _tuned_ways(document, is_gpu_way) if kernels else ()
    return Gpu(dtype, streams, kernels=kernels, ways=ways) if streams else None


def _tuned_ways(document: Mapping[str, Any], known: Callable[[object], bool]) -> tuple[tuple[str, str], ...]:
    """How layers were measured to be fastest, if these are ways that there are."""
    ways = document.get("ways", {})
    if not all(map(known, ways.values())):
        raise ValueError("a layer has no such way")
    return tuple(ways.items())


_TUNED_TYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}

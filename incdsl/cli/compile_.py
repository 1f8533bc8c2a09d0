"""`incdsl compile`."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from incdsl.cli.options import (
    fail,
    format_option,
    limit_option,
    params_option,
    root_option,
    set_option,
    show,
    source_and_net,
    tell,
)
from incdsl.codegen import output
from incdsl.compiler import Compilation, compile_net, for_inference, in_giga, literal
from incdsl.diagnostics import CompileError, Diagnostic
from incdsl.diagnostics.render import Format
from incdsl.passes.levels import rules


@click.command("compile")
@click.argument("spec")
@click.option("-o", "--output", "target", metavar="FILE", help="Where to write; `-` for standard output.")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; fail unless the file is current.")
@click.option("--force", is_flag=True, help="Overwrite a file that was edited by hand.")
@click.option("--inference", is_flag=True, help="Rewrite the net for inference, and prove that it is the same.")
@click.option(
    "--tuned", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --inference: a record of `tune`.",
)  # fmt: skip
@click.option("--packed", is_flag=True, help="With --inference: convolution and ReLU as one call of oneDNN (CPU).")
@click.option("--uncertified", is_flag=True, help="With --inference: write the module without the proof.")
@set_option
@limit_option
@params_option
@root_option
@format_option
def command(
    spec: str, target: str | None, only_check: bool, force: bool, inference: bool, tuned: Path | None,
    packed: bool, uncertified: bool, settings: dict[str, Any], max_steps: int, max_params: int, root: Path | None,
    form: Format,
) -> None:  # fmt: skip
    """Write the PyTorch module of SPEC, by default to generated/NAME.py.

    With --inference it is the module to deploy: rewritten, heads and batch norms gone; `from_training(state_dict)`
    computes its weights from a checkpoint of the training module. It is written only if it is certified: equal to the
    training module in a prime field, and in float64 to 1e-10, with random weights at several sizes. That needs PyTorch.
    What could not be compared, for an op of another package says too little of itself, is told here and in its head.
    """
    warnings: tuple[Diagnostic, ...] = ()
    aside = target == "-"
    if not inference and (tuned or packed or uncertified):
        raise click.UsageError("--tuned, --packed and --uncertified are about --inference")
    try:
        source, net = source_and_net(spec)
        done = compile_net(source, net, settings, max_steps, root, max_params)
        warnings = done.warnings
        if inference:
            options = [*(["--packed"] if packed else []), *(["--tuned", str(tuned)] if tuned else [])]
            options += ["--uncertified"] if uncertified else []
            done = replace(_deployed(done, tuned, packed, uncertified), options=tuple(map(shlex.quote, options)))
        text = done.text
        if aside:
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode())
            show(warnings, form, beside=True)
            return
        path = Path(target) if target else default_target(source.name, net, "_inference" if inference else "")
        if only_check:
            output.check(path, text, _command(spec, target, settings, done))
            message = f"{path} is current"
        else:
            changed = output.write(path, text, force=force)
            message = f"{spec} -> {path}  ({described(done)}{'' if changed else '; unchanged'})"
        message = "; ".join((message, *done.unchecked))
    except CompileError as error:
        fail(error, form, warnings, beside=aside)
    show(warnings, form)
    tell(message, form)


def _command(spec: str, target: str | None, settings: dict[str, Any], done: Compilation) -> str:
    """The command that makes the file current, for a shell."""
    words = [*(["-o", target] if target else [])]
    for name, value in settings.items():
        words += ["--set", f"{name}={literal(value)}"]
    inference = ["--inference", *done.options] if done.net.level == "inference" else []
    return " ".join(["incdsl compile", shlex.quote(spec), *inference, *map(shlex.quote, words)])


def _deployed(training: Compilation, tuned: Path | None, packed: bool, uncertified: bool) -> Compilation:
    """The compilation of the module that is deployed; it ends the command where the certificate fails."""
    without, also, words = _tuned(training, tuned) if tuned else (frozenset[str](), frozenset[str](), "")
    also |= {"PackConvs"} if packed else set()
    if uncertified:
        return replace(for_inference(training, without, also), tuning=words)
    if importlib.util.find_spec("torch") is None:
        raise click.UsageError("the certificate needs PyTorch: pip install 'incdsl[torch]', or say --uncertified")
    from incdsl.runtime.deploy import NotCertified, certified

    try:
        return replace(certified(training, without, also), tuning=words)
    except NotCertified as error:
        tell(f"not written, for a rewrite went wrong, which is a bug in incdsl: {error}", "github")
        sys.exit(1)


def _tuned(done: Compilation, path: Path) -> tuple[frozenset[str], frozenset[str], str]:
    """The rules that a record of `tune` leaves out, those that it adds, and what the module says of it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        best = document["choices"][0]
        without, also = (frozenset(map(str, best[name])) for name in ("without", "also"))
        if not without | also <= {rule.name for rule in rules("inference")}:
            raise ValueError  # noqa: TRY301
        setting = f"{document['processor']}, batch {int(document['batch'])}, {document['dtype']}"
        layout = "channels_last" if best["channels_last"] else "contiguous"
        way = "under torch.compile with freezing" if best["compiled"] else "eagerly"
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        raise click.UsageError(f"{path} was not written by `incdsl tune`") from None
    if document["net"] != done.net.name or document["keys"] != done.cost.keys:
        raise click.UsageError(f"{path} was measured on another net, {document['net']}")
    added = f", with {' and '.join(sorted(also))}" if also else ""
    left_out = f", without {' and '.join(sorted(without))}" if without else ""
    return without, also, f"tuned for {setting}: {layout}, {way}{added}{left_out}"


def default_target(name: str, net: str | None, suffix: str = "") -> Path:
    """`generated/v3.py` for specs/v3.inc, `generated/v3_small.py` for one net of several."""
    stem = "".join(c if c.isalnum() or c == "_" else "_" for c in Path(name).stem if c.isascii()) or "net"
    return Path("generated") / f"{stem}{f'_{net}' if net else ''}{suffix}.py"


def described(done: Compilation) -> str:
    """The net in a few words."""
    parts = [done.net.name, f"{done.cost.params:,} parameters"]
    if done.cost.macs is not None:
        parts.append(f"{in_giga(done.cost.macs)} GMACs")
    return ", ".join(parts)

"""`incdsl weights`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from incdsl.cli import checkpoint
from incdsl.cli.options import fail, format_option, limit_option, root_option, set_option, show, source_and_net, tell
from incdsl.compiler import Compilation, compile_net
from incdsl.diagnostics import CompileError
from incdsl.diagnostics.render import Format

if TYPE_CHECKING:
    from incdsl.weights.decisions import Decisions

_WRITTEN = (".safetensors", ".pt", ".pth")
_CHECKPOINTS = (*_WRITTEN, ".npz", ".ckpt", ".bin", ".tar")


@click.group("weights")
def command() -> None:
    """Give a net the weights of a checkpoint with other names: map them, review the map, convert.

    A checkpoint is a safetensors file, an archive of numpy arrays or a PyTorch checkpoint, whatever its suffix. Pickles
    are never run.
    """


def _spec_argument(function: Callable[..., None]) -> Callable[..., None]:
    for decorate in (
        click.argument("spec"),
        click.option("--from", "source", required=True, type=click.Path(path_type=Path), metavar="CHECKPOINT"),
        click.option("--force", is_flag=True, help="Overwrite the output."),
        set_option, limit_option, root_option, format_option,
    ):  # fmt: skip
        function = decorate(function)
    return function


@command.command("map")
@_spec_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="MAP", help="Write the map, a TOML file.")
@click.option("--without-aux", is_flag=True, help="Leave the net's auxiliary heads out.")
@checkpoint.reading_options
def map_command(
    spec: str, source: Path, output: Path | None, force: bool, without_aux: bool, entry: str, decisions: Decisions,
    settings: dict[str, Any], max_steps: int, root: Path | None, form: Format,
) -> None:  # fmt: skip
    """Find which entry of CHECKPOINT is which tensor of SPEC, and say why; whatever is ambiguous is refused."""
    from incdsl.weights.mapping import as_toml
    from incdsl.weights.match import correspond
    from incdsl.weights.report import padded_alike, table
    from incdsl.writing import replace_text

    if output is not None and output.suffix.lower() in _CHECKPOINTS:
        raise click.UsageError(f"{output.name} ends like a checkpoint, but a map is a .toml file")
    _writable(output, force, {"checkpoint": source, "spec": _file_of(spec)})
    try:
        done = _compiled(spec, settings, max_steps, root, form)
        known = checkpoint.header(source, entry, form)
        found = correspond(done.net, known, replace(decisions, heads="none" if without_aux else "all"))
        if output:
            replace_text(output, as_toml(found, Path(done.source.name).name, done.net, done.cost, known))
    except CompileError as error:
        fail(error, form)
    for line in (*table(found), *padded_alike(found, done.net)):
        tell(line, form)
    if output:
        tell(f"{source.name} -> {output}  (for `incdsl weights convert`)", form)


@command.command("convert")
@_spec_argument
@click.option("--map", "map_file", required=True, type=click.Path(path_type=Path), metavar="MAP")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="A .safetensors or .pt file.")
@checkpoint.against_options
def convert_command(
    spec: str, source: Path, map_file: Path, output: Path, force: bool, against: str | None,
    arguments: tuple[str, ...], settings: dict[str, Any], max_steps: int, root: Path | None, form: Format,
) -> None:  # fmt: skip
    """Apply MAP to CHECKPOINT, load the result into the module of SPEC, and write it.

    Layers that the map calls fresh are written as the module initializes them.
    """
    if output.suffix not in _WRITTEN:
        raise click.UsageError(f"{output.name} ends neither in .safetensors nor in .pt")
    checkpoint.check_against(against, arguments)
    _writable(output, force, {"checkpoint": source, "map": map_file, "spec": _file_of(spec)})
    checkpoint.needs("torch", "torch", "convert runs the module, which")
    if output.suffix == ".safetensors":
        checkpoint.needs("safetensors", "weights", f"writing {output.name}")
    from incdsl.weights import mapping
    from incdsl.weights.report import fresh_layers

    try:
        done = _compiled(spec, settings, max_steps, root, form)
        found = mapping.read(map_file)
        known = checkpoint.header(source, found.entry, form)
        wanted = mapping.check(found, done.net, done.cost, known)
        from incdsl.runtime import checkpoint as files
        from incdsl.runtime.convert import compare, loaded, refuse_fresh
        from incdsl.runtime.pretrained import initial

        entries = files.tensors(source, known)
        state = files.rearranged(entries, found.origins, wanted, initial(done, found.origins), known.name)
        net = loaded(done, state, aux=found.aux, exact=True)
        told = list(fresh_layers(found.origins))
        if against:
            refuse_fresh(against, found.origins)
            told += compare(done, net, checkpoint.model(against, arguments), against, entries)
        files.write(output, state)
    except CompileError as error:
        fail(error, form)
    for line in told:
        tell(line, form)
    tell(f"{source.name} -> {output}  ({len(state)} tensors, loaded with strict=True)", form)


def _compiled(spec: str, settings: dict[str, Any], max_steps: int, root: Path | None, form: Format) -> Compilation:
    source, net = source_and_net(spec)
    done = compile_net(source, net, settings, max_steps, root)
    if done.warnings:
        show(done.warnings, form)
    return done


def _file_of(spec: str) -> Path:
    return Path(spec.partition("::")[0])


def _writable(output: Path | None, force: bool, inputs: dict[str, Path]) -> None:
    """Refuse an output that is there, and one that is read: also by a link, or under another spelling of its path."""
    if output is not None:
        checkpoint.not_read(output, inputs)
    if output is not None and output.exists() and not force:
        raise click.UsageError(f"{output} exists; --force overwrites it")

"""`incdsl weights`."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from incdsl.cli.options import fail, format_option, limit_option, root_option, set_option, show, source_and_net, tell
from incdsl.compiler import Compilation, compile_net
from incdsl.diagnostics import CompileError
from incdsl.diagnostics.render import Format

if TYPE_CHECKING:
    from incdsl.weights.checkpoint import Checkpoint

_PYTORCH = (".pt", ".pth")
_FORMATS = ".safetensors, .npz, .pt, .pth"


@click.group("weights")
def command() -> None:
    """Give a net the weights of a checkpoint with other names: map them, review the map, convert.

    A checkpoint is a .safetensors, .npz, .pt or .pth file. Pickles are never run.
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
@click.option("--ignore", multiple=True, metavar="PATTERN", help="Entries to leave out, such as 'AuxLogits*'.")
@click.option(
    "--entry", default="", metavar="NAME", help="Which state_dict of a training checkpoint: `state_dict_ema`."
)
@click.option("--rails-in-order", is_flag=True, help="Assume that numbers of rails follow the order in the spec.")
def map_command(
    spec: str, source: Path, output: Path | None, force: bool, without_aux: bool, ignore: tuple[str, ...],
    entry: str, rails_in_order: bool, settings: dict[str, Any], max_steps: int, root: Path | None, form: Format,
) -> None:  # fmt: skip
    """Find which entry of CHECKPOINT is which tensor of SPEC, and say why; whatever is ambiguous is refused."""
    from incdsl.weights.mapping import as_toml
    from incdsl.weights.match import correspond
    from incdsl.weights.report import table
    from incdsl.writing import replace_text

    if output is not None and output.suffix.lower() in (*_PYTORCH, ".safetensors", ".npz"):
        raise click.UsageError(f"{output.name} ends like a checkpoint, but a map is a .toml file")
    _writable(output, force, {"checkpoint": source, "spec": _file_of(spec)})
    try:
        done = _compiled(spec, settings, max_steps, root, form)
        checkpoint = _header(source, entry, form)
        found = correspond(
            done.net, checkpoint, without_aux=without_aux, ignore=ignore, rails_in_order=rails_in_order
        )  # fmt: skip
        if output:
            text = as_toml(found, Path(done.source.name).name, done.net, done.cost, checkpoint)
            replace_text(output, text)
    except CompileError as error:
        fail(error, form)
    for line in table(found):
        tell(line, form)
    if output:
        tell(f"{source.name} -> {output}  (for `incdsl weights convert`)", form)


@command.command("convert")
@_spec_argument
@click.option("--map", "map_file", required=True, type=click.Path(path_type=Path), metavar="MAP")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="A .safetensors or .pt file.")
@click.option("--against", metavar="MODULE:CALLABLE", help="Import and build the source model; compare its outputs.")
@click.option("--with", "arguments", multiple=True, metavar="NAME=VALUE", help="An argument of the source model.")
def convert_command(
    spec: str, source: Path, map_file: Path, output: Path, force: bool, against: str | None,
    arguments: tuple[str, ...], settings: dict[str, Any], max_steps: int, root: Path | None, form: Format,
) -> None:  # fmt: skip
    """Apply MAP to CHECKPOINT, load the result into the module of SPEC, and write it."""
    if output.suffix not in (".safetensors", ".pt", ".pth"):
        raise click.UsageError(f"{output.name} ends neither in .safetensors nor in .pt")
    if against is not None and ":" not in against:
        raise click.UsageError("write --against MODULE:CALLABLE, such as torchvision.models:inception_v3")
    given = dict(map(_argument, arguments))
    _writable(output, force, {"checkpoint": source, "map": map_file, "spec": _file_of(spec)})
    _needs("torch", "convert runs the module and needs PyTorch: pip install 'incdsl[torch]'")
    if output.suffix == ".safetensors":
        _needs_safetensors()
    from incdsl.weights import mapping

    try:
        done = _compiled(spec, settings, max_steps, root, form)
        found = mapping.read(map_file)
        checkpoint = _header(source, found.entry, form)
        wanted = mapping.check(found, done.net, done.cost, checkpoint)
        from incdsl.runtime.checkpoint import rearranged, tensors, write
        from incdsl.runtime.convert import compare, loaded

        entries = tensors(source, checkpoint)
        state = rearranged(entries, found.origins, wanted, checkpoint.name)
        net = loaded(done, state, aux=found.aux)
        told = compare(done, net, against, given, entries) if against else []
        write(output, state)
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


def _header(path: Path, entry: str, form: Format) -> Checkpoint:
    """Names and shapes of a checkpoint; what was unwrapped is told."""
    from incdsl.weights.checkpoint import HEADERS

    if path.suffix in HEADERS and entry:
        raise click.UsageError(f"{path.name} holds one state_dict; --entry is for {' and '.join(_PYTORCH)} files")
    read: Callable[[Path], Checkpoint]
    if path.suffix in _PYTORCH:
        _needs("torch", f"{path.name} is PyTorch's format and needs it: pip install 'incdsl[torch]'")
        from incdsl.runtime.checkpoint import pytorch_header

        read = partial(pytorch_header, entry=entry)
    elif path.suffix in HEADERS:
        if path.suffix == ".safetensors":
            _needs_safetensors()
        else:
            _needs("numpy", f"{path.name} is numpy's format and needs it: pip install 'incdsl[weights]'")
        read = HEADERS[path.suffix]
    else:
        raise click.UsageError(f"{path.name} is none of {_FORMATS}")
    checkpoint = read(path)
    for note in checkpoint.notes:
        tell(f"{path.name}: {note}", form)
    return checkpoint


def _needs_safetensors() -> None:
    _needs("safetensors", "safetensors files need that package: pip install 'incdsl[weights]'")


def _needs(package: str, message: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise click.UsageError(message)


def _file_of(spec: str) -> Path:
    return Path(spec.partition("::")[0])


def _writable(output: Path | None, force: bool, inputs: dict[str, Path]) -> None:
    """Refuse an output that is there, and one that is read: also by a link, or under another spelling of its path."""
    for what, path in inputs.items():
        if output is not None and _same_file(output, path):
            raise click.UsageError(f"{output} is the {what} that is read; write to another file")
    if output is not None and output.exists() and not force:
        raise click.UsageError(f"{output} exists; --force overwrites it")


def _same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:  # one of them does not exist
        return os.path.realpath(first) == os.path.realpath(second)


def _argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.UsageError(f"write --with NAME=VALUE, not {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value

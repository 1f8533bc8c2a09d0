"""What the commands share that read a checkpoint: its format, and what the user decides about it."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from incdsl.cli.options import tell
from incdsl.diagnostics.render import Format

if TYPE_CHECKING:
    from incdsl.weights.checkpoint import Checkpoint

_PACKAGES = {"safetensors": ("safetensors", "weights"), "numpy": ("numpy", "weights"), "pytorch": ("torch", "torch")}
"""What each format needs, and the extra that installs it."""


def reading_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--entry`, and as `decisions` what `--ignore`, `--fresh`, `--same` and `--rails-in-order` say."""

    @functools.wraps(command)
    def read(
        *, ignore: tuple[str, ...], fresh: tuple[str, ...], same: tuple[str, ...], rails_in_order: bool, **others: Any
    ) -> None:
        from incdsl.weights.decisions import Decisions

        command(decisions=Decisions(ignore, fresh, tuple(map(_same, same)), rails_in_order), **others)

    options = (
        click.option(
            "--entry", default="", metavar="NAME", help="Which state_dict of a training checkpoint: `state_dict_ema`."
        ),
        click.option("--ignore", multiple=True, metavar="PATTERN", help="Entries to leave out, such as 'AuxLogits*'."),
        click.option(
            "--fresh", multiple=True, metavar="LAYER",
            help="Layers or blocks of the net to leave as they are initialized, such as 'fc'.",
        ),
        click.option(
            "--same", multiple=True, metavar="ENTRY=LAYER", help="What something in the checkpoint is in the net."
        ),
        click.option(
            "--rails-in-order", is_flag=True, help="Assume that numbers of rails follow the order in the spec."
        ),
    )  # fmt: skip
    decorated: Callable[..., None] = read
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


def _same(text: str) -> tuple[str, str]:
    entry, _, layer = text.rpartition("=")
    if not entry or not layer:
        raise click.UsageError(f"write --same ENTRY=LAYER, not {text!r}")
    return entry, layer


def against_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--against` and its `--with`."""
    built = click.option(
        "--against", metavar="MODULE:CALLABLE", help="Import and build the source model; compare its outputs."
    )
    given = click.option(
        "--with", "arguments", multiple=True, metavar="NAME=VALUE", help="An argument of the source model."
    )
    return built(given(command))


def header(path: Path, entry: str, form: Format) -> Checkpoint:
    """Names and shapes of a checkpoint; what was unwrapped is told."""
    from incdsl.weights.checkpoint import HEADERS, format_of

    kind = format_of(path)
    needs(*_PACKAGES[kind], f"reading {path.name}")
    if kind == "pytorch":
        from incdsl.runtime.checkpoint import pytorch_header

        checkpoint = pytorch_header(path, entry)
    elif entry:
        raise click.UsageError(f"{path.name} holds one state_dict; --entry is for PyTorch's training checkpoints")
    else:
        checkpoint = HEADERS[kind](path)
    for note in checkpoint.notes:
        tell(f"{path.name}: {note}", form)
    return checkpoint


def needs(package: str, extra: str, what: str) -> None:
    """End the command if a package is not installed, which an extra would install."""
    if importlib.util.find_spec(package) is None:
        raise click.UsageError(f"{what} needs {package}: pip install 'incdsl[{extra}]'")


def model(against: str, arguments: tuple[str, ...]) -> Any:
    """The source model, an nn.Module, that `--against` and `--with` describe. Building it runs its module.

    Raises:
        CompileError: if it cannot be built.
    """
    from incdsl.runtime.convert import source_model

    return source_model(against, dict(map(_argument, arguments)))


def check_against(against: str | None, arguments: tuple[str, ...]) -> None:
    """End the command if they are not written as they are meant to be."""
    if against is not None and ":" not in against:
        raise click.UsageError("write --against MODULE:CALLABLE, such as torchvision.models:inception_v3")
    for text in arguments:
        _argument(text)


def _argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.UsageError(f"write --with NAME=VALUE, not {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def write_deployed(target: Path, state: Mapping[str, Any]) -> None:
    """Put deployed weights on disk. Raises `CompileError`."""
    from incdsl.runtime.checkpoint import write

    write(target, state, deployed=True)


def check_deployed(target: Path, state: Mapping[str, Any], command: str) -> None:
    """Complain, as `CompileError`, unless a file holds these weights."""
    from incdsl.diagnostics import CompileError
    from incdsl.diagnostics.output import OutOfDate
    from incdsl.runtime.checkpoint import holds

    if not holds(target, state):
        raise CompileError((OutOfDate(span=None, file=str(target), exists=target.exists(), command=command),))


def not_read(output: Path, inputs: Mapping[str, Path]) -> None:
    """End the command if an output is a file that is read, also by a link, or under another spelling of its path."""
    for what, path in inputs.items():
        if _same_file(output, path):
            raise click.UsageError(f"{output} is the {what} that is read; write to another file")


def _same_file(first: Path, second: Path) -> bool:
    try:
        return first.samefile(second)
    except OSError:  # one of them does not exist
        return os.path.realpath(first) == os.path.realpath(second)

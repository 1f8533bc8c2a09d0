"""`incdsl compile`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

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
from incdsl.codegen import output
from incdsl.compiler import Compilation, compile_net, in_macs, literal
from incdsl.diagnostics import CompileError, Diagnostic
from incdsl.diagnostics.render import Format


@click.command("compile")
@click.argument("spec")
@click.option("-o", "--output", "target", metavar="FILE", help="Where to write; `-` for standard output.")
@click.option("--check", "only_check", is_flag=True, help="Write nothing; fail unless the file is current.")
@click.option("--force", is_flag=True, help="Overwrite a file that was edited by hand.")
@set_option
@limit_option
@params_option
@root_option
@format_option
def command(
    spec: str, target: str | None, only_check: bool, force: bool, settings: dict[str, Any], max_steps: int,
    max_params: int, root: Path | None, form: Format,
) -> None:  # fmt: skip
    """Write the PyTorch module of SPEC, by default to generated/NAME.py. `incdsl deploy` writes the one to deploy."""
    warnings: tuple[Diagnostic, ...] = ()
    aside = target == "-"
    try:
        source, net = source_and_net(spec)
        done = compile_net(source, net, settings, max_steps, root, max_params)
        warnings = done.warnings
        typed = typed_command(spec, target, settings, limit_words(root, max_steps, max_params))
        text = replace(done, typed=typed).text
        if aside:
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode())
            show(warnings, form, beside=True)
            return
        path = Path(target) if target else default_target(source.name, net)
        if only_check:
            output.check(path, text, typed)
            message = f"{path} is current"
        else:
            changed = output.write(path, text, force=force)
            message = f"{spec} -> {path}  ({described(done)}{'' if changed else '; unchanged'})"
    except CompileError as error:
        fail(error, form, warnings, beside=aside)
    show(warnings, form)
    tell(message, form)


def typed_command(spec: str, target: str | None, settings: Mapping[str, Any], limits: list[str]) -> str:
    """The command that was typed, for a shell, but for what it did about a file that was there."""
    words = ["compile", spec, *(["-o", target] if target else [])]
    return shlex.join(["incdsl", *words, *limits, *set_words(settings)])


def set_words(settings: Mapping[str, Any]) -> list[str]:
    """The words of a command that give parameters of the net these values."""
    return [word for name, value in settings.items() for word in ("--set", f"{name}={literal(value)}")]


def default_target(name: str, net: str | None) -> Path:
    """`generated/v3.py` for specs/v3.inc, `generated/v3_small.py` for one net of several."""
    return Path("generated") / f"{module_name(name, net)}.py"


def module_name(name: str, net: str | None) -> str:
    """The name of a module that is made of a spec, an identifier."""
    stem = "".join(c if c.isalnum() or c == "_" else "_" for c in Path(name).stem if c.isascii()) or "net"
    return f"{stem}{f'_{net}' if net else ''}"


def described(done: Compilation) -> str:
    """The net in a few words."""
    parts = [done.net.name, f"{done.cost.params:,} parameters"]
    if done.cost.macs is not None:
        parts.append(in_macs(done.cost.macs))
    return ", ".join(parts)

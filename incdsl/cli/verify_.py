"""`incdsl verify`."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import click

from incdsl.cli.options import colourful, fail, limit_option, set_option, show, source_and_net
from incdsl.compiler import compile_net
from incdsl.diagnostics import CompileError


@click.command("verify")
@click.argument("spec")
@set_option
@limit_option
def command(spec: str, settings: dict[str, Any], max_steps: int) -> None:
    """Import the module of SPEC, run it at legal sizes, trace, export and compile it. Needs torch."""
    if importlib.util.find_spec("torch") is None:
        raise click.UsageError("verify runs the module and needs PyTorch: pip install 'incdsl[torch]'")
    try:
        source, net = source_and_net(spec)
        done = compile_net(source, net, settings, max_steps)
    except CompileError as error:
        fail(error)
    show(done.warnings, "human")
    from incdsl.runtime.verify import verify

    failed = 0
    for check in verify(done):
        mark = click.style("ok  ", fg="green") if check.passed else click.style("FAIL", fg="red", bold=True)
        if not colourful(sys.stdout):
            mark = click.unstyle(mark)
        click.echo(f"{mark}  {check.name}: {check.detail}")
        failed += not check.passed
    if failed:
        click.echo(f"{failed} of the checks failed", err=True)
        sys.exit(1)

"""`incdsl verify`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import click

from incdsl.cli.options import (
    colourful,
    fail,
    limit_option,
    nets_of,
    params_option,
    root_option,
    set_option,
    show,
)
from incdsl.compiler import Compilation
from incdsl.diagnostics import CompileError


@click.command("verify")
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@set_option
@limit_option
@params_option
@root_option
def command(
    specs: tuple[str, ...], settings: dict[str, Any], max_steps: int, max_params: int, root: Path | None
) -> None:
    """Import the module of every net of each SPEC, run it at legal sizes, trace, export and compile it. Needs torch."""
    if importlib.util.find_spec("torch") is None:
        raise click.UsageError("verify runs the module and needs PyTorch: pip install 'incdsl[torch]'")
    failed = 0
    for spec in specs:
        try:
            found = nets_of(spec, settings, max_steps, root, max_params)
        except CompileError as error:
            fail(error)
        show([warning for done in found for warning in done.warnings], "human")
        failed += sum(_verified(done) for done in found)
    if failed:
        click.echo(f"{failed} of the checks failed", err=True)
        sys.exit(1)


def _verified(done: Compilation) -> int:
    """Write one line for each check of a net as soon as it is done; how many failed."""
    from incdsl.runtime.verify import CHECKS, verify

    width, failed = max(map(len, CHECKS)), 0
    click.echo(done.net.name)
    for check in verify(done):
        mark = click.style("ok  ", fg="green") if check.passed else click.style("FAIL", fg="red", bold=True)
        if not colourful(sys.stdout):
            mark = click.unstyle(mark)
        click.echo(f"  {mark}  {check.name:{width}}  {check.detail}")
        failed += not check.passed
    return failed

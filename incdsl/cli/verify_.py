"""`incdsl verify`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import click

from incdsl.cli.options import checked, colourful, limit_option, params_option, root_option, set_option


@click.command("verify")
@click.argument("spec")
@set_option
@limit_option
@params_option
@root_option
def command(spec: str, settings: dict[str, Any], max_steps: int, max_params: int, root: Path | None) -> None:
    """Import the module of SPEC, run it at legal sizes, trace, export and compile it. Needs torch."""
    if importlib.util.find_spec("torch") is None:
        raise click.UsageError("verify runs the module and needs PyTorch: pip install 'incdsl[torch]'")
    done = checked(spec, settings, max_steps, root, max_params)
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

"""`incdsl verify`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from incdsl.runtime.verdict import Verdict


@click.command("verify")
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@set_option
@limit_option
@params_option
@root_option
def command(
    specs: tuple[str, ...], settings: dict[str, Any], max_steps: int, max_params: int, root: Path | None
) -> None:
    """Import the module of every net of each SPEC, run it at legal sizes, trace, export and compile it. Needs torch.

    What could not be compared, for a package or an op's interpretation is missing, is `not checked`: it is no pass, and
    no failure. The command fails if a check fails.
    """
    if importlib.util.find_spec("torch") is None:
        raise click.UsageError("verify runs the module and needs PyTorch: pip install 'incdsl[torch]'")
    verdicts: list[Verdict] = []
    for spec in specs:
        try:
            found = nets_of(spec, settings, max_steps, root, max_params)
        except CompileError as error:
            fail(error)
        show([warning for done in found for warning in done.warnings], "human")
        for done in found:
            verdicts += _verified(done)
    from incdsl.runtime.verdict import counted

    click.echo(counted(verdicts))
    if "FAIL" in verdicts:
        sys.exit(1)


_COLOURS: dict[Verdict, dict[str, Any]] = {
    "ok": {"fg": "green"}, "not checked": {"fg": "yellow"}, "FAIL": {"fg": "red", "bold": True},
}  # fmt: skip


def _verified(done: Compilation) -> list[Verdict]:
    """Write one line for each check of a net as soon as it is done; what came of them."""
    from incdsl.runtime.verify import CHECKS, verify

    width, verdicts = max(map(len, CHECKS)), []
    click.echo(done.net.name)
    for check in verify(done):
        mark = f"{check.verdict:11}"
        if colourful(sys.stdout):
            mark = click.style(mark, **_COLOURS[check.verdict])
        click.echo(f"  {mark}  {check.name:{width}}  {check.detail}")
        verdicts.append(check.verdict)
    return verdicts

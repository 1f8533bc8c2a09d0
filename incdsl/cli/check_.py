"""`incdsl check`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from incdsl.analysis.batch import two_images
from incdsl.cli.options import (
    fail,
    format_option,
    limit_option,
    nets_of,
    params_option,
    root_option,
    set_option,
    show,
    tell,
)
from incdsl.compiler import Compilation, describe_sizes, in_macs
from incdsl.diagnostics import CompileError, Diagnostic
from incdsl.diagnostics.render import Format


@click.command("check")
@click.argument("specs", nargs=-1, required=True, metavar="SPEC...")
@set_option
@limit_option
@params_option
@root_option
@format_option
def command(
    specs: tuple[str, ...], settings: dict[str, Any], max_steps: int, max_params: int, root: Path | None, form: Format
) -> None:
    """Check every net of each SPEC."""
    problems: list[Diagnostic] = []
    for spec in specs:
        try:
            done = nets_of(spec, settings, max_steps, root, max_params)
        except CompileError as error:
            problems.extend(error.diagnostics)
            continue
        problems.extend(warning for each in done for warning in each.warnings)
        if form == "human":
            _report(spec, done)
    if any(d.severity == "error" for d in problems):
        fail(CompileError(tuple(problems)), form)
    show(problems, form)
    sys.exit(0)


def _report(spec: str, done: list[Compilation]) -> None:
    if not done:
        tell(f"{spec}: no net, nothing to check but the syntax")
    for each in done:
        compute = f", {in_macs(each.cost.macs)}" if each.cost.macs is not None else ""
        axes = list(each.net.conditions.nominal)
        sizes = f"; {describe_sizes(each, axes)}" if axes else ""
        nominal = each.net.conditions.nominal
        alone = two_images(tuple([lone for lone in each.lone_norms if lone.at(nominal)]))
        batch = f"; {alone}" if alone else ""
        tell(f"{spec}: {each.net.name} ok, {each.cost.params:,} parameters{compute}{sizes}{batch}")

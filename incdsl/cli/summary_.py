"""`incdsl summary`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from incdsl.analysis.table import By
from incdsl.cli.options import (
    TableForm,
    limit_option,
    params_option,
    root_option,
    set_option,
    spec_source,
    subject_of,
    table_format_option,
    write_table,
)
from incdsl.subject import Asked
from incdsl.tables.summary import Summary


@click.command("summary")
@click.argument("spec")
@click.option(
    "--by", type=click.Choice(["block", "layer", "op"]), default="block", show_default=True, help="What a row is."
)
@table_format_option
@set_option
@limit_option
@params_option
@root_option
def command(
    spec: str, by: By, form: TableForm, settings: dict[str, Any], max_steps: int, max_params: int, root: Path | None
) -> None:
    """Show what each part of SPEC costs, at its nominal size and batch 1.

    SPEC is also SPEC::NET, with values and another size: 'specs/v3.inc::InceptionV3(classes: 10)@[3, 151, 151]'; or
    steps on an input: 'specs/v3.inc::InceptionA(pool: 32)@[192, 35, 35]'.
    """
    found = subject_of(spec, Asked(settings, max_steps, root, max_params, spec_source), form)
    write_table(Summary(found, by), form)

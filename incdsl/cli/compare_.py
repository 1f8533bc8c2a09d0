"""`incdsl compare`."""

from __future__ import annotations

from pathlib import Path

import click

from incdsl.analysis.table import By
from incdsl.cli.options import (
    TableForm,
    limit_option,
    root_option,
    spec_source,
    subject_of,
    table_format_option,
    write_table,
)
from incdsl.subject import Asked
from incdsl.tables.comparison import LETTERS, Comparison


@click.command("compare")
@click.argument("subjects", nargs=-1, required=True, metavar="A B [C…]")
@click.option("--by", type=click.Choice(["block", "layer", "op"]), help="Show the rows of two nets side by side, too.")
@table_format_option
@limit_option
@root_option
def command(subjects: tuple[str, ...], by: By | None, form: TableForm, max_steps: int, root: Path | None) -> None:
    """Set nets side by side: A, B, … are SPEC[::NET], or SPEC::STEPS@[C, H, W].

    STEPS is a chain of steps on an input: 'specs/v3.inc::InceptionA(pool: 32)@[192, 35, 35]'. Without a spec it
    uses ops alone: '::conv2d 5x5 @64@[64, 35, 35]'. NET may give parameters and another size, 'NET(classes: 10)',
    'NET@[3, 151, 151]'.
    """
    if not 2 <= len(subjects) <= len(LETTERS):
        raise click.UsageError("compare two nets or more")
    if by and len(subjects) != 2:
        raise click.UsageError("--by sets the rows of two nets side by side, not of more")
    if sum(text.partition("::")[0].partition("@")[0] == "-" for text in subjects) > 1:
        raise click.UsageError("standard input is one spec: name the others by their files")
    asked = Asked(max_steps=max_steps, root=root, source=spec_source)
    write_table(Comparison([subject_of(text, asked, form) for text in subjects], by), form)

"""`incdsl specs`."""

from __future__ import annotations

import click

from incdsl.cli.options import TableForm, table_format_option, write_table
from incdsl.tables.shipped import ShippedSpecs


@click.command("specs")
@table_format_option
def command(form: TableForm) -> None:
    """List the specs that ship with incdsl: every command takes their paths, in any folder."""
    write_table(ShippedSpecs(), form)

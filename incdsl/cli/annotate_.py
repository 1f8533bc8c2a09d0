"""`incdsl annotate`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from incdsl.annotate import annotated, without_assertions
from incdsl.cli.options import root_option, tell
from incdsl.cli.texts import read_text, report, show_difference, write_text
from incdsl.formatter.laws import LawBroken
from incdsl.frontend import Options


@click.command("annotate")
@click.argument("spec")
@click.option("--every", is_flag=True, help="State a shape behind each step that changes it, in blocks too.")
@click.option("--remove", is_flag=True, help="Take all shape assertions away.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@root_option
def command(spec: str, every: bool, remove: bool, diff: bool, root: Path | None) -> None:
    """Write the shapes of SPEC into it, `: [C, H, W]`, where the chains of its nets end; put right those that fail.

    With `-` the spec comes from standard input and goes to standard output.
    """
    if every and remove:
        raise click.UsageError("--every and --remove do not go together")
    source = read_text(spec)
    try:
        text = without_assertions(source.text) if remove else annotated(source, Options(root=root), every=every)
    except LawBroken as law:
        report(source.name, law)
        sys.exit(2)
    if diff:
        show_difference(source, text)
    elif spec == "-":
        click.echo(text, nl=False)
    elif text == source.text:
        tell(f"{source.name}: nothing to change")
    else:
        write_text(spec, text)
        tell(f"{source.name}: annotated" if not remove else f"{source.name}: no assertions left")

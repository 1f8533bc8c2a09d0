"""`incdsl report`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from incdsl.cli.options import fail, limit_option, root_option, set_option, spec_source, subject_of, tell
from incdsl.diagnostics import CompileError
from incdsl.subject import Asked
from incdsl.tables.report import Report
from incdsl.writing import replace_text


@click.command("report")
@click.argument("spec")
@click.option(
    "-o",
    "--output",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A page (.html), or Markdown (.md) with the figure beside it.  [default: Markdown on standard output]",
)
@click.option("--against", metavar="SPEC", help="Another net, to tell the differences from.")
@click.option("--licence", default="", metavar="TEXT", help="What to say of the weights' licence.")
@set_option
@limit_option
@root_option
def command(
    spec: str, target: Path | None, against: str | None, licence: str, settings: dict[str, Any], max_steps: int,
    root: Path | None,
) -> None:  # fmt: skip
    """Write the model card of SPEC: figure, what it is, facts, legal sizes, input, structure, weights.

    What a spec says of itself in the comments at its top becomes the text; a paragraph that starts with `Input:` tells
    what flows in.
    """
    if target and target.suffix not in (".html", ".md"):
        raise click.UsageError(f"a report is a .html or a .md, not {target.suffix or target.name!r}")
    subject = subject_of(spec, Asked(settings, max_steps, root, source=spec_source))
    other = subject_of(against, Asked(max_steps=max_steps, root=root, source=spec_source)) if against else None
    report = Report(subject, other, licence)
    if target is None:
        click.echo(report.markdown(), nl=False)
        return
    picture = target.with_suffix(".svg")
    try:
        if target.suffix == ".html":
            replace_text(target, report.html())
        else:
            replace_text(picture, report.figure)
            replace_text(target, replace(report, picture=picture.name).markdown())
    except CompileError as error:
        fail(error)
    tell(f"{spec} -> {target}")

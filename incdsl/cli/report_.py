"""`incdsl report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from incdsl.cli.options import limit_option, root_option, set_option, spec_source, subject_of, tell
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
    help="A page (.html) or Markdown (.md).  [default: Markdown on standard output]",
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
    """Write the model card of SPEC: what it is, facts, legal sizes, input, structure, weights.

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
    target.parent.mkdir(parents=True, exist_ok=True)
    replace_text(target, report.html() if target.suffix == ".html" else report.markdown())
    tell(f"{spec} -> {target}")

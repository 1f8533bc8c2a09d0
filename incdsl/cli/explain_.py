"""`incdsl explain`."""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches

import click


@click.command("explain")
@click.argument("subject", required=False)
def command(subject: str | None) -> None:
    """Explain a diagnostic code (E301), an op (conv2d), a word of the language (reduce) or a rule (FoldBatchNorm).

    Without SUBJECT, list them.
    """
    from incdsl.linter.page import all_codes, page
    from incdsl.ops import REGISTRY as OPS, find
    from incdsl.ops.reference import op_reference
    from incdsl.passes.levels import rules
    from incdsl.passes.reference import rule_reference
    from incdsl.words import WORDS, word_reference

    codes = all_codes()
    by_name = {rule.name: rule for rule in rules("inference")}

    if subject is None:
        for code, kind in codes.items():
            click.echo(f"{code}  {kind.title}")
        click.echo("\nops: " + ", ".join(sorted(OPS)))
        click.echo("\nwords: " + ", ".join(sorted(WORDS)))
        click.echo("\nrules: " + ", ".join(by_name))
        return
    kind_ = codes.get(subject.upper())
    if kind_:
        _show(page(kind_))
    elif op := find(subject):
        _show(op_reference(op))
    elif subject in WORDS:
        _show(word_reference(subject))
    elif subject in by_name:
        _show(rule_reference(by_name[subject]))
    else:
        close = get_close_matches(subject, [*codes, *OPS, *WORDS, *by_name], 1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise click.UsageError(f"there is no code, op, word or rule {subject!r}{hint}")


def _show(text: str) -> None:
    """Write a page of Markdown as wide as the terminal, or as COLUMNS says; else 100 columns wide."""
    from rich.console import Console
    from rich.markdown import Markdown

    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal or os.environ.get("COLUMNS", "").isdigit() else 100)
    if terminal:
        console.print(Markdown(text))
        return
    with console.capture() as capture:
        console.print(Markdown(text))
    click.echo("\n".join(line.rstrip() for line in capture.get().splitlines()))

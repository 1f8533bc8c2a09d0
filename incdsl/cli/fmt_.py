"""`incdsl fmt`."""

from __future__ import annotations

import sys

import click

from incdsl.cli.options import show, tell
from incdsl.cli.texts import read_text, report, show_difference, specs_below, write_text
from incdsl.formatter.fmt import formatted
from incdsl.formatter.laws import LawBroken
from incdsl.source import Source
from incdsl.syntax.parser import parse


@click.command("fmt")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--check", is_flag=True, help="Write nothing; name the specs that would change, and exit with 1 then.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change, and exit with 1 then.")
def command(paths: tuple[str, ...], check: bool, diff: bool) -> None:
    """Write specs in the one layout that the language has.

    A PATH is a spec, a folder (all specs in it), or `-` for standard input, whose layout goes to standard output.
    Without any it is the working directory. Comments stay where they are, and so does what makes no sense, what
    stands between `# fmt: off` and `# fmt: on`, and an item with `# fmt: skip` behind it.
    """
    dry = check or diff
    count = changed = bugs = 0
    for path in specs_below(paths or (".",)):
        source = read_text(path)
        count += 1
        try:
            text = formatted(source.text)
        except LawBroken as law:
            report(source.name, law)
            bugs += 1
            continue
        changed += text != source.text
        _deliver(path, source, text, check=check, diff=diff)
        _mention_mistakes(source)
    if dry or paths != ("-",):
        _conclude(count, changed, dry=dry)
    sys.exit(2 if bugs else int(dry and changed > 0))


def _deliver(path: str, source: Source, text: str, *, check: bool, diff: bool) -> None:
    """Write a text, or say what would be written."""
    differs = text != source.text
    if diff:
        show_difference(source, text)
    elif check and differs:
        tell(f"{source.name}: would change")
    elif path == "-" and not check:
        click.echo(text, nl=False)
    elif differs and not check:
        write_text(path, text)
        tell(f"{source.name}: formatted")


def _mention_mistakes(source: Source) -> None:
    """Say that something makes no sense; the first of it is shown."""
    problems = parse(source.text, source.name).problems
    if problems:
        show(problems[:1], "human", beside=True)
        more = f", and {len(problems) - 1} more," if len(problems) > 1 else ""
        click.echo(f"{source.name}: this{more} stays as it is", err=True)


def _conclude(count: int, changed: int, *, dry: bool) -> None:
    """Say how many specs there were, on standard error."""
    specs = "1 spec" if count == 1 else f"{count} specs"
    if dry and changed:
        text = f"{changed} of {specs} would change; `incdsl fmt` writes {'it' if changed == 1 else 'them'}"
    elif changed:
        text = f"{changed} of {specs} formatted"
    else:
        text = f"{specs}, nothing to change" if count else "no specs here"
    click.echo(text, err=True)

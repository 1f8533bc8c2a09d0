"""Specs that a command changes: read, written back, or shown with what is different."""

from __future__ import annotations

import difflib
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from incdsl.cli.options import fail, spec_source
from incdsl.diagnostics import CompileError
from incdsl.diagnostics.syntax import Unreadable
from incdsl.files import below
from incdsl.formatter.laws import LawBroken
from incdsl.source import Source
from incdsl.syntax.parser import parse
from incdsl.writing import replace_text


def specs_below(paths: Iterable[str]) -> Iterator[str]:
    """The paths of specs; of a folder those of all files below it that start with an edition."""
    for path in paths:
        if path == "-" or not Path(path).is_dir():
            yield path
            continue
        yield from (str(found) for found in sorted(below(Path(path))) if found.is_file() and _is_spec(found))


def _is_spec(path: Path) -> bool:
    """Whether a file is a spec, and not one of another language whose files are called `.inc`, too."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return "\0" not in text and parse(text).file.edition is not None


def read_text(path: str) -> Source:
    """The spec at a path, or on standard input for `-`; one that cannot be read ends the command."""
    if path != "-" and not Path(path).exists():  # the name of a shipped spec is no file to change
        fail(CompileError((Unreadable(span=None, name=path, reason="no such file or directory"),)))
    try:
        return spec_source(path)
    except CompileError as error:
        fail(error)


def write_text(path: str, text: str) -> None:
    """Put a text in the place of a spec, behind its byte order mark if it has one.

    A file that cannot be written ends the command.
    """
    target = Path(path)
    marked = target.is_file() and target.read_bytes().startswith(BOM_UTF8)
    try:
        replace_text(target, "\ufeff" * marked + text)
    except CompileError as error:
        fail(error)


def show_difference(source: Source, text: str) -> None:
    """Write what would change to standard output, as a unified diff."""
    click.echo("".join(_difference(source, text)), nl=False)


def report(name: str, law: LawBroken) -> None:
    """Say that a layout broke a law, which is our mistake."""
    click.echo(f"internal error: {name} is left as it is: {law}", err=True)
    click.echo("This is a bug in incdsl; please report it with the spec.", err=True)


def _difference(source: Source, text: str) -> Iterator[str]:
    before, after = (each.splitlines(keepends=True) for each in (source.text, text))
    for line in difflib.unified_diff(before, after, source.name, source.name):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"

"""What the commands share: the spec argument, settings, formats, colours."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, Protocol, TypeVar, get_args

import click

from incdsl.compiler import MAX_PARAMS, Compilation, check_file, from_bytes, read
from incdsl.diagnostics import CompileError, Diagnostic
from incdsl.diagnostics.render import DOCUMENTS, FORMATS, Format, plain, printable, render
from incdsl.source import Source
from incdsl.subject import Asked, Subject, is_whole, setting, subject

if TYPE_CHECKING:
    from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])

_STYLES: dict[str, dict[str, Any]] = {
    "error": {"fg": "red", "bold": True},
    "warning": {"fg": "yellow", "bold": True},
    "bold": {"bold": True},
    "place": {"fg": "cyan"},
    "margin": {"dim": True},
    "help": {"fg": "green", "bold": True},
}


def format_option(command: F) -> F:
    """`--format human|concise|json|github|sarif`, for diagnostics."""
    return click.option(
        "--format", "form", type=click.Choice(FORMATS), default="human", show_default=True,
        help="How diagnostics are written.",
    )(command)  # fmt: skip


TableForm = Literal["table", "json", "csv", "markdown", "latex"]


def table_format_option(command: F) -> F:
    """`--format table|json|csv|markdown|latex`, for tables; with json, what is wrong is a document, too."""
    return click.option(
        "--format", "form", type=click.Choice(get_args(TableForm)), default="table", show_default=True,
        help="How the table is written.",
    )(command)  # fmt: skip


def limit_option(command: F) -> F:
    """`--max-steps N`."""
    from incdsl.elaborate.budget import MAX_STEPS

    return click.option(
        "--max-steps", type=click.IntRange(1), default=MAX_STEPS, show_default=True,
        help="How many steps a net may expand to.",
    )(command)  # fmt: skip


def params_option(command: F) -> F:
    """`--max-params N`."""
    return click.option(
        "--max-params", type=click.IntRange(1), default=MAX_PARAMS, show_default=True,
        help="How many parameters a net may have.",
    )(command)  # fmt: skip


def root_option(command: F) -> F:
    """`--root DIR`."""
    return click.option(
        "--root", type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder that imports must not leave.  [default: the folder of SPEC]",
    )(command)  # fmt: skip


def limit_words(root: Path | None, max_steps: int, max_params: int) -> list[str]:
    """The words of a command that say where imports stay and how large a net may be, where they are not the usual."""
    from incdsl.elaborate.budget import MAX_STEPS

    given = {"--root": (root, None), "--max-steps": (max_steps, MAX_STEPS), "--max-params": (max_params, MAX_PARAMS)}
    return [word for name, (value, usual) in given.items() if value != usual for word in (name, str(value))]


def set_option(command: F) -> F:
    """`--set name=value`."""
    return click.option(
        "--set", "settings", multiple=True, metavar="NAME=VALUE", callback=_settings,
        help="Give a parameter of the net a value.",
    )(command)  # fmt: skip


def _settings(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, Any]:
    try:
        return dict(map(setting, given))
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def spec_source(path: str) -> Source:
    """The spec at a path, or on standard input for `-`."""
    return from_bytes(sys.stdin.buffer.read(), "<stdin>") if path == "-" else read(path)


def source_and_net(spec: str) -> tuple[Source, str | None]:
    """The spec and the net that an argument `SPEC[::NET]` names."""
    path, _, net = spec.partition("::")
    return spec_source(path), net or None


def subject_of(text: str, asked: Asked, form: str = "table") -> Subject:
    """The subject that an argument names, its warnings shown; what is wrong with it ends the command."""
    try:
        found = subject(text, asked)
    except CompileError as error:
        fail(error, "json" if form == "json" else "human")
    show(found.done.warnings, "human")
    return found


class Tabled(Protocol):
    """What has the forms of a table; rich draws it, too."""

    def document(self) -> dict[str, Any]:
        """For `--format json`."""

    def csv(self) -> str:
        """For `--format csv`."""

    def markdown(self) -> str:
        """For `--format markdown`."""

    def latex(self) -> str:
        """For `--format latex`."""


def write_table(table: Tabled, form: TableForm) -> None:
    """Write a table to standard output: for people as wide as the terminal, or as COLUMNS says; else all of it."""
    if form == "table":
        console().print(table)
    else:
        forms = {
            "json": lambda: json.dumps(table.document(), indent=2), "csv": table.csv, "markdown": table.markdown,
            "latex": table.latex,
        }  # fmt: skip
        click.echo(forms[form]().rstrip("\n"))


def console() -> Console:
    """Standard output as rich draws on it; without a terminal and COLUMNS, no line is broken."""
    from rich.console import Console

    wide = None if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdigit() else 1000
    return Console(width=wide, highlight=False, no_color=not colourful(sys.stdout), soft_wrap=wide is not None)


def show(diagnostics: Sequence[Diagnostic], form: Format, *, beside: bool = False) -> None:
    """Write diagnostics: formats for programs to standard output, words for people to standard error.

    `beside` keeps standard output free, where the module itself is written there.
    """
    if form in DOCUMENTS or diagnostics:
        stream = sys.stderr if beside or form == "human" else sys.stdout
        colour = form == "human" and colourful(stream)
        paint = (lambda style, text: click.style(text, **_STYLES[style])) if colour else plain
        click.echo(render(diagnostics, form, paint), file=stream, color=colour)


def tell(text: str, form: Format = "human") -> None:
    """Say how it went; beside the document where standard output is one."""
    click.echo(printable(text), err=form != "human")


def fail(
    error: CompileError, form: Format = "human", warnings: Sequence[Diagnostic] = (), *, beside: bool = False
) -> NoReturn:
    """Show what is wrong and leave with exit code 1; 2 if the spec could not even be read."""
    show((*warnings, *error.diagnostics), form, beside=beside)
    if form == "human":
        count = sum(d.severity == "error" for d in error.diagnostics)
        if count > 1:
            click.echo(f"\n{count} errors", err=True)
    sys.exit(2 if all(d.code in ("E105", "E603", "E605") for d in error.diagnostics) else 1)


def checked(
    spec: str, settings: dict[str, Any], max_steps: int, root: Path | None, max_params: int = MAX_PARAMS
) -> Compilation:
    """The net of an argument, its warnings shown; what is wrong with it ends the command."""
    return subject_of(spec, Asked(settings, max_steps, root, max_params, spec_source)).done


def nets_of(
    spec: str, settings: dict[str, Any], max_steps: int, root: Path | None, max_params: int = MAX_PARAMS
) -> list[Compilation]:
    """Every net of an argument `SPEC`, or what `SPEC::NET` or `SPEC::STEPS@[C, H, W]` names. Raises `CompileError`."""
    if is_whole(spec):
        return check_file(spec_source(spec), settings, max_steps, root, max_params)
    return [subject(spec, Asked(settings, max_steps, root, max_params, spec_source)).done]


def colourful(stream: Any) -> bool:
    """Whether a stream shows colours: a terminal, unless NO_COLOR is set, or FORCE_COLOR."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()

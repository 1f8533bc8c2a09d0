"""`incdsl diff`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import click

from incdsl.cli.options import console, fail, limit_option, root_option, show, spec_source, tell
from incdsl.cli.revision import is_past, past
from incdsl.diagnostics import CompileError
from incdsl.diagnostics.output import NoSubject
from incdsl.diagnostics.render import Format
from incdsl.frontend import Options, analyze_source
from incdsl.subject import Asked, Subject, is_whole, subject
from incdsl.tables.diff import Diff

if TYPE_CHECKING:
    from incdsl.drawing.themes import Theme

Form = Literal["human", "json", "csv", "markdown", "latex", "github"]


@click.command("diff")
@click.argument("a")
@click.argument("b", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(get_args(Form)),
    default="human",
    show_default=True,
    help="How it is written.",
)
@click.option(
    "-o", "--output", "target", metavar="FILE",
    help="Draw both nets on one canvas: .svg, .png or .pdf, or `-` for SVG on standard output, in place of words.",
)  # fmt: skip
@click.option(
    "--depth", type=click.IntRange(0), default=0, show_default=True,
    help="In the figure, open so many levels of blocks in which something changed.",
)  # fmt: skip
@click.option("--theme", type=click.Choice(["light", "dark", "auto"]), default="light", show_default=True)
@click.option(
    "--scale", type=click.FloatRange(0.1, 10), default=2, show_default=True, help="Pixels of a PNG for each one."
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything is different.")
@limit_option
@root_option
def command(
    a: str, b: str | None, form: Form, target: str | None, depth: int, theme: Theme, scale: float, exit_code: bool,
    max_steps: int, root: Path | None,
) -> None:  # fmt: skip
    """Show what changed from A to B: parts, costs, shapes, and whether a checkpoint survives.

    A and B are SPEC[::NET], SPEC::STEPS@[C, H, W], or either at a revision of git: REV:SPEC[::NET]. Of two whole specs
    with several nets, those of one name are compared. Without B, A is compared as it was in HEAD with what it is now.

    With -o a figure is written, too, of one pair of nets.
    """
    first, second = (a, b) if b is not None else (f"HEAD:{a}", a)
    asked = Asked(max_steps=max_steps, root=root, source=spec_source)
    try:
        with ExitStack() as stack:
            before, after = (_subjects(text, asked, stack) for text in (first, second))
        diffs = list(_paired(before, after))
        for sign, name in _alone(before, after, diffs):
            tell(f"{sign} net {name}", "human" if form == "human" else "json")
    except CompileError as error:
        fail(error, _diagnostics(form))
    for each in diffs:
        for side in (each.before, each.after):
            show(side.done.warnings, "human")
    if target is not None:
        _draw(diffs, target, depth, theme, scale)
    if target != "-":
        _write(diffs, form)
    sys.exit(1 if exit_code and not all(each.is_empty for each in diffs) else 0)


def _diagnostics(form: Form) -> Format:
    """How mistakes are written where the difference would be written so."""
    return form if form in ("json", "github") else "human"


def _subjects(text: str, asked: Asked, stack: ExitStack) -> list[Subject]:
    """The net that a text names, or all nets of a spec that has several."""
    title = text
    if is_past(text):
        then = stack.enter_context(past(text, asked.root))
        text, asked = then.text, replace(asked, root=then.root)
    if not is_whole(text) or text == "-":
        return [replace(subject(text, asked), title=title)]
    nets = analyze_source(asked.source(text), Options(max_steps=asked.max_steps, root=asked.root)).file.nets
    if len(nets) < 2:
        found = subject(text, asked)
        return [replace(found, title=f"{title}::{found.done.net.name}")]
    return [replace(subject(f"{text}::{net.name.text}", asked), title=f"{title}::{net.name.text}") for net in nets]


def _paired(before: list[Subject], after: list[Subject]) -> Iterator[Diff]:
    """The nets that belong together: the only ones, or those of one name."""
    if len(before) == len(after) == 1:
        yield Diff(before[0], after[0])
        return
    names = {each.done.net.name: each for each in before}
    found = [Diff(names[each.done.net.name], each) for each in after if each.done.net.name in names]
    if not found:
        reason = "no net is in both: say which ones, A::NET and B::NET"
        raise CompileError((NoSubject(span=None, reason=reason),))
    yield from found


def _alone(before: list[Subject], after: list[Subject], diffs: list[Diff]) -> Iterator[tuple[str, str]]:
    """The nets that only one of two specs has."""
    compared = {each for diff in diffs for each in (diff.before, diff.after)}
    yield from (("-", each.done.net.name) for each in before if each not in compared)
    yield from (("+", each.done.net.name) for each in after if each not in compared)


def _draw(diffs: list[Diff], target: str, depth: int, theme: Theme, scale: float) -> None:
    """Write the figure of the only pair."""
    from incdsl.drawing.output import CannotSave, form_of
    from incdsl.writing import replace_bytes

    if len(diffs) > 1:
        raise click.UsageError("a figure has two nets: say which ones, A::NET and B::NET")
    try:
        form = "svg" if target == "-" else form_of(Path(target))
        data = diffs[0].draw(depth=depth, theme=theme).encoded(form, scale)
    except CannotSave as error:
        raise click.UsageError(str(error)) from None
    if target == "-":
        sys.stdout.buffer.write(data)
    else:
        replace_bytes(Path(target), data)


def _write(diffs: list[Diff], form: Form) -> None:
    if form == "json":
        documents = [each.document() for each in diffs]
        click.echo(json.dumps(documents[0] if len(documents) == 1 else {"version": 1, "diffs": documents}, indent=2))
    elif form == "human":
        for i, each in enumerate(diffs):
            console().print(*([""] if i else []), each, sep="\n")
    else:
        forms = {"csv": Diff.csv, "markdown": Diff.markdown, "latex": Diff.latex, "github": Diff.github}
        texts = [forms[form](each).rstrip("\n") for each in diffs]
        click.echo(("\n" if form == "github" else "\n\n").join(filter(None, texts)))

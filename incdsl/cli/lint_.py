"""`incdsl lint`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from incdsl.cli.options import format_option, limit_option, root_option, set_option, show, spec_source, tell
from incdsl.cli.texts import read_text, report, show_difference, specs_below, write_text
from incdsl.diagnostics import CompileError, Diagnostic
from incdsl.diagnostics.render import Format
from incdsl.formatter.laws import LawBroken
from incdsl.frontend import Options, analyze_source
from incdsl.linter.config import DEVICES, BadConfiguration, checked, configured
from incdsl.linter.fixes import fixed
from incdsl.linter.lint import Selection, lint
from incdsl.source import Source


def _codes(ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code.strip().upper() for text in given for code in text.split(","))


@click.command("lint")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--fix", is_flag=True, help="Mend what can be mended while the net stays the same.")
@click.option("--unsafe-fixes", "unsafe", is_flag=True, help="Mend all that can be mended; the net may change.")
@click.option("--diff", is_flag=True, help="Write nothing; show what --fix would change, and exit with 1 then.")
@click.option("--select", multiple=True, metavar="CODES", callback=_codes, help="Only these: W413,W42 for all W42x.")
@click.option("--ignore", multiple=True, metavar="CODES", callback=_codes, help="Not these.")
@click.option("--device", type=click.Choice(DEVICES), help="What the nets will run on.")
@set_option
@limit_option
@root_option
@format_option
def command(
    paths: tuple[str, ...], fix: bool, unsafe: bool, diff: bool, select: tuple[str, ...], ignore: tuple[str, ...],
    device: str | None, settings: dict[str, Any], max_steps: int, root: Path | None, form: Format,
) -> None:  # fmt: skip
    """Say what papers advise about specs, and which mistakes they hold that compile.

    A PATH is a spec, a folder (all specs in it), or `-` for standard input. Without any it is the working directory.
    `# lint: ignore W412 reason` leaves a warning out, and `[tool.incdsl]` of a pyproject.toml has `select`, `ignore`
    and `device` as well. `incdsl explain W412` says what a warning means.
    """
    asked = Selection(select, ignore, device or "")
    options = Options(settings, max_steps, root=root)
    try:
        linter = _Linter(checked(asked), options, form, fix=fix or unsafe or diff, unsafe=unsafe, diff=diff)
        for path in specs_below(paths or (".",)):
            linter.take(path)
    except BadConfiguration as bad:
        raise click.UsageError(str(bad)) from None
    linter.conclude(beside=paths == ("-",) and linter.fix)


@dataclass
class _Linter:
    """Takes one spec after another, and says at the end how it went."""

    asked: Selection
    options: Options
    form: Format
    fix: bool
    unsafe: bool
    diff: bool

    def __post_init__(self) -> None:
        self.found: list[Diagnostic] = []
        self.specs = self.changed = self.bugs = 0

    def take(self, path: str) -> None:
        """Lint a spec, and mend it if that is asked."""
        self.specs += 1
        selection = self._selection(path)
        if not self.fix:
            try:
                self.found += lint(analyze_source(spec_source(path), self.options), selection)
            except CompileError as error:
                self.found += error.diagnostics
            return
        source = read_text(path)
        try:
            done = fixed(source, self.options, selection, unsafe=self.unsafe)
        except LawBroken as law:
            report(source.name, law)
            self.bugs += 1
            return
        self.changed += done.text != source.text
        self.found += done.left
        self._deliver(path, source, done.text, done.mended)

    def _selection(self, path: str) -> Selection:
        """What is wanted of a spec: what the command says takes the place of what the project says."""
        folder = Path.cwd() if path == "-" else Path(path).resolve().parent
        project, asked = configured(folder), self.asked
        return Selection(asked.select or project.select, asked.ignore or project.ignore, asked.device or project.device)

    def _deliver(self, path: str, source: Source, text: str, mended: Sequence[Diagnostic]) -> None:
        if self.diff:
            show_difference(source, text)
        elif path == "-":
            click.echo(text, nl=False)
        elif text != source.text:
            write_text(path, text)
            counts = Counter(each.code for each in mended)
            codes = ", ".join(f"{code} x {n}" if n > 1 else code for code, n in sorted(counts.items()))
            tell(f"{source.name}: mended {codes}", self.form)

    def conclude(self, *, beside: bool) -> None:
        """Show what was found and leave: 1 if there is something to say, 2 if specs could not be read."""
        if self.diff:
            sys.exit(2 if self.bugs else int(self.changed > 0))
        show(self.found, self.form, beside=beside)
        if self.form == "human" and not beside:
            click.echo(self._summary(), err=True)
        unread = bool(self.found) and all(each.code in ("E105", "E603") for each in self.found)
        sys.exit(2 if unread or self.bugs else int(bool(self.found)))

    def _summary(self) -> str:
        specs = "1 spec" if self.specs == 1 else f"{self.specs} specs"
        if not self.found:
            return f"{specs}, nothing to say" if self.specs else "no specs here"
        safe = sum(each.fix is not None and each.fix.safe for each in self.found)
        unsafe = sum(each.fix is not None and not each.fix.safe for each in self.found)
        ways = [f"{n} with {flag}" for n, flag in ((safe, "--fix"), (unsafe, "--unsafe-fixes")) if n]
        mend = f"; `incdsl lint` mends {' and '.join(ways)}" if ways else ""
        return f"\n{len(self.found)} finding{'s' * (len(self.found) > 1)} in {specs}{mend}"

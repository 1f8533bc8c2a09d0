"""`incdsl watch`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from incdsl.cli.compile_ import default_target, typed_command
from incdsl.cli.options import (
    console,
    fail,
    limit_option,
    limit_words,
    params_option,
    root_option,
    set_option,
    show,
    source_and_net,
    tell,
)
from incdsl.codegen import output
from incdsl.compiler import MAX_PARAMS, Compilation, compilations, in_macs
from incdsl.diagnostics import CompileError, Diagnostic
from incdsl.elaborate.budget import MAX_STEPS
from incdsl.files import SUFFIX
from incdsl.frontend import Options, analyze_source
from incdsl.subject import Subject
from incdsl.tables.diff import Diff


@click.command("watch")
@click.argument("spec")
@click.option("-o", "--output", "target", metavar="FILE", help="Where to write the module.")
@set_option
@limit_option
@params_option
@root_option
def command(
    spec: str, target: str | None, settings: dict[str, Any], max_steps: int, max_params: int, root: Path | None
) -> None:
    """Check SPEC and compile it whenever it, or a file that it imports, is saved, and say what changed.

    What changed is told against the last state that was right. A spec with several nets is checked; SPEC::NET compiles
    one of them. It needs `pip install 'incdsl[watch]'`, and ends with Ctrl+C.
    """
    try:
        from watchfiles import watch
    except ModuleNotFoundError:
        raise click.ClickException("there is no watchfiles; `pip install 'incdsl[watch]'` brings it") from None
    if spec.partition("::")[0] == "-":
        raise click.UsageError("standard input cannot be watched")
    try:
        source_and_net(spec)
    except CompileError as error:
        fail(error)
    watched = Watched(spec, target, settings, max_steps, max_params, root)
    while True:  # until Ctrl+C
        folders = watched.look()
        for _ in watch(*folders, watch_filter=_is_spec, recursive=False, raise_interrupt=False):
            if watched.look() != folders:
                break
        else:
            return


def _is_spec(_change: object, path: str) -> bool:
    """Whether a changed file is looked at again."""
    return path.endswith(SUFFIX)


@dataclass
class Watched:
    """A spec that is looked at again and again, and its nets as they were when they were right."""

    spec: str
    target: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    max_steps: int = MAX_STEPS
    max_params: int = MAX_PARAMS
    root: Path | None = None
    _good: dict[str, Compilation] = field(default_factory=dict)
    _seen: object = None
    """What was looked at last: the texts, or why there are none."""

    def look(self) -> tuple[Path, ...]:
        """Check, compile, and say what is new; the folders in which the spec and its imports lie."""
        options = Options(self.settings, self.max_steps, self.max_params, self.root)
        try:
            source, net = source_and_net(self.spec)
            analysis = analyze_source(source, options, net or "")
        except CompileError as error:  # it cannot be read, perhaps not yet
            if self._is_new(str(error)):
                _say("not read", error.diagnostics)
            return (Path(self.spec.partition("::")[0]).resolve().parent,)
        files = [file.source for file in analysis.spec.files()]
        if self._is_new([each.text for each in files]):
            try:
                self._tell(compilations(analysis, net), net)
            except CompileError as error:
                count = sum(each.severity == "error" for each in error.diagnostics)
                _say(f"{count} error{'s' * (count > 1)}", error.diagnostics)
        return tuple(sorted({each.path.resolve().parent for each in files if each.path}))

    def _is_new(self, seen: object) -> bool:
        before, self._seen = self._seen, seen
        return seen != before

    def _tell(self, nets: Sequence[Compilation], net: str | None) -> None:
        """Say how each net differs from what it was; one that is alone is written."""
        good, self._good = self._good, {done.net.name: done for done in nets}
        for i, done in enumerate(nets):
            before = good.get(done.net.name)
            diff = Diff(Subject("", before), Subject("", done)) if before else None
            where = f" -> {self._written(done, net)}" if len(nets) == 1 else ""
            _say(f"{done.net.name}: {_costs(done, diff)}{where}", () if i else done.warnings)
            if diff:
                _show(diff)
        if not nets:
            _say("no net, nothing to check but the syntax")

    def _written(self, done: Compilation, net: str | None) -> Path:
        """Write the module; where to."""
        limits = limit_words(self.root, self.max_steps, self.max_params)
        path = Path(self.target) if self.target else default_target(done.source.name, net)
        typed = typed_command(self.spec, self.target, self.settings, limits)
        output.write(path, replace(done, typed=typed).text)
        return path


def _say(text: str, diagnostics: Sequence[Diagnostic] = ()) -> None:
    """A line with the time, and what is wrong below it."""
    tell(f"{datetime.now():%H:%M:%S}  {text}")
    show(diagnostics, "human")


def _costs(done: Compilation, diff: Diff | None) -> str:
    """What the net costs, and how much more that is than before."""
    was = diff.before.done.cost if diff else done.cost
    more = done.cost.params - was.params
    parts = [f"{done.cost.params:,} parameters{f' ({more:+,})' if more else ''}"]
    if done.cost.macs is not None:
        change = done.cost.macs - was.macs if was.macs is not None else 0
        sign = "+" if change > 0 else "-"
        parts.append(f"{in_macs(done.cost.macs)}{f' ({sign}{in_macs(abs(change))})' if change else ''}")
    return ", ".join(parts)


def _show(diff: Diff) -> None:
    """What changed since the net was right the last time."""
    outputs = [line for line in diff.totals.lines if line.cells[0].text == "output"]
    for line in outputs:
        tell(f"  output {line.cells[1].text} -> {line.cells[2].text}")
    for group in diff.groups:
        for text in group.lines_of_text():
            console().print("  ", text, sep="")
    if diff.followers:
        tell(f"  {diff.followers}")
    if diff.is_empty:
        tell("  as it was")
    elif not diff.survival.survives:
        tell("  checkpoints of the state before do not load")

"""What changed from one net to another, in words and numbers, in every form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING, Any

from incdsl.analysis.changes import Change, Mark, block_of, changes, interface, renamed_inputs
from incdsl.analysis.parts import Part, parts
from incdsl.analysis.survival import Survival, survival
from incdsl.analysis.told import Line, line_of, sums, whole
from incdsl.diagnostics.render import printable, workflow_command
from incdsl.ops.spoken import spoken
from incdsl.source import Span
from incdsl.subject import Subject
from incdsl.tables.comparison import Comparison
from incdsl.tables.sheet import Cell, Column, Line as SheetLine, Sheet, comma_separated, commented

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.text import Text

    from incdsl.drawing.both import Both
    from incdsl.drawing.themes import Theme

_STYLES: dict[Mark, str] = {"added": "green", "removed": "red", "changed": "yellow", "moved": "cyan"}
_ALWAYS = ("parameters", "GMACs (= GFLOPs)")
"""Totals that are told though they did not change."""
_CHANGED = (
    Column("in"), Column("step", is_name=True), Column(""), Column("what"), Column("params", right=True),
    Column("MACs", right=True),
)  # fmt: skip
_KEYS = 5
"""So many keys are listed for people; programs get all."""


@dataclass(frozen=True, slots=True)
class Group:
    """Blocks of a net in which the same changed; the net itself for its own steps."""

    blocks: tuple[tuple[str, str], ...]
    """Each with what it names."""
    lines: tuple[Line, ...]

    @property
    def title(self) -> str:
        """`Mixed_5b, Mixed_5c: InceptionA`."""
        named = groupby(self.blocks, key=lambda block: block[1])
        return "; ".join(
            ", ".join(name for name, _ in some) + (f": {word}" if word else "") for word, some in named
        )  # fmt: skip

    def lines_of_text(self) -> Iterator[Text]:
        """The title, and a line for each change, for terminals."""
        from rich.text import Text

        yield Text(printable(self.title), style="bold")
        width = max(len(line.head) for line in self.lines)
        for line in self.lines:
            told = Text(f"  {printable(line.head):{width}}", style=_STYLES[line.mark])
            yield Text.assemble(told, "  ", printable(line.text))


class Diff:
    """Two nets: what was added, removed, changed and moved from the first to the second, and what that costs.

    Printed, it is what `incdsl diff` prints. A notebook shows the same.
    """

    def __init__(self, before: Subject, after: Subject) -> None:
        self.before, self.after = before, after

    def __repr__(self) -> str:
        return f"<Diff of {self.before.title} and {self.after.title}>"

    @cached_property
    def changes(self) -> list[Change]:
        """Every part of both nets once."""
        old, new = (parts(each.done.net, each.done.cost) for each in (self.before, self.after))
        return changes(old, new, renamed_inputs(self.before.done.net, self.after.done.net))

    @cached_property
    def survival(self) -> Survival:
        """Whether a checkpoint of the first net is one of the second."""
        return survival(self.before.done.net, self.after.done.net)

    @property
    def is_empty(self) -> bool:
        """Whether all parts are the same, and those who call the net notice nothing either."""
        return all(change.mark == "same" for change in self.changes) and not self.interface

    @cached_property
    def interface(self) -> list[tuple[str, str]]:
        """What is different for those who call the net: inputs, outputs, weights of heads, parameters."""
        return interface(self.before.done.net, self.after.done.net)

    @property
    def totals(self) -> Sheet:
        """The measures that differ, and the most important."""
        sheet = Comparison([self.before, self.after]).totals((0, 1))
        texts = [[cell.text for cell in line.cells] for line in sheet.lines]
        told = [title in _ALWAYS or was != now for title, was, now, *_ in texts]
        for i in reversed(range(1, len(told))):  # what a line is part of is told, too
            told[i - 1] |= told[i] and texts[i][0].startswith(" ")
        return Sheet(sheet.columns, tuple(line for line, is_told in zip(sheet.lines, told, strict=True) if is_told))

    @cached_property
    def groups(self) -> list[Group]:
        """What changed, block by block; blocks in a row in which the same changed are told together."""
        sizes = Counter(block_of(part) for each in self.changes for part in {each.before, each.after} if part)
        told = [change for change in self.changes if change.mark not in ("same", "follows")]
        found: list[Group] = []
        if self.interface:
            lines = tuple([Line("changed", name, (what,), 0, 0) for name, what in self.interface])
            found.append(Group(((self.after.done.net.name, ""),), lines))
        for (_, block), some in groupby(told, key=_blocks):
            group = list(some)
            marks = {change.mark for change in group}
            is_whole = bool(block) and len(group) == sizes[block] and marks in ({"added"}, {"removed"})
            lines = (whole(group),) if is_whole else tuple(map(line_of, group))
            title = (block, group[0].part.block_word) if block and not is_whole else (self.after.done.net.name, "")
            if found and found[-1].blocks[-1] == title:
                found[-1] = Group(found[-1].blocks, (*found[-1].lines, *lines))
            elif found and found[-1].lines == lines:
                found[-1] = Group((*found[-1].blocks, title), lines)
            else:
                found.append(Group((title,), lines))
        return found

    @property
    def followers(self) -> str:
        """What changes though it is written as it was; empty if nothing does."""
        follow = [change for change in self.changes if change.mark == "follows"]
        if not follow:
            return ""
        line = Line("follows", "", (), *sums(follow))
        many = f"{len(follow)} parts follow" if len(follow) > 1 else "1 part follows"
        return f"{many}, written as before behind what changed{f': {line.costs}' if line.costs else ''}"

    @property
    def keys(self) -> Iterator[str]:
        """The checkpoint's keys that do not fit, a few of them."""
        found = self.survival
        said = [*(f"- {key}" for key in found.unexpected), *(f"+ {key}" for key in found.missing)]
        said += [f"~ {key}  {list(was)} -> {list(now)}" for key, was, now in found.reshaped]
        yield from said[:_KEYS]
        if len(said) > _KEYS:
            yield f"  … and {len(said) - _KEYS} more"

    def draw(self, *, depth: int = 0, theme: Theme = "light") -> Both:
        """Both nets on one canvas: `svg` is its text, `save("diff.svg")` writes it, as .png or .pdf as well.

        `depth` is how many levels of blocks are opened, of those in which something changed. `theme` is that of
        `incdsl.draw`.
        """
        from incdsl.drawing.both import Both, Said
        from incdsl.drawing.part import compiled

        sides = (self.before, self.after)
        names = _name(self.before), _name(self.after)
        texts = [[cell.text for cell in line.cells] for line in self.totals.lines]
        said = Said(
            names, (_file(self.before), _file(self.after)),
            tuple((row[0], row[1], row[2], row[3] if len(row) > 3 else "") for row in texts),
            tuple(f"{name} {what}" for name, what in self.interface),
            tuple(text for text in (self.followers, str(self.survival)) if text),
        )  # fmt: skip
        parts = compiled(sides[0].done), compiled(sides[1].done)
        return Both(parts, self.changes, said, depth, theme, "-".join(dict.fromkeys(names)))

    # Forms

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The totals, the changes block by block, and the checkpoint."""
        from rich.text import Text

        yield Text(f"A  {printable(self.before.title)}\nB  {printable(self.after.title)}\n")
        yield self.totals
        for group in self.groups:
            yield Text()
            yield from group.lines_of_text()
        if self.is_empty:
            yield Text("\nnothing changed")
        if self.followers:
            yield Text(f"\n{self.followers}", style="dim")
        yield Text(f"\n{self.survival}", style="green" if self.survival.survives else "yellow")
        for key in self.keys:
            yield Text(f"  {printable(key)}", style="dim")

    def __str__(self) -> str:
        from io import StringIO

        from rich.console import Console

        console = Console(file=StringIO(), width=1000, no_color=True, highlight=False)
        with console.capture() as capture:
            console.print(self, soft_wrap=True)
        return "\n".join(line.rstrip() for line in capture.get().splitlines())

    def markdown(self) -> str:
        """As GitHub writes it."""
        text = [f"- A  {self.before.title}\n- B  {self.after.title}", self.totals.markdown()]
        for group in self.groups:
            lines = [f"- `{line.head}` {line.text}" for line in group.lines]
            text.append("\n".join([f"**{group.title}**", "", *lines]))
        text += [f"{self.followers}."] if self.followers else []
        said = str(self.survival)
        return "\n\n".join([*text, f"{said[0].upper()}{said[1:]}."])

    def latex(self) -> str:
        """The tables for a paper: totals, and what changed; comments with the titles and what else there is to say."""
        titles = commented([f"A  {self.before.title}", f"B  {self.after.title}"])
        said = commented([*([self.followers] if self.followers else []), str(self.survival)])
        return "\n\n".join([titles, self.totals.latex(), *([self.sheet.latex()] if self.groups else []), said])

    def csv(self) -> str:
        """A line for each part that is not the same, in plain numbers."""
        return comma_separated([
            {
                "mark": change.mark, "step": change.part.name, "block": change.part.block,
                "change": "; ".join(change.words()), "params": change.more("params"), "macs": change.more("macs"),
            }
            for change in self.changes if change.mark != "same"
        ])  # fmt: skip

    @property
    def sheet(self) -> Sheet:
        """What changed as a table, block by block."""
        lines = []
        for group in self.groups:
            for i, line in enumerate(group.lines):
                numbers = (f"{n:+,}" if n else "" for n in (line.params, line.macs))
                texts = ("" if i else group.title, line.name, line.mark, "; ".join(line.words), *numbers)
                lines.append(SheetLine(tuple(map(Cell, texts))))
        return Sheet(_CHANGED, tuple(lines))

    def _repr_html_(self) -> str:
        """As a notebook shows it."""
        shown = [f"<p>A {escape(self.before.title)}<br>B {escape(self.after.title)}</p>", self.totals.html()]
        for group in self.groups:
            lines = [f"<li><code>{escape(line.head)}</code> {escape(line.text)}</li>" for line in group.lines]
            shown.append(f"<p><b>{escape(group.title)}</b></p><ul>{''.join(lines)}</ul>")
        shown += [f"<p>{escape(text)}</p>" for text in (self.followers, str(self.survival)) if text]
        return "\n".join(shown)

    def github(self) -> str:
        """Annotations of the lines that changed, as a GitHub workflow shows them."""
        told = [change for change in self.changes if change.mark not in ("same", "follows")]
        name = self.after.done.net.name
        noticed = [workflow_command("notice", name, f"{what}: {how}", None) for what, how in self.interface]
        parts = (
            workflow_command("notice", change.part.name, f"{change.mark}: {line_of(change).text}", _place(change))
            for change in told
        )
        return "\n".join([*noticed, *parts])

    def document(self) -> dict[str, Any]:
        """Everything, as `--format json` writes it."""
        compared = Comparison([self.before, self.after]).document()["compared"]
        found = self.survival
        return {
            "version": 1,
            "a": compared[0],
            "b": compared[1],
            "interface": [{"name": name, "change": how} for name, how in self.interface],
            "changes": [_described(change) for change in self.changes if change.mark != "same"],
            "checkpoint": {
                "survives": found.survives,
                "fitting": len(found.fitting),
                "missing": list(found.missing),
                "unexpected": list(found.unexpected),
                "reshaped": [{"key": key, "a": list(was), "b": list(now)} for key, was, now in found.reshaped],
            },
        }


def _blocks(change: Change) -> tuple[str, str]:
    """The block that a part was in, and the one that it is in."""
    return block_of(change.before or change.part), block_of(change.after or change.part)


def _name(subject: Subject) -> str:
    """What is compared: a net by its name, steps as they were written."""
    steps = subject.title.partition("::")[2].rpartition("@")[0]
    return " ".join(steps.split()) if subject.prefix and steps else subject.done.net.name


def _file(subject: Subject) -> str:
    """Where a net is written, `HEAD:net.inc`; empty for a text."""
    title = subject.title if "::" in subject.title else subject.done.source.name
    revision, colon, path = title.partition("::")[0].rpartition(":")
    name = path.rpartition("/")[2]
    return "" if name.startswith("<") else f"{revision}{colon}{name}"


def _place(change: Change) -> Span | None:
    """Where it is written now."""
    return change.after.span if change.after else None


def _described(change: Change) -> dict[str, Any]:
    """A change for programs."""
    return {
        "mark": change.mark,
        "name": change.part.name,
        "block": change.part.block,
        "words": list(change.words()),
        "params": change.more("params"),
        "macs": change.more("macs"),
        "a": _told(change.before),
        "b": _told(change.after),
    }


def _told(part: Part | None) -> dict[str, Any] | None:
    if part is None:
        return None
    return {
        "name": part.name,
        "ops": [spoken(op) for op in part.ops],
        "reads": list(part.reads),
        "shape": part.shape,
        "receptive_field": part.sees,
        "params": part.params,
        "macs": part.macs,
        "activations": part.activations,
        "training_only": part.training_only,
        "line": part.span.line,
    }

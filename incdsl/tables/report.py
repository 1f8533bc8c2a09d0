"""A model card: what a net is, what it costs, what it takes, how it is built, and how it differs from another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from shlex import quote

from incdsl.analysis.cost import state_dict
from incdsl.analysis.profile import profile
from incdsl.compiler import describe_sizes, in_giga
from incdsl.diagnostics.render import printable
from incdsl.drawing.drawing import Look, drawn
from incdsl.subject import Subject
from incdsl.syntax.ignore import ignores
from incdsl.tables.diff import Diff
from incdsl.tables.sheet import Cell, Column, Line, Sheet
from incdsl.tables.summary import Summary, in_bytes

_LICENCE = "*Their licence is for whoever publishes them to state.*"
_STYLE = """
:root { color-scheme: light dark; --ink: #1b2330; --paper: #fff; --hair: #d5dce4; --tint: #f4f6f9; --link: #0b5fa5 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8edf3; --paper: #11161c; --hair: #313c48; --tint: #19212a; --link: #74b7f2 }
}
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.5rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 Inter, "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif }
h1, h2 { line-height: 1.2; font-weight: 600 } h2 { margin-top: 2.2em; font-size: 1.2rem }
table { border-collapse: collapse; display: block; overflow-x: auto;
  font-size: 13px; font-variant-numeric: tabular-nums }
th, td { padding: .25em .8em .25em 0; border-bottom: 1px solid var(--hair); vertical-align: top; white-space: nowrap }
th { font-weight: 600 } a { color: var(--link) } figure { margin: 1.5rem 0 } svg, img { max-width: 100%; height: auto }
code, pre { font: 13px/1.45 ui-monospace, "SF Mono", Menlo, Consolas, monospace; background: var(--tint) }
pre { padding: 1em; overflow-x: auto }
"""


@dataclass(frozen=True)
class Report:
    """The card of a net. `against` is a net that it is compared with, `licence` what its author says of the weights.

    A page has the figure of the net below its title; Markdown has it where `picture` says where it lies.
    """

    subject: Subject
    against: Subject | None = None
    licence: str = ""
    picture: str = ""

    @property
    def title(self) -> str:
        """The name of the net."""
        return self.subject.done.net.name

    @property
    def figure(self) -> str:
        """The figure as SVG, for light and for dark pages."""
        return drawn(self.subject.done, Look(theme="auto")).svg

    def markdown(self) -> str:
        """The card as GitHub and model hubs show it."""
        return self._document(f"![{self.title}]({self.picture})" if self.picture else "")

    def html(self) -> str:
        """The card as a page of its own, which needs nothing else."""
        from markdown_it import MarkdownIt

        body = MarkdownIt("commonmark", {"html": False}).enable("table").render(self._document(""))
        head, end, rest = body.partition("</h1>")
        return (
            f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(self.title)}</title>\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{_STYLE}</style>\n</head>\n'
            f"<body>\n{head}{end}\n<figure>{self.figure}</figure>{rest}</body>\n</html>\n"
        )

    def _document(self, figure: str) -> str:
        done = self.subject.done
        notes = list(_notes(done.spec.file.header))
        about = [note for note in notes if not note.startswith("Input:")]
        taken = [note.removeprefix("Input:").strip() for note in notes if note.startswith("Input:")]
        parts = [f"# {self.title}", figure, "\n\n".join(map(_safe, about)), "## Facts", self.facts.markdown()]
        if taken:
            parts += ["## Input", "\n\n".join(map(_safe, taken))]
        parts += ["## Structure", Summary(self.subject).markdown()]
        licence = f"Their licence: {_safe(self.licence)}." if self.licence else _LICENCE
        parts += ["## Weights", f"{self._weights()} {licence}"]
        parts += self._left_aside()
        if self.against:
            diff = Diff(self.against, self.subject)
            parts += [f"## Beside {diff.before.title}", diff.markdown()]
        parts += ["## How to use it", self._code()]
        return "\n\n".join(filter(None, map(_plain, parts))) + "\n"

    @property
    def facts(self) -> Sheet:
        """What there is to know in numbers, one line each."""
        rows = [(name, text) for name, text in self._facts() if text]
        return Sheet((Column(""), Column("")), tuple(Line((Cell(name), Cell(text))) for name, text in rows))

    def _facts(self) -> Iterator[tuple[str, str]]:
        done = self.subject.done
        net, costs, one = done.net, done.cost, profile(done.net, done.cost)
        shapes = net.graph.shapes()
        for name, node in net.graph.inputs.items():
            yield f"input `{name}`", net.conditions.show(shapes[node])
        for name, node in net.graph.outputs.items():
            yield f"output `{name}`", net.conditions.show(shapes[node])
        heads = ", ".join(f"`{head.name}` (weight {head.weight:g})" for head in net.graph.heads)
        yield "auxiliary heads, in training", heads
        yield "parameters", f"{costs.deployed_params:,}" + (f" ({costs.params:,} with heads)" if heads else "")
        if costs.macs is not None:
            yield "GMACs (GFLOPs)", f"{in_giga(costs.macs)} ({in_giga(2 * costs.macs)})"
        yield "activations of one image, float32", in_bytes(one.activations) if one.activations else ""
        yield "most of these at once", in_bytes(one.peak.numbers) if one.peak and one.activations else ""
        yield "receptive field, pixels", " x ".join(dict.fromkeys(str(int(size)) for size in one.field))
        yield "depth, convolutions in all", f"{one.depth}, {one.convolutions}"
        axes = list(net.conditions.nominal)
        yield "legal sizes", describe_sizes(done, axes) if axes else ""
        values = ", ".join(f"`{name}` = {value}" for name, value in net.params.items())
        yield "parameters of the spec", values

    def _weights(self) -> str:
        net = self.subject.done.net
        keys = dict(state_dict(net.graph, net.graph.shapes()))
        return f"A checkpoint has {len(keys):,} keys (fingerprint of keys and shapes: `{self.subject.done.cost.keys}`)."

    def _left_aside(self) -> Iterator[str]:
        """Advice that the spec leaves aside, with its reasons: decisions that a reader should know."""
        comments = [each for each in ignores(self.subject.done.spec.file) if each.reason]
        if comments:
            yield "## Advice left aside"
            yield "\n".join(
                f"- {', '.join(each.codes)}, line {each.span.line}: {_safe(each.reason)}" for each in comments
            )

    def _code(self) -> str:
        """How to compile and load it."""
        done = self.subject.done
        name = done.source.name
        spec = f"{name}::{self.title}" if done.chosen else name
        return (
            f"```sh\nincdsl compile {quote(spec)}\nincdsl verify {quote(spec)}\n```\n\n"
            f'```py\nimport incdsl\n\nnet = incdsl.load("{spec}").{self.title}()\n```'
        )


def _notes(header: Sequence[str]) -> Iterator[str]:
    """The comments at the top of a spec, a paragraph or a list each; a line that ends a sentence ends a paragraph."""
    note: list[str] = []
    for line in [*header, ""]:
        is_new = (
            not line or line.startswith("Input:") or (note and note[-1].endswith(".") and not line.startswith("- "))
        )
        if note and is_new:
            yield "\n".join(note)
            note = []
        if line:
            note.append(line)


def _safe(text: str) -> str:
    """Words of a spec or a user, in which nothing is markup of HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _plain(text: str) -> str:
    """A text without anything that a terminal would obey, line by line."""
    return "\n".join(map(printable, text.splitlines()))

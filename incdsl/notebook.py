"""Notebooks: `%%inc` compiles a cell, binds its nets, and shows what is wrong below the lines that it is about.

`%load_ext incdsl` brings it. Importing this module needs IPython.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from incdsl.compiler import compilations
from incdsl.diagnostics import Diagnostic
from incdsl.diagnostics.listing import listing
from incdsl.diagnostics.render import render
from incdsl.frontend import Options, analyze_source
from incdsl.runtime.load import load_subject
from incdsl.source import Source
from incdsl.subject import Subject, setting
from incdsl.tables.shown import shown

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class Listing:
    """A cell with its problems in place; their words where there is no HTML."""

    def __init__(self, source: Source, problems: tuple[Diagnostic, ...]) -> None:
        self._source, self._problems = source, problems

    def _repr_html_(self) -> str:
        return listing(self._source, self._problems)

    def __repr__(self) -> str:
        return render(self._problems, "human")


class WrongCell(Exception):
    """A cell that does not compile, so that those below it do not run; the notebook shows the listing and one line."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@magics_class
class IncMagics(Magics):
    """The magic for cells in the language."""

    @magic_arguments()
    @argument("--by", choices=["block", "layer", "op"], default="block", help="What a row of the tables is.")
    @argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE", help="A parameter's value.")
    @argument("--root", type=Path, default=None, help="Folder that imports must not leave.")
    @argument("--quiet", action="store_true", help="Bind the nets and show nothing.")
    @cell_magic
    def inc(self, line: str, cell: str) -> None:
        """Compile a spec, and bind the class of each of its nets to the net's name.

        A figure shows each net, and a table what it costs. What is wrong stands below the lines that it is about, and
        nothing is bound then.
        """
        from IPython.display import HTML, display

        given = parse_argstring(self.inc, line)
        source = Source("<cell>", cell)
        try:
            settings = dict(setting(_unquoted(each)) for each in given.settings)
        except ValueError as error:
            raise UsageError(f"--set: {error}") from None
        if given.root and not given.root.is_dir():
            raise UsageError(f"--root: there is no folder {str(given.root)!r}")
        analysis = analyze_source(source, Options(settings, root=given.root or Path.cwd()))
        if analysis.problems:
            display(Listing(source, analysis.problems))
        if analysis.errors:
            count = len(analysis.errors)
            raise WrongCell(f"{count} error{'s' * (count > 1)}, nothing is bound")
        for done in compilations(analysis):
            subject = Subject(done.net.name, done)
            assert self.shell is not None
            self.shell.user_ns[done.net.name] = getattr(load_subject(subject), done.net.name)
            if not given.quiet:
                display(HTML(shown(subject, given.by)))


def _unquoted(text: str) -> str:
    """A word without the quotes that a shell would take away, and IPython does not."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magic."""
    shell.register_magics(IncMagics)

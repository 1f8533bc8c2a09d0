"""The command line; sub-commands are imported when they are called."""

from __future__ import annotations

import importlib
import io
import os
import sys

import click

_COMMANDS = {
    "annotate": "Write the shapes of a spec into it, or take them out.",
    "check": "Check specs: syntax, names, shapes, and the facts that they state.",
    "compare": "Compare nets, or steps on an input: cost, memory, depth, the narrowest point.",
    "compile": "Write the PyTorch module of a spec.",
    "deploy": "Write the module to deploy, certified, with the weights of a checkpoint.",
    "diff": "Show what changed between two nets, or since a revision of git.",
    "draw": "Draw a net or a block: SVG, a page, PNG, PDF.",
    "explain": "Explain a diagnostic code or an op.",
    "fmt": "Write specs in the one layout that the language has.",
    "lint": "Say what papers advise about specs, and which mistakes compile.",
    "lsp": "Serve an editor: diagnostics, shapes, completion, everything.",
    "new": "Write a small spec that compiles, to begin with.",
    "passes": "Show what the optimizer does to a net for inference, and what it declines.",
    "report": "Write the model card of a net, a page or Markdown.",
    "specs": "List the specs that ship with incdsl.",
    "summary": "Show the table of a net: shapes, parameters, multiply-accumulates.",
    "tune": "Measure which rewrites, layout and execution are fastest on a device.",
    "verify": "Run the generated module and compare it with what the compiler says.",
    "watch": "Check and compile a spec whenever it is saved, and say what changed.",
    "weights": "Give a net the weights of a checkpoint with other names.",
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and one-line helps without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in alphabetical order."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"incdsl.cli.{cmd_name}_")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="incdsl")
def cli() -> None:
    """Describe convolutional networks made of parallel branches; get shapes, costs, mistakes and PyTorch code.

    A spec is a file, `-` for standard input, or the path of a shipped spec such as specs/v3.inc;
    SPEC::NET chooses one net of several.
    """


def main() -> None:
    """Run, and turn what goes wrong into a message and an exit code: 1 for specs, 2 for usage and for our own bugs."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # a terminal that knows no `·` still gets an answer
        try:
            cli(standalone_mode=True)
        finally:
            if sys.stdout:
                sys.stdout.flush()
    except (SystemExit, KeyboardInterrupt):
        raise
    except BrokenPipeError:
        _discard_output()
        sys.exit(1)
    except OSError as error:
        _discard_output()
        click.echo(f"error: cannot write the output: {(error.strerror or str(error)).lower()}", err=True)
        sys.exit(2)
    except Exception as error:
        if os.environ.get("INCDSL_DEBUG"):
            raise
        _bug(error)
        sys.exit(2)


def _discard_output() -> None:
    """Nobody takes what is still in the buffer: the interpreter must not try again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _bug(error: Exception) -> None:
    from incdsl.ops.plugins import culprit

    text = f"{type(error).__name__}: {error}"
    if package := culprit(error):
        click.echo(f"error: an op of the package `{package}` failed: {text[:500]!r}", err=True)
        click.echo("It is not one of incdsl's ops; INCDSL_DEBUG=1 shows the traceback.", err=True)
        return
    click.echo(f"internal error: {text[:500]!r}", err=True)
    click.echo("This is a bug in incdsl; please report it with the spec. INCDSL_DEBUG=1 shows the traceback.", err=True)

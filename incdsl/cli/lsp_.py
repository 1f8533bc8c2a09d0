"""`incdsl lsp`."""

from __future__ import annotations

import click


@click.command("lsp")
@click.option("--stdio", is_flag=True, hidden=True, help="What some editors add; it is the only way there is.")
@click.option("--version", is_flag=True, help="Say which server would start, and end.")
def command(stdio: bool, version: bool) -> None:
    """Serve an editor on standard input and output, by the language server protocol.

    Editors start it themselves; docs/editor.md says how. It needs `pip install 'incdsl[lsp]'`.
    """
    try:
        from incdsl.lsp.main import create, start
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] in ("pygls", "lsprotocol", "cattrs", "attrs"):
            raise click.ClickException(f"there is no {error.name}; `pip install 'incdsl[lsp]'` brings it") from None
        raise
    if version:
        server = create()
        click.echo(f"{server.name} {server.version}")
    else:
        start()

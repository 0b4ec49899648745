"""The command line: one command a verb. It parses, calls and prints; no mathematics here."""

from __future__ import annotations

from typing import Annotated

import typer

from isoloss import __version__
from isoloss.cli.certify import certify
from isoloss.cli.commands import MARKUP, Command, Commands
from isoloss.cli.compare import compare
from isoloss.cli.design import design
from isoloss.cli.explore import explore
from isoloss.cli.fit import fit
from isoloss.cli.overview import print_overview
from isoloss.cli.predict import predict
from isoloss.cli.reproduce import reproduce
from isoloss.cli.sweep import sweep
from isoloss.cli.verify import verify

__all__ = ["app"]

app = typer.Typer(
    name="isoloss",
    cls=Commands,
    help="What a learning-rate schedule does to the test loss at a given train loss.",
    invoke_without_command=True,
    rich_markup_mode=MARKUP,
    pretty_exceptions_enable=False,
)
app.command(cls=Command)(reproduce)
app.command(cls=Command)(explore)
app.command(cls=Command)(compare)
app.command(cls=Command)(design)
app.command(cls=Command)(fit)
app.command(cls=Command)(predict)
app.command(cls=Command)(certify)
app.command(cls=Command)(verify)
app.command(cls=Command)(sweep)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"isoloss {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Tell what a learning-rate schedule does to the test loss at a given train loss."""
    del version  # its callback has printed it
    if context.invoked_subcommand is None:
        commands = getattr(context.command, "commands", {})
        helps = {name: each.get_short_help_str(80) for name, each in commands.items()}
        print_overview(__version__, helps)

"""The command line: one command per verb. It only parses, calls the library and prints."""

from __future__ import annotations

from typing import Annotated

import typer

from isoloss._version import __version__
from isoloss.cli.certify_command import certify
from isoloss.cli.commands import MARKUP, Command, Commands
from isoloss.cli.compare_command import compare
from isoloss.cli.design_command import design
from isoloss.cli.explore_command import explore
from isoloss.cli.fit_command import fit
from isoloss.cli.forecast_command import forecast
from isoloss.cli.match_command import match
from isoloss.cli.overview import print_overview
from isoloss.cli.predict_command import predict
from isoloss.cli.reproduce_command import reproduce
from isoloss.cli.sweep_command import sweep
from isoloss.cli.verify_command import verify

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
app.command(cls=Command)(match)
app.command(cls=Command)(forecast)
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
    """Show what a learning-rate schedule does to the test loss at a given train loss."""
    del version  # its callback has printed it
    if context.invoked_subcommand is None:
        commands = getattr(context.command, "commands", {})
        helps = {name: each.get_short_help_str(80) for name, each in commands.items()}
        print_overview(__version__, helps)

"""The command line: one command a verb. It parses, calls and prints; no mathematics here."""

from __future__ import annotations

from typing import Annotated

import typer

import isoloss
from isoloss.cli.certify import certify
from isoloss.cli.compare import compare
from isoloss.cli.design import design
from isoloss.cli.fit import fit
from isoloss.cli.predict import predict
from isoloss.cli.reproduce import reproduce
from isoloss.cli.sweep import sweep
from isoloss.cli.verify import verify

__all__ = ["app"]

app = typer.Typer(
    name="isoloss",
    help="What a learning-rate schedule does to the test loss at a given train loss.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command()(reproduce)
app.command()(compare)
app.command()(design)
app.command()(fit)
app.command()(predict)
app.command()(certify)
app.command()(verify)
app.command()(sweep)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"isoloss {isoloss.__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Tell what a learning-rate schedule does to the test loss at a given train loss."""
    del version  # its callback has printed it

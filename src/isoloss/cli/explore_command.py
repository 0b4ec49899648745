"""isoloss explore: serve the interactive page on this machine."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from isoloss.cli._memory import give_memory_back
from isoloss.cli.commands import reported
from isoloss.cli.completion import DATA_SETS, complete

__all__ = ["explore"]


def explore(
    context: typer.Context,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="[DATA]",
            help="A data set that comes with scikit-learn, to open the page on: "
            f"{', '.join(DATA_SETS)}. A file of your own is chosen on the page.",
            autocompletion=complete(DATA_SETS),
        ),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, help="The port, or the next free one if it is taken; 0 for any port."
        ),
    ] = 8642,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="The address of this machine to listen at. With the default, only this machine "
            "can open the page.",
        ),
    ] = "127.0.0.1",
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")
    ] = True,
) -> None:
    """Open an interactive page on the paper's example, any spectrum or your own data.

    The page needs no internet connection. Its address holds what it shows, so that a link shows
    the same again. Ctrl-C stops the command.
    """
    give_memory_back()
    with reported(context), contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is the normal end
        from isoloss.explorer import serve

        serve(
            host,
            port,
            data=data,
            browser=browser,
            ready=lambda url: typer.echo(f"The explorer is at {url} (Ctrl-C stops it)"),
        )
    typer.echo("\nStopped", err=True)

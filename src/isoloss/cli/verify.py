"""isoloss verify: whether a certificate proves what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["verify"]


def verify(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="Certificates, as isoloss certify --out writes them."),
    ],
) -> None:
    """Check certificates by code that shares nothing with the prover.

    Each inequality is derived anew from the certificate's own numbers. The exit status
    is 1 if one is rejected, 2 if a file cannot be read.
    """
    try:
        from isoloss.checker import RejectedError
        from isoloss.checker import verify as check
    except ImportError as error:
        typer.echo(f"isoloss: error: {error}", err=True)
        raise typer.Exit(2) from None
    status = 0
    for path in files:
        try:
            found = check(path)
        except RejectedError as error:
            typer.echo(f"{path}: rejected: {error}")
            status = max(status, 1)
        except OSError as error:
            typer.echo(f"isoloss: error: cannot read '{path}': {error.strerror}", err=True)
            status = 2
        else:
            parts = f"{found.parts} part{'s' * (found.parts > 1)} checked"
            typer.echo(f"{path}: {found.verdict}: {found.claim} ({parts})")
    if status:
        raise typer.Exit(status)

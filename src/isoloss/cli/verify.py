"""isoloss verify: whether a certificate proves what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["verify"]


def verify(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="Certificates, or folders of them."),
    ],
) -> None:
    """Check certificates by code that shares nothing with the prover.

    Each inequality is derived anew from the certificate's own numbers. The exit status
    is 1 if one is rejected or proves nothing, 2 if a file cannot be read.
    """
    try:
        from isoloss.checker import RejectedError, UndecidedError
        from isoloss.checker import verify as check
    except ImportError as error:
        typer.echo(f"isoloss: error: {error}", err=True)
        raise typer.Exit(2) from None
    status = 0
    for path in _expanded(files):
        try:
            found = check(path)
        except UndecidedError as error:
            typer.echo(f"{path}: undecided: {error}")
            status = max(status, 1)
        except RejectedError as error:
            typer.echo(f"{path}: rejected: {error}")
            status = max(status, 1)
        except OSError as error:
            typer.echo(f"isoloss: error: {_unread(path, error)}", err=True)
            status = 2
        else:
            if not found.parts:
                typer.echo(f"{path}: {found.verdict}: {found.claim}")
                continue
            typer.echo(f"{path}: {found.verdict} in {len(found.parts)} parts:")
            for part in found.parts:
                typer.echo(f"  {part.verdict}: {part.claim}")
            typer.echo(f"  in words, which are for you to check: {found.claim}")
    if status:
        raise typer.Exit(status)


def _unread(path: Path, error: OSError) -> str:
    from isoloss.names import no_file

    missing = isinstance(error, FileNotFoundError)
    return no_file(path) if missing else f"cannot read '{path}': {error.strerror}"


def _expanded(paths: list[Path]) -> list[Path]:
    """Return files, those of a folder in place of it."""
    files: list[Path] = []
    for path in paths:
        files += sorted(path.glob("*.json")) if path.is_dir() else [path]
    return files

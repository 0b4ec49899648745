"""isoloss verify: check whether a certificate proves what it states."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isoloss.cli.commands import reported

if TYPE_CHECKING:
    from isoloss.checker import Checked

__all__ = ["verify"]


def verify(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="Certificates, or folders of them."),
    ],
    max_work: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            show_default="10000000, about half a minute",
            help="How many operations the check of a file may take.",
        ),
    ] = None,
) -> None:
    """Check certificates with code that shares nothing with the prover.

    Each inequality is derived anew from the certificate's own numbers. The exit status is
    1 if a certificate is rejected, proves nothing, or needs more work than is allowed, and 2
    if a file cannot be read or a folder has no certificates.
    """
    with reported(context):
        import isoloss.checker  # noqa: F401 - fails if the extra is missing
    status = 0
    for given in files:
        found = sorted(given.glob("*.json")) if given.is_dir() else [given]
        if not found:
            typer.echo(f"isoloss: error: there is no *.json file in {_shown(given)}", err=True)
            status = 2
        status = max([status, *(_verify(path, max_work) for path in found)])
    if status:
        raise typer.Exit(status)


def _verify(path: Path, max_work: int | None) -> int:
    """Print what a certificate file proves; return the exit status."""
    from isoloss.checker import LimitError, RejectedError, UndecidedError
    from isoloss.checker import verify as check

    try:
        checked = check(path) if max_work is None else check(path, max_work=max_work)
    except UndecidedError as error:
        typer.echo(f"{_shown(path)}: undecided: {error}")
    except LimitError as error:
        typer.echo(f"{_shown(path)}: not checked: {error}")
    except RejectedError as error:
        typer.echo(f"{_shown(path)}: rejected: {error}")
    except OSError as error:
        typer.echo(f"isoloss: error: {_unread(path, error)}", err=True)
        return 2
    else:
        first, *rest = _lines(checked)
        typer.echo("\n".join([f"{_shown(path)}: {first}", *rest]))
        return 0
    return 1


def _lines(checked: Checked, indent: str = "") -> Iterator[str]:
    """Yield lines on what was proved for what; for a theorem, on what was and was not checked."""
    if not checked.parts:
        yield f"{indent}{checked.verdict}: {checked.claim}"
        if checked.given:
            yield f"{indent}  {checked.given}"
        return
    count = len(checked.parts)
    yield f"{indent}{checked.verdict} in {count} part{'s' * (count > 1)}:"
    for part in checked.parts:
        yield from _lines(part, f"{indent}  ")
    yield f"{indent}  in words, which are for you to check: {checked.claim}"


def _shown(path: Path) -> str:
    """Return a path unchanged, unless it would be printed as something else."""
    return str(path) if str(path).isprintable() else ascii(str(path))


def _unread(path: Path, error: OSError) -> str:
    from isoloss._messages.near_misses import no_file

    missing = isinstance(error, FileNotFoundError)
    return no_file(path) if missing else f"cannot read '{path}': {error.strerror}"

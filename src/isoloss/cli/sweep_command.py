"""isoloss sweep: train many problems × schedules × levels, described by a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isoloss._messages.extras import install_command
from isoloss.cli.commands import reported

__all__ = ["sweep"]


def sweep(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(metavar="CONFIG.toml", help="What to sweep over.")],
    out: Annotated[Path, typer.Option(metavar="FILE.nc", help="The result, in NetCDF.")] = Path(
        "sweep.nc"
    ),
    workers: Annotated[
        int | None,
        typer.Option(help="Processes to compute in; -1 for all cores. By default this one."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="A Dask scheduler to compute on, tcp://host:8786."),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keeps finished work, so that a new call resumes the sweep. By default beside the "
            "result, and removed when that is written.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write over the result if it is there.")
    ] = False,
) -> None:
    """Train many problems by many schedules to many levels.

    The file, such as the one below, has a sampler, schedules, levels, and the parameters
    that vary. Results are the same for any number of workers.
    """
    import shutil
    import warnings

    from isoloss._files import locked

    own = out.with_name(f".{out.name}.cache")

    def left() -> str:
        folder = own if cache is None else cache
        if done := len(list(folder.glob("task-*"))):
            return f"the {done} tasks done are kept in {folder}: a new call resumes the sweep"
        return "nothing was written"

    with reported(context, RuntimeError, MemoryError, left=left):
        from isoloss.sweep import save
        from isoloss.sweep import sweep as run
        from isoloss.sweep.config import read_config
        from isoloss.sweep.storage import check_name

        plan = read_config(config)
        check_name(out)
        if out.exists() and not force:
            raise ValueError(f"{out} exists; choose another --out, or give --force")
        if not out.parent.is_dir():
            raise ValueError(f"there is no folder '{out.parent}' to write to")
        if workers is not None and cluster is not None:
            raise ValueError("give --workers or --cluster, not both")
        typer.echo(plan.size)
        there = own.exists()
        context.with_resource(locked(own))
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("always", UserWarning)
                found = run(
                    **plan.arguments,
                    on=_client(cluster) if cluster is not None else workers,
                    cache=own if cache is None else cache,
                )
        finally:
            if not there and not list(own.glob("task-*")):  # there is nothing to resume from
                shutil.rmtree(own, ignore_errors=True)
        save(found, out, overwrite=force)
        if cache is None:
            shutil.rmtree(own, ignore_errors=True)
    sizes = " × ".join(f"{name} {size}" for name, size in found.sizes.items())
    for each in warned:
        typer.echo(f"isoloss: note: {each.message}", err=True)
    typer.echo(f"Wrote {out}: {sizes}")


def _client(address: str) -> object:
    import importlib

    try:  # the packages have no type hints
        client = importlib.import_module("distributed").Client
        settings = importlib.import_module("dask.config")
    except ImportError as error:
        raise ImportError(f"--cluster needs Dask: {install_command('dask')} ({error})") from None
    try:
        return client(address, timeout=settings.get("isoloss.scheduler-timeout", "10s"))
    except (OSError, ValueError) as error:
        raise RuntimeError(f"there is no Dask scheduler at {address}: {error}") from None

"""Show the progress of long computations, on a terminal only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

__all__ = ["told_of"]


@contextlib.contextmanager
def told_of(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a progress bar; yield a function to call with each further amount that is done.

    ``total`` is None if it is not known how much there is to do.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    silent = not console.is_terminal
    with Progress(
        *columns, TimeElapsedColumn(), console=console, transient=True, disable=silent
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda more: bar.advance(task, more)

"""Progress of long computations, on a terminal alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

__all__ = ["told_of"]


@contextlib.contextmanager
def told_of(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar while something is counted; yield the function that is told how much more is done.

    ``total`` is None where the end is not known.
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

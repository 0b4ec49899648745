"""Split the rows of isoloss compare as its options ask, and judge schedules on the splits."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import TimeoutError, active_children, get_context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isoloss.comparison.judgement import Judgement
    from isoloss.comparison.judging import Asked
    from isoloss.comparison.level_losses import SplitLosses
    from isoloss.datasets import Split, Table
    from isoloss.problems.problem import Problem

__all__ = ["Ways", "judge", "split_in"]

_LOOKS = 1.0  # seconds between two looks at whether all workers are alive


@dataclass(frozen=True)
class Ways:
    """The options of the command that say how to split rows."""

    repeats: int | None
    test_size: float | None
    groups: str | None
    time: str | None
    in_order: bool
    seed: int


def split_in(
    table: Table, test: Table | None, ways: Ways, options: dict[str, Any]
) -> Sequence[Split]:
    """Return all splits of a table, or the single split with the given test rows."""
    from isoloss.datasets import split, split_repeatedly

    if test is None and (table.test is None or ways.test_size is not None):
        return split_repeatedly(
            table,
            repeats=ways.repeats,
            test_size=ways.test_size,
            groups=ways.groups,
            time=ways.time,
            in_order=ways.in_order,
            seed=ways.seed,
            **options,
        )
    given = {
        "--repeats": ways.repeats is not None,
        "--groups": ways.groups is not None,
        "--time": ways.time is not None,
        "--time-order": ways.in_order,
    }
    if named := [name for name, is_given in given.items() if is_given]:
        raise ValueError(f"the test rows are given, so nothing is split: leave out {named[0]}")
    return [split(table, test, test_size=ways.test_size, seed=ways.seed, **options)]


def judge(splits: Sequence[Split], problem: Problem, asked: Asked) -> Judgement | None:
    """Judge schedules on all splits, or on given test rows; return None for one random split."""
    from isoloss.comparison.judging import judged_over_splits
    from isoloss.comparison.over_rows import judged_on_rows
    from isoloss.comparison.repeated import losses_in_split
    from isoloss.datasets import Splits
    from isoloss.problems.problem import Problem

    if not isinstance(splits, Splits):
        return judged_on_rows(problem, splits[0].X_test, splits[0].y_test, asked)
    if len(splits) == 1:
        return None
    made = (partial(Problem.from_data, s.X, s.y, s.X_test, s.y_test) for s in splits)
    losses = list(_shown(_in_processes(partial(losses_in_split, asked), made), len(splits)))
    return judged_over_splits(losses, asked, splits.test_per_train)


def _in_processes(
    losses: Callable[[Callable[[], Problem]], SplitLosses], made: Iterator[Callable[[], Problem]]
) -> Iterator[SplitLosses]:
    """Yield the losses of each split in turn.

    A forked process starts at once. Where there is no fork, processes take longer to start than
    most data sets to compare, and threads gain nothing, as most of the work is in Python.
    """
    jax = sys.modules.get("jax")  # its threads do not survive a fork
    if sys.platform != "linux" or jax is not None:
        yield from map(losses, made)
        return
    ignored = signal.SIGINT, signal.SIG_IGN  # Ctrl-C is for the command, which ends its processes
    before = active_children()
    with get_context("fork").Pool(initializer=signal.signal, initargs=ignored) as pool:
        workers = [each for each in active_children() if each not in before]
        found = pool.imap(losses, made)
        while True:
            try:
                yield found.next(timeout=_LOOKS)
            except StopIteration:
                return
            except TimeoutError:  # a pool waits forever for what a killed worker had begun
                if any(each not in active_children() for each in workers):
                    raise ValueError(
                        "a process that compared splits was killed, perhaps for lack of memory; "
                        "give fewer rows, or --repeats 1"
                    ) from None


def _shown(found: Iterator[SplitLosses], count: int) -> Iterator[SplitLosses]:
    """Yield the results while showing a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        yield from bar.track(found, total=count, description="Comparing splits")

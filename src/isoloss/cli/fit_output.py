"""What isoloss fit prints: the best stop of each schedule, the choice and the model."""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table as Grid

from isoloss.cli.described import described
from isoloss.comparison.text import short
from isoloss.datasets import Labelled
from isoloss.estimators.choice import BestStop, choice

if TYPE_CHECKING:
    from isoloss.estimators import ScheduleSearchCV

__all__ = ["progress", "show"]

_READING = (
    "Each line is a schedule at its best stop: the excess of the train loss over the smallest one, "
    "as a share of the start's; GD steps; and time of gradient flow in units of the largest stable "
    "rate 1/γ₁; means over folds, with the standard error of the score.",
    "Texts of schedules have their rates in units of 1/γ₁.",
)


@contextmanager
def progress(count: int) -> Iterator[None]:
    """Show on a terminal that something goes on; be silent elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(f"fitting {count} rows"):
        yield


def show(rows: Labelled, search: ScheduleSearchCV) -> None:
    """Print what was chosen, and why."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # the Greek letters, where there are none
    console = Console(highlight=False, markup=False)
    console.print(rows.name, style="bold")
    found = choice(search)
    _lines(console, rows.notes)
    console.print()
    grid = Grid(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    name = search.scoring or ("accuracy" if rows.classes else "R²")
    for i, head in enumerate(
        ("", "excess\ntrain loss", "steps", "flow\ntime", f"mean\n{name}", "")
    ):
        grid.add_column(head, justify="right" if 0 < i < 5 else "left", vertical="bottom")
    for stop in found.stops:
        grid.add_row(*_cells(stop))
    console.print(grid)
    model = search.best_estimator_[-1]
    flow = model.flow_time_ / model.max_lr_
    trained = (
        f"Trained on all {len(rows.X)} train rows: {model.n_steps_} GD steps"
        + (f" and gradient flow for {_time(flow)}" if flow else "")
        + f"; train loss {model.train_loss_:.5g}, from {model.start_train_loss_:.5g} at the start "
        f"(the smallest is {model.min_train_loss_:.5g})."
    )
    chosen = f"Schedule, up to the stop: {described(model.schedule_, model.max_lr_)}."
    for title, lines in {
        "How to read this": _READING,
        "Choice": found.reason,
        "Model": (trained, chosen),
    }.items():
        console.print(f"\n{title}", style="bold")
        _lines(console, lines)


def _cells(stop: BestStop) -> tuple[str, ...]:
    steps = f"{stop.steps:.0f}" if stop.steps == int(stop.steps) else f"{stop.steps:.1f}"
    spread = "" if math.isnan(stop.spread) else f"± {stop.spread:.2g}"
    share = "end" if stop.at_end else f"{100 * stop.excess:.3g}%"
    return stop.schedule, share, steps, _time(stop.time), f"{stop.score:.4f}", spread


def _time(time: float) -> str:
    return "endless" if math.isinf(time) else short(time)


def _lines(console: Console, lines: tuple[str, ...]) -> None:
    for line in lines:
        console.print(f"  {line}", soft_wrap=not console.is_terminal)

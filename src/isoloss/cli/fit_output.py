"""Print the results of isoloss fit: the best stop of each schedule, the choice and the model."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table as Grid

from isoloss._messages.numbers import short
from isoloss.cli.descriptions import described
from isoloss.datasets import Labelled
from isoloss.estimators.tuning.explanation import BestStop, choice

if TYPE_CHECKING:
    from isoloss.estimators import ScheduleSearchCV

__all__ = ["show"]

_READING = (
    "Each line is a schedule at its best stop: what the train loss is above the smallest one, as a "
    "share of the start's; GD steps; and time of gradient flow in units of the largest stable rate "
    "1/γ₁, as are the rates in texts. The last is ridge regression with its best penalty."
)
_FOLDS = "Means over folds, of times the median; ± is the standard error of the score."
_WIDTH = 100


def show(rows: Labelled, search: ScheduleSearchCV, warned: Sequence[str]) -> None:
    """Print what was chosen, and why."""
    console = Console(highlight=False, markup=False)
    console.print(rows.name, style="bold")
    found, several = choice(search), search.n_splits_ > 1
    name = search.scoring or ("accuracy" if rows.classes else "R²")
    where = f"the mean over {search.n_splits_} folds" if several else "on the validation rows"
    _lines(console, (*rows.notes, *warned, f"The score is {name}, {where}."))
    console.print()
    grid = Grid(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for i, head in enumerate(("", "excess\ntrain loss", "steps", "flow\ntime", "score", "")):
        grid.add_column(
            head,
            justify="right" if 0 < i < 5 else "left",
            vertical="bottom",
            no_wrap=i > 0,
            overflow="fold",
        )
    for stop in found.stops:
        grid.add_row(*_cells(stop))
    grid.add_row("ridge", "", "", "", *_score(*found.ridge))
    console.print(grid)
    model = search.best_estimator_[-1]
    flow = model.flow_time_ / model.max_lr_
    spent = (
        f"gradient flow for {short(flow)}" if math.isfinite(flow) else "gradient flow to its end"
    )
    trained = (
        f"Trained on all {len(rows.X)} train rows: {model.n_steps_} GD steps"
        + (f" and {spent}" if flow else "")
        + f"; train loss {model.train_loss_:.5g}, from {model.start_train_loss_:.5g} at the start "
        f"(the smallest is {model.min_train_loss_:.5g})."
    )
    whole = f"Its schedule, were it not stopped: {described(model.schedule_, model.max_lr_)}."
    for title, lines in {
        "How to read this": (_READING, _FOLDS) if several else (_READING,),
        "Choice": found.reason,
        "Model": (trained, whole),
    }.items():
        console.print(f"\n{title}", style="bold")
        _lines(console, lines)


def _cells(stop: BestStop) -> tuple[str, ...]:
    steps = f"{stop.steps:.0f}" if stop.steps == int(stop.steps) else f"{stop.steps:.1f}"
    share = "end" if stop.at_end else f"{100 * stop.excess:.3g}%"
    time = "endless" if math.isinf(stop.time) else short(stop.time)
    return stop.schedule, share, steps, time, *_score(stop.score, stop.spread)


def _score(score: float, spread: float) -> tuple[str, str]:
    return short(score), "" if math.isnan(spread) else f"± {short(spread, 2)}"


def _lines(console: Console, lines: Sequence[str]) -> None:
    width = min(console.width, _WIDTH) if console.is_terminal else _WIDTH
    for line in lines:
        console.print(textwrap.indent(textwrap.fill(line, width - 2), "  "), soft_wrap=True)

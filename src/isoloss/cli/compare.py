"""isoloss compare: schedules side by side on real data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from isoloss.comparison import Comparison
    from isoloss.datasets import Split
    from isoloss.specs import Spec

__all__ = ["compare"]

_PIPE_WIDTH = 200  # wide enough for every table; sentences are not wrapped
_DEFAULTS = ("flow", "gd(0.1, 1000000)", "gd(1.0, 10) > flow", "gd(1.0, 100) > flow")


def compare(
    data: Annotated[
        str,
        typer.Argument(
            help="A CSV, Parquet or NPZ file (arrays X and y), or the name of a data set that comes "
            "with scikit-learn: breast_cancer, diabetes, digits, iris, linnerud, wine."
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="The target's column.  [default: 'target', else the last one]"
        ),
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Test rows, with the same columns as DATA."),
    ] = None,
    test_size: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="The share of rows, chosen at random, to test on.  [default: 0.5, unless there are "
            "test rows]",
        ),
    ] = None,
    task: Annotated[
        Literal["auto", "classification", "regression"],
        typer.Option(
            help="What to make of the target; auto takes text and whole numbers with at most 20 "
            "distinct values as classes."
        ),
    ] = "auto",
    schedule: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC",
            help="A schedule; may be given several times. SPEC joins phases by '>': gd(R, K) for K "
            "steps at R times the largest stable rate, flow for gradient flow, flow(T) for as much "
            f"of it as T such steps.  [default: {'; '.join(_DEFAULTS)}]",
        ),
    ] = None,
    levels: Annotated[
        int,
        typer.Option(
            min=1,
            max=1000,
            help="How many train losses to stop at, evenly spaced in the log of the train loss above "
            "its smallest value, down to a thousandth of where it starts.",
        ),
    ] = 12,
    seed: Annotated[int, typer.Option(min=0, help="The seed of the random split.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write report.html, the figure and results.csv here."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write into DIR whatever it holds.")
    ] = False,
) -> None:
    """Compare learning-rate schedules on your data at equal train loss.

    Trains least squares by each schedule (gradient flow is always among them), stops at the same
    train losses, and says whether the test loss is lower or higher than gradient flow's, beside
    ridge regression and the lowest and highest test loss of all parameters with that train loss.
    """
    from isoloss.comparison import compare as compare_schedules
    from isoloss.datasets import load, split
    from isoloss.outputs import prepare_folder
    from isoloss.problem import Problem
    from isoloss.specs import Spec

    try:
        specs = [Spec.parse(text) for text in schedule or _DEFAULTS]
        if Spec.parse("flow") not in specs:
            specs.insert(0, Spec.parse("flow"))
        rows = split(
            load(data),
            None if test is None else load(test),
            target=target,
            test_size=test_size,
            task=task,
            seed=seed,
        )
        problem = Problem.from_data(rows.X, rows.y, rows.X_test, rows.y_test)
        found = compare_schedules(
            problem,
            {str(spec): spec.at(float(problem.max_lr)) for spec in specs},
            levels,
            test_error=rows.test_error if rows.classes else None,
        )
        if out is not None:
            prepare_folder(out, force=force)
    except (ValueError, ImportError, OSError) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2) from None
    _show(rows, found)


def _sections(found: Comparison) -> dict[str, tuple[str, ...]]:
    from isoloss.comparison import NO_DIFFERENCE

    return {
        "How to read this": (
            "At each level: where the schedule stops, and the change in test loss against gradient "
            "flow (vs flow).",
            "flow, ridge, band: test losses of gradient flow, ridge regression and the level band "
            "(the range over all parameters) at the same train loss as the stop.",
        ),
        f"Against gradient flow (up to {NO_DIFFERENCE:.0%} counts as no difference)": found.verdicts,
        "Best stop on the test data (optimistic, since chosen on it)": found.best_stops,
    }


def _show(rows: Split, found: Comparison) -> None:
    from rich.console import Console
    from rich.table import Table

    from isoloss.comparison import tables

    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    wrap = {"soft_wrap": not console.is_terminal}
    console.print(rows.name, style="bold")
    for line in (*rows.notes, *found.setting):
        console.print(f"  {line}", **wrap)
    for table in tables(found):
        console.print()
        console.print(table.title, style="bold")
        grid = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        for head in table.heads:
            grid.add_column(
                head.replace(" ", "\n"), justify="right", vertical="bottom", no_wrap=True
            )
        for row in table.rows:
            grid.add_row(*row)
        console.print(grid)
    for title, lines in _sections(found).items():
        console.print(f"\n{title}", style="bold")
        for line in lines:
            console.print(f"  {line}", **wrap)

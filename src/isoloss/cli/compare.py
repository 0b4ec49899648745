"""isoloss compare: schedules side by side on real data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["compare"]

_DEFAULTS = ("flow", "gd(0.1, 1000000)", "gd(1.0, 10) > flow", "gd(1.0, 100) > flow")


def compare(
    data: Annotated[
        str,
        typer.Argument(
            help="A CSV, Parquet or NPZ file (arrays X and y), or the name of a data set that "
            "comes with scikit-learn: breast_cancer, diabetes, digits, iris, linnerud, wine."
        ),
    ],
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="The target's column; by default 'target', else the last one."
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
            help="The share of rows, chosen at random, to test on; by default 0.5, unless there "
            "are test rows.",
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
            f"of it as T such steps. By default {', '.join(_DEFAULTS)}.",
        ),
    ] = None,
    levels: Annotated[
        int,
        typer.Option(
            min=1,
            max=1000,
            help="How many train losses to stop at, evenly spaced in the log of the train loss "
            "above its smallest value, down to a thousandth of where it starts.",
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

    Trains least squares by each schedule (gradient flow is always one of them),
    stops at the same train losses, and says whether the test loss is lower or
    higher than gradient flow's. Beside it stand ridge regression and the lowest
    and highest test loss of all parameters with that train loss.
    """
    from isoloss.cli.comparison_output import show, write
    from isoloss.comparison import compare as compare_schedules
    from isoloss.datasets import load, split
    from isoloss.outputs import OutputError, check_folder
    from isoloss.problem import Problem
    from isoloss.specs import Spec

    try:
        specs = [Spec.parse(text) for text in schedule or _DEFAULTS]
        if Spec.parse("flow") not in specs:
            specs.insert(0, Spec.parse("flow"))
        if out is not None:
            check_folder(out, force=force)
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
            write(rows, found, out, force=force)
    except (ValueError, ImportError, OutputError) as error:
        typer.echo(f"isoloss: error: {error}", err=True)
        raise typer.Exit(2) from None
    show(rows, found)
    if out is None:
        typer.echo(
            "\nNothing was written; --out DIR writes report.html, the figure and results.csv."
        )
    else:
        typer.echo(f"\nWrote report.html, the figure and results.csv to {out}")

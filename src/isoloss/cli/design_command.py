"""isoloss design: find the best schedule for your data, and judge it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isoloss.cli.commands import reported
from isoloss.cli.completion import FAMILIES, complete
from isoloss.cli.options import DropRows, Encode, Header, Ignore, Impute, Out, Rows, Target, Task

__all__ = ["design"]

_DEFAULTS = ("annealed", "two-rate", "decreasing", "rates", "rates+flow")


def design(
    context: typer.Context,
    data: Rows,
    validation: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Rows to choose on, with the same columns as DATA."),
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Rows to judge the choice on. Without both files, a random quarter of DATA is "
            "chosen on and another one judged on.",
        ),
    ] = None,
    header: Header = None,
    target: Target = None,
    ignore: Ignore = None,
    task: Task = "auto",
    drop_rows: DropRows = False,
    impute: Impute = None,
    encode: Encode = None,
    family: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            autocompletion=complete(FAMILIES, [f"{name}+flow" for name in FAMILIES]),
            help="A family of schedules; may be given several times: "
            f"{', '.join(FAMILIES)}; rates are free ones. With +flow at the end, gradient flow "
            "follows the steps. By default "
            f"{', '.join(_DEFAULTS)}.",
        ),
    ] = None,
    steps: Annotated[
        int,
        typer.Option(
            min=1, max=1000, help="The number of steps; the largest, for annealed and two-rate."
        ),
    ] = 16,
    starts: Annotated[
        int, typer.Option(min=1, help="From how many starts the optimizer searches.")
    ] = 10,
    seed: Annotated[
        int, typer.Option(min=0, help="The seed of the random split and of random starts.")
    ] = 0,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json",
            help="Write the best schedule here, for isoloss compare --schedule and "
            "isoloss.Schedule.from_json.",
        ),
    ] = None,
    out: Out = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write into DIR and over FILE.json whatever is there.")
    ] = False,
) -> None:
    """Find the schedule that generalizes best on your data.

    Trains least squares by the best schedule of each family, chosen on the
    validation rows, and judges it on the test rows. Also shows gradient flow and ridge
    regression, chosen on the same rows, and the bound that no schedule can beat.
    """
    from isoloss._files import check_file, claimed, write_text
    from isoloss.cli.selection_output import show, write
    from isoloss.cli.waiting import progress
    from isoloss.comparison import select
    from isoloss.datasets import load, split_three
    from isoloss.problems.problem import Problem

    with reported(context):
        if save is not None:
            if save.suffix.lower() != ".json":
                raise ValueError(f"--save writes JSON: the name must end in .json; got {save}")
            check_file(save, force=force)
        context.with_resource(claimed(out, force=force))
        rows, test_rows = split_three(
            load(data, header=header),
            None if validation is None else load(validation, header=header),
            None if test is None else load(test, header=header),
            target=target,
            task=task,
            ignore=ignore or (),
            drop_rows=drop_rows,
            impute=impute,
            encode=encode,
            seed=seed,
        )
        problem = Problem.from_data(rows.X, rows.y, rows.X_test, rows.y_test)
        with progress("reading") as tell:
            found = select(
                problem,
                problem.with_test(test_rows.X_test, test_rows.y_test),
                family or _DEFAULTS,
                steps=steps,
                starts=starts,
                seed=seed,
                validation_error=rows.test_error if rows.classes else None,
                test_error=test_rows.test_error if rows.classes else None,
                report=lambda name: tell(f"designing {name}"),
            )
        best = found.best.schedule
        if save is not None and best is not None:
            write_text(save, best.to_json(), new=not force)
        if out is not None:
            write(rows, found, out, force=force)
    show(rows, found)
    if save is not None:
        typer.echo(f"\nWrote {found.best.name} to {save}")
    if out is not None:
        typer.echo(f"\nWrote report.html, the figure and results.csv to {out}")
    if save is None and out is None:
        typer.echo(
            "\nNothing was written; --save FILE.json keeps the schedule, --out DIR a report."
        )

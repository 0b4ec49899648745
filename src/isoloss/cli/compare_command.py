"""isoloss compare: schedules side by side on real data."""

from __future__ import annotations

from typing import Annotated

import typer

from isoloss.cli.commands import reported
from isoloss.cli.completion import PHASES, complete
from isoloss.cli.options import (
    DropRows,
    Encode,
    Header,
    Ignore,
    Impute,
    Levels,
    Out,
    Rows,
    Target,
    Task,
    Unit,
)

__all__ = ["compare"]

_DEFAULTS = (
    "flow",
    "gd(1.0, 100) > flow",
    "cosine(1.0, ...)",
    "warmup_stable_decay(1.0, ...)",
)


def compare(
    context: typer.Context,
    data: Rows,
    target: Target = None,
    ignore: Ignore = None,
    header: Header = None,
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
    repeats: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="How many times the rows are split; by default 20, or 5 in time order. Verdicts "
            "are about the mean over all splits; 1 split gives no verdict.",
        ),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Keep rows with the same value of this column together in each split.",
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Test on rows that are later than the train rows by this column of numbers or "
            "dates.",
        ),
    ] = None,
    time_order: Annotated[
        bool,
        typer.Option(
            "--time-order", help="Test on later rows, where the rows are already in time order."
        ),
    ] = False,
    task: Task = "auto",
    drop_rows: DropRows = False,
    impute: Impute = None,
    encode: Encode = None,
    schedule: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC|FILE",
            autocompletion=complete(PHASES, files=(".json", ".csv")),
            help="A schedule; may be given several times. SPEC joins phases by '>': gd(R, K) for K "
            "steps at R times the largest stable rate, flow for gradient flow, flow(T) for as much "
            "of it as T such steps, heavy_ball(R, MOMENTUM, K), nesterov(R, MOMENTUM, K), or a "
            "family such as cosine(R, K) or warmup(R, K). With ... for K, as in cosine(R, ...), as "
            "many steps as end at each level. Or a file: JSON as isoloss design --save writes it, "
            f"or a CSV file with a column lr. By default {', '.join(_DEFAULTS)}.",
        ),
    ] = None,
    levels: Levels = "12",
    unit: Unit = "absolute",
    seed: Annotated[int, typer.Option(min=0, help="The seed of random splits.")] = 0,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC|FILE|NAME",
            help="Judge the schedules against this one instead of gradient flow: a SPEC or FILE as "
            "for --schedule, or the FILE's name without folder and suffix.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print the comparison as JSON, and everything else to the error output."
        ),
    ] = False,
    out: Out = None,
    figure_width: Annotated[
        float | None,
        typer.Option(
            metavar="INCHES",
            min=3.0,
            max=20.0,
            help="The width of the figure in DIR, such as 3.3 for a column of print; by default "
            "7.2.",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Write into DIR even if it has files that isoloss did not write."
        ),
    ] = False,
) -> None:
    """Compare learning-rate schedules on your data at equal train loss.

    Trains least squares by each schedule (gradient flow is always included),
    stops at the same train losses, and reports whether the test loss is lower or
    higher than gradient flow's, over many random splits of the rows, with 95%
    intervals; on given test rows, by a bootstrap. Also shows ridge regression, and
    the lowest and highest test loss of all parameters with that train loss.
    """
    from isoloss._files import claimed
    from isoloss.cli.comparison_output import print_json, show, write
    from isoloss.cli.judging import Ways, judge, split_in
    from isoloss.cli.schedules import compared_schedules
    from isoloss.comparison.judging import Asked
    from isoloss.comparison.stops import compared
    from isoloss.datasets import load
    from isoloss.levels.grid import parse
    from isoloss.problems.problem import Problem

    with reported(context):
        if figure_width is not None and out is None:
            raise ValueError("--figure-width sizes the figure that --out DIR writes; give both")
        schedules, against = compared_schedules(schedule or _DEFAULTS, against)
        context.with_resource(claimed(out, force=force))
        options = {
            "target": target,
            "task": task,
            "ignore": ignore or (),
            "drop_rows": drop_rows,
            "impute": impute,
            "encode": encode,
        }
        ways = Ways(repeats, test_size, groups, time, time_order, seed)
        tables = load(data, header=header), None if test is None else load(test, header=header)
        splits = split_in(*tables, ways, options)
        rows = splits[0]
        problem = Problem.from_data(rows.X, rows.y, rows.X_test, rows.y_test)
        found = compared(
            problem,
            schedules,
            parse(levels),
            unit=unit,
            against=against,
            test_error=rows.test_error if rows.classes else None,
        )
        judgement = judge(splits, problem, Asked.read(schedules, parse(levels), unit, against))
        if out is not None:
            write(rows, found, judgement, out, figure_width, force=force)
        if as_json:
            print_json(rows, found, judgement)
    if not as_json:
        show(rows, found, judgement)
    if out is not None:
        typer.echo(f"\nWrote report.html, the figure and results.csv to {out}", err=as_json)
    elif not as_json:
        note = "Nothing was written; --out DIR writes report.html, the figure and results.csv."
        typer.echo(f"\n{note}")

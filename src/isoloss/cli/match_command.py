"""isoloss match: logged runs side by side at equal train loss."""

from __future__ import annotations

from typing import Annotated

import typer

from isoloss.cli.commands import reported
from isoloss.cli.options import Out
from isoloss.cli.run_options import (
    Columns,
    DropSpikes,
    Every,
    LoggedLr,
    LossUnit,
    OnlyRuns,
    Runs,
    StepsPerEpoch,
    pairs_of,
    runs_of,
)

__all__ = ["match"]


def match(
    context: typer.Context,
    runs: Runs,
    only: OnlyRuns = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=RUN,RUN",
            help="Runs of one schedule with several seeds; may be given several times. In groups "
            "of equal size, the first runs are a pair, and so on; pairs should share a seed.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The run or group that the others are judged against; by default the first whose "
            "rate is constant once it has risen, else the first.",
        ),
    ] = None,
    levels: Annotated[
        str,
        typer.Option(
            metavar="LEVELS",
            help="The train losses to compare at: a count, spread over where the runs overlap; "
            "numbers such as 3.2,3.0; or FROM:TO:COUNT, evenly spaced in the log.",
        ),
    ] = "12",
    smoothing: Annotated[
        float | None,
        typer.Option(
            metavar="WIDTH",
            help="Half the width of the smoothing windows in e-folds of steps, such as 0.1 for "
            "10% of the steps; by default chosen for each curve.",
        ),
    ] = None,
    averaged: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="The number of steps over which each logged train loss is a mean; by default 0, "
            "for losses that are no means, and 50 for bytes.",
        ),
    ] = None,
    confidence: Annotated[
        float, typer.Option(min=0.01, max=0.999, help="The probability of intervals.")
    ] = 0.9,
    columns: Columns = None,
    every: Every = 1,
    steps_per_epoch: StepsPerEpoch = None,
    lr: LoggedLr = None,
    loss_unit: LossUnit = None,
    drop_spikes: DropSpikes = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print the match as JSON, and everything else to the error output."
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
    """Compare the test losses of logged training runs at equal train loss.

    Stops each run where its smoothed train loss first reaches a level, and reports
    whether its test loss there is lower or higher than that of a reference, with
    intervals: over seeds (--group), or from the noise of the logs. Compares only
    where the runs overlap.
    """
    from isoloss._files import claimed
    from isoloss.cli.match_output import json_text, show, write
    from isoloss.curves import match as matched
    from isoloss.curves.examples import AVERAGED
    from isoloss.levels.grid import parse

    with reported(context):
        if figure_width is not None and out is None:
            raise ValueError("--figure-width sizes the figure that --out DIR writes; give both")
        context.with_resource(claimed(out, force=force))
        options = {
            "columns": columns or None,
            "only": only or None,
            "every": None if every == 1 else every,
            "steps_per_epoch": steps_per_epoch,
            "lr": lr,
            "loss_unit": loss_unit,
            "drop_spikes": drop_spikes or None,
        }
        groups = {
            name: [run.strip() for run in members.split(",")]
            for name, members in pairs_of("--group", "NAME=RUN,RUN", group or ()).items()
        }
        read, notes = runs_of(runs, {k: v for k, v in options.items() if v is not None})
        if averaged is None:
            averaged = AVERAGED.get(runs[0], 0)
        found = matched(
            read,
            parse(levels),
            reference=against,
            groups=groups,
            smoothing=smoothing,
            averaged=averaged,
            confidence=confidence,
        )
        if out is not None:
            write(found, notes, out, figure_width, force=force)
    for note in notes:
        typer.echo(f"isoloss: note: {note}", err=True)
    if as_json:
        typer.echo(json_text(found, notes))
    else:
        show(found)
    if out is not None:
        typer.echo(f"\nWrote report.html, the figure and results.csv to {out}", err=as_json)
    elif not as_json:
        note = "Nothing was written; --out DIR writes report.html, the figure and results.csv."
        typer.echo(f"\n{note}")

"""isoloss forecast: the loss of other schedules, from the logs of a few runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from isoloss.cli.commands import reported
from isoloss.cli.completion import PHASES, complete
from isoloss.cli.run_options import (
    LOGS,
    BatchSize,
    Columns,
    DropSpikes,
    Every,
    LoggedLr,
    LoggedWarmup,
    LossUnit,
    OnlyRuns,
    StepsPerEpoch,
    WeightDecay,
    idle,
    runs_of,
)

if TYPE_CHECKING:
    from isoloss.curves import Law, LossCurve

__all__ = ["forecast"]


def forecast(
    context: typer.Context,
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUNS",
            help="Logs of training runs: files, folders or patterns such as 'logs/*.csv'; bytes, "
            "for the runs that come with isoloss; or a law that --save wrote.",
            autocompletion=complete({"bytes": "runs that come with isoloss"}, files=LOGS),
        ),
    ],
    schedule: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC|FILE",
            autocompletion=complete(PHASES, files=(".json", ".csv")),
            help="A schedule to forecast; may be given several times. In a SPEC such as "
            "cosine(1, 24000) or warmup_stable_decay(0.5, 24000, 500, 4800), rates are in units of "
            "the largest fitted peak. In a FILE they are absolute: CSV with a column lr and a row "
            "for each step, or JSON. By default, a constant rate and the usual decays.",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=10,
            metavar="N",
            help="The number of steps of the best schedule and of the default ones; by default "
            "that of the longest fitted run.",
        ),
    ] = None,
    best: Annotated[
        bool,
        typer.Option(
            "--best",
            help="Find the schedule with the lowest forecast, and compare it with a cosine and a "
            "cool-down over the last 20% of the same length.",
        ),
    ] = False,
    max_lr: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="The largest absolute rate of the best and the default schedules; by default the "
            "largest fitted peak, or the peak of the run that they continue.",
        ),
    ] = None,
    min_lr: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            help="The smallest absolute rate of the best and the default schedules; by default 0.",
        ),
    ] = None,
    warmup: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="The number of steps over which the best and the default schedules rise from 0; "
            "by default that of the longest fitted run.",
        ),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Let all schedules continue this run after its last row: the name of one of the "
            "runs, or a file. --steps then counts the steps after it.",
        ),
    ] = None,
    target: Annotated[
        Literal["loss", "test_loss"] | None,
        typer.Option(
            help="The loss to forecast; by default the test loss if every run has it.",
        ),
    ] = None,
    confidence: Annotated[
        float, typer.Option(min=0.01, max=0.999, help="The probability of intervals.")
    ] = 0.9,
    columns: Columns = None,
    only: OnlyRuns = None,
    every: Every = 1.0,
    steps_per_epoch: StepsPerEpoch = None,
    lr: LoggedLr = None,
    weight_decay: WeightDecay = None,
    batch_size: BatchSize = None,
    logged_warmup: LoggedWarmup = None,
    loss_unit: LossUnit = None,
    drop_spikes: DropSpikes = False,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print the forecasts as JSON, and everything else to the error output."
        ),
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.json", help="Write the fitted law here; it can be given as RUNS later."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write report.html, the figure, results.csv, curves.csv and, with --best, "
            "best.csv with the best rates here.",
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Write into DIR even if it has files that isoloss did not write, and over "
            "FILE.json.",
        ),
    ] = False,
) -> None:
    """Forecast the loss of other learning-rate schedules from the logs of a few runs.

    Fits the law of noisy descent on a power-law spectrum to the runs, and predicts
    the final loss of each schedule with an interval. Finds the best schedule (--best),
    also for the rest of a run (--after), and says which run to make next.
    """
    from isoloss._files import check_file, claimed
    from isoloss.cli.forecast_output import json_text, show, write
    from isoloss.cli.forecast_plans import asked_schedules
    from isoloss.cli.forecasting import Bounds, forecast_all
    from isoloss.cli.waiting import progress

    with reported(context):
        if save is not None:
            if save.suffix.lower() != ".json":
                raise ValueError(f"--save writes JSON: the name must end in .json; got {save}")
            check_file(save, force=force)
        context.with_resource(claimed(out, force=force))
        asked = asked_schedules(schedule or ())
        bounds = Bounds(steps, max_lr, min_lr or 0.0, warmup, weight_decay)
        _check(context.params)
        options = {
            "columns": columns or None,
            "only": only or None,
            "every": None if every == 1 else every,
            "steps_per_epoch": steps_per_epoch,
            "lr": lr,
            "weight_decay": weight_decay,
            "batch_size": batch_size,
            "warmup": logged_warmup,
            "loss_unit": loss_unit,
            "drop_spikes": drop_spikes or None,
        }
        reading = {name: value for name, value in options.items() if value is not None}
        with progress("reading the runs") as tell:
            law, fitted, notes = _law(runs, target, reading, after, tell)
            continued = None if after is None else _continued(after, fitted, reading)
            tell("forecasting")
            found = forecast_all(
                law, fitted, asked, bounds, continued, best=best, confidence=confidence, notes=notes
            )
        if as_json:
            text = json_text(found)
        if save is not None:
            law.save(save, overwrite=force)
        names = [] if out is None else write(found, out, force=force)
    if as_json:
        typer.echo(text)
    else:
        show(found)
    if save is not None:
        typer.echo(f"\nWrote the law to {save}", err=as_json)
    if out is not None:
        typer.echo(f"\nWrote {', '.join(names[:-1])} and {names[-1]} to {out}", err=as_json)
    if save is None and out is None and not as_json:
        typer.echo(
            "\nNothing was written; --out DIR writes a report, the figure and the numbers, --save "
            "FILE.json keeps the law."
        )


def _check(given: Mapping[str, Any]) -> None:
    """Raise ``ValueError`` for options that would do nothing, or need another one."""
    names = {"steps": "--steps", "max_lr": "--max-lr", "min_lr": "--min-lr", "warmup": "--warmup"}
    idle = [option for name, option in names.items() if given[name] is not None]
    free = given["best"] or not given["schedule"]
    if idle and not free:
        raise ValueError(
            f"{' and '.join(idle)}: the schedules of --schedule have their own steps and rates; "
            "add --best, or leave this out"
        )
    if given["after"] is not None and given["steps"] is None and free:
        raise ValueError("--after needs --steps: how many steps follow the run")


def _law(
    given: list[str],
    target: Literal["loss", "test_loss"] | None,
    reading: dict[str, Any],
    after: str | None,
    tell: Callable[[str], None],
) -> tuple[Law, tuple[LossCurve, ...], list[str]]:
    """Return the law of the given runs or a saved one, the runs, and notes on reading them."""
    from isoloss.curves import Law, fit

    saved = [each for each in given if _is_law(each)]
    if not saved:
        runs, notes = runs_of(given, reading)
        tell(f"fitting {len(runs)} runs")
        return fit(runs, target=target), runs, notes
    if len(given) > 1:
        raise ValueError(f"'{saved[0]}' is a saved law, which is already fitted; give it alone")
    law = Law.load(saved[0])
    if after is None and set(reading) - {"weight_decay"}:
        raise idle(reading, f"'{saved[0]}' is a saved law")
    if target not in (None, law.target):
        raise ValueError(f"'{saved[0]}' is a law of the {law.target}; leave out --target {target}")
    return law, (), []


def _is_law(given: str) -> bool:
    path = Path(given)
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    return '"isoloss.curves.Law"' in path.read_text(encoding="utf-8", errors="replace")


def _continued(given: str, runs: tuple[LossCurve, ...], reading: dict[str, Any]) -> LossCurve:
    """Return the run to continue: one of those that were read, or that of a file."""
    from isoloss.cli.forecasting import run_named

    if given in [run.name for run in runs] or not Path(given).is_file():
        return run_named(given, runs)
    found, _ = runs_of([given], reading)
    if len(found) > 1:
        raise ValueError(f"--after continues one run, but '{given}' has {len(found)}")
    return found[0]

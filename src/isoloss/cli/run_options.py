"""Options of the commands that read logs of training runs, and how they read them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from isoloss.cli.completion import complete

if TYPE_CHECKING:
    from isoloss.curves import LossCurve

__all__ = [
    "BatchSize",
    "Columns",
    "DropSpikes",
    "Every",
    "LoggedLr",
    "LoggedWarmup",
    "LossUnit",
    "OnlyRuns",
    "Runs",
    "StepsPerEpoch",
    "WeightDecay",
    "idle",
    "pairs_of",
    "read_runs",
    "runs_of",
    "together",
]

LOGS = (".csv", ".tsv", ".parquet", ".jsonl", ".json")

Runs = Annotated[
    list[str],
    typer.Argument(
        metavar="RUNS...",
        help="Logs of training runs: files, folders or patterns such as 'logs/*.csv'; or bytes, "
        "for the runs that come with isoloss.",
        autocompletion=complete({"bytes": "runs that come with isoloss"}, files=LOGS),
    ),
]
OnlyRuns = Annotated[
    list[str] | None,
    typer.Option(
        "--run",
        metavar="NAME",
        help="Take only this run of the logs; may be given several times.",
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ROLE=COLUMN",
        help="The column that holds step, epoch, loss, test_loss, lr or run, if none or a wrong "
        "one is found; may be given several times.",
    ),
]
Every = Annotated[
    float,
    typer.Option(
        metavar="UNITS",
        help="How many units of the step column, such as micro-batches or tokens, make an "
        "optimizer step.",
    ),
]
StepsPerEpoch = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="The optimizer steps in an epoch, for logs that count epochs."
    ),
]
LoggedLr = Annotated[
    float | None,
    typer.Option(
        "--lr", metavar="RATE", help="The learning rate of all steps, if the logs do not have it."
    ),
]
WeightDecay = Annotated[
    float | None,
    typer.Option(metavar="DECAY", help="The decoupled weight decay of all runs."),
]
BatchSize = Annotated[
    int | None,
    typer.Option(min=1, metavar="ROWS", help="The number of rows, or tokens, of data in a step."),
]
LoggedWarmup = Annotated[
    int | None,
    typer.Option(
        "--logged-warmup",
        min=0,
        metavar="N",
        help="The steps over which the rate rose from 0 before the first row of the logs.",
    ),
]
LossUnit = Annotated[
    Literal["nats", "bits"] | None,
    typer.Option(help="The unit of the losses; by default nats, unless a column's name says bits."),
]
DropSpikes = Annotated[
    bool,
    typer.Option("--drop-spikes", help="Leave out losses that are far above their neighbours."),
]

# How errors and notes of `isoloss.curves.read` write its arguments, and how options are written.
_IN_OPTIONS = (
    (r"columns=\{'(\w+)': '?(.*?)'?\}", r"--columns \1=\2"),
    (r"\bcolumns\['(\w+)'\] is '(.*?)',", r"--columns \1=\2 is given,"),
    (r"\bcolumns has", "--columns has"),
    (r"\bdrop_spikes=True\b", "--drop-spikes"),
    (r"\blr= a number, rates or a schedule", "--lr RATE"),
    (r"\bsteps_per_epoch=N", "--steps-per-epoch N"),
    (r"\bsteps_per_epoch is", "--steps-per-epoch is"),
    (r"\bevery=N", "--every N"),
    (r"\bevery (?=must|is for)", "--every "),
)


def read_runs(
    paths: Sequence[str],
    *,
    columns: Sequence[str] | None = None,
    only: Sequence[str] | None = None,
    lr: float | None = None,
    **settings: Any,
) -> tuple[tuple[LossCurve, ...], list[str]]:
    """Read logs as the options say; return the runs, and notes on them.

    ``settings`` are further arguments of `isoloss.curves.read`.
    """
    from isoloss.curves import read

    chosen = pairs_of("--columns", "ROLE=COLUMN", columns or ())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # each run's notes repeat it
            runs = read(paths, columns=chosen, runs=only or None, lr=lr, **settings)
    except (TypeError, ValueError) as error:
        raise type(error)(_in_options(str(error))) from None
    return runs, [_in_options(note) for note in together((run.name, run.notes) for run in runs)]


def _in_options(text: str) -> str:
    for pattern, option in _IN_OPTIONS:
        text = re.sub(pattern, option, text)
    return text


def runs_of(
    given: Sequence[str], reading: dict[str, Any]
) -> tuple[tuple[LossCurve, ...], list[str]]:
    """Return the runs of files or those that come with isoloss, and notes on them.

    ``reading`` has the arguments of `read_runs` that the user has given.
    """
    from isoloss._messages.near_misses import quoted, suggest
    from isoloss.curves import load
    from isoloss.curves.examples import SHIPPED

    shipped = [each for each in given if each in SHIPPED]
    for each in given:
        if not Path(each).exists() and (near := suggest(each, SHIPPED)) and each not in shipped:
            raise ValueError(f"there is no file '{each}'{near}")
    if not shipped:
        return read_runs(given, **reading)
    if len(given) > 1:
        raise ValueError(f"{shipped[0]} are runs that come with isoloss; give them alone")
    if others := {name: value for name, value in reading.items() if name != "only"}:
        raise idle(others, f"{shipped[0]} are runs that come with isoloss")
    runs = load(shipped[0])
    names = [run.name for run in runs]
    for name in reading.get("only", ()):
        if name not in names:
            raise ValueError(
                f"there is no run '{name}'{suggest(name, names)}; there are {quoted(names, 20)}"
            )
    runs = tuple(run for run in runs if run.name in reading.get("only", names))
    return runs, together((run.name, run.notes) for run in runs)


def idle(reading: dict[str, Any], why: str) -> ValueError:
    """Return an error on options of reading that would do nothing."""
    names = {"only": "--run", "warmup": "--logged-warmup"}
    given = [names.get(name, f"--{name.replace('_', '-')}") for name in reading]
    return ValueError(f"{' and '.join(given)}: {why}, and there is nothing to read; leave this out")


def pairs_of(option: str, form: str, given: Sequence[str]) -> dict[str, str]:
    """Return texts such as ``lr=rate`` as a mapping; raise ``ValueError`` for others."""
    found: dict[str, str] = {}
    for each in given:
        name, mark, value = each.partition("=")
        if not (mark and name.strip() and value.strip()):
            raise ValueError(f"{option} must be {form}; got '{each}'")
        if name.strip() in found:
            raise ValueError(f"{option} is given twice for '{name.strip()}'")
        found[name.strip()] = value.strip()
    return found


def together(told: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """Return notes on several things, each sentence once, with the names that it is about."""
    from isoloss._messages.near_misses import quoted

    told = list(told)
    about: dict[str, list[str]] = {}
    for name, notes in told:
        for note in notes:
            about.setdefault(note, []).append(name)
    return [
        note if len(names) == len(told) else f"{quoted(names)}: {note}"
        for note, names in about.items()
    ]

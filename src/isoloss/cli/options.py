"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from isoloss.cli.completion import DATA_SETS, complete

__all__ = [
    "TABLES",
    "DropRows",
    "Encode",
    "Header",
    "Ignore",
    "Impute",
    "Levels",
    "Out",
    "Rows",
    "Target",
    "Task",
    "Unit",
]

TABLES = complete(DATA_SETS, files=(".csv", ".parquet", ".npz"))

Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write report.html, the figure and results.csv here."),
]
Rows = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Train rows: a CSV, Parquet or NPZ file (arrays X and y), or the name of a data set "
        f"that comes with scikit-learn: {', '.join(DATA_SETS)}.",
        autocompletion=TABLES,
    ),
]
Target = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="The target column; give it several times for several targets. By default 'target', "
        "else the last column.",
    ),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first line of a CSV file holds the column names. By default this is "
        "detected if it is clear; if not, an error asks for this option.",
        show_default=False,
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="A column to leave out; may be given several times."),
]
Task = Annotated[
    Literal["auto", "classification", "regression"],
    typer.Option(
        help="How to treat the target; auto takes text and whole numbers with at most 20 "
        "distinct values as classes."
    ),
]
DropRows = Annotated[
    bool,
    typer.Option(
        "--drop-rows",
        help="Leave out rows with missing values; with --impute, only those without a target.",
    ),
]
Impute = Annotated[
    Literal["mean", "median", "most_frequent"] | None,
    typer.Option(help="Fill in missing numbers with this statistic of the column's train rows."),
]
Encode = Annotated[
    Literal["one-hot"] | None,
    typer.Option(
        help="Turn columns of text into numbers, with a column for each value in the train rows."
    ),
]
Levels = Annotated[
    str,
    typer.Option(
        metavar="LEVELS",
        help="The train losses to stop at: how many, evenly spaced in the log of the train loss "
        "above its smallest value; numbers such as 0.5,0.1; or FROM:TO:COUNT, evenly spaced in the "
        "log.",
    ),
]
Unit = Annotated[
    Literal["absolute", "start", "excess"],
    typer.Option(
        help="What numbers in --levels are: train losses, shares of the start's, or shares of the "
        "start's train loss above the smallest one."
    ),
]

"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from isoloss.cli.completion import DATA_SETS, complete

__all__ = ["TABLES", "Header", "Ignore", "Rows", "Target", "Task"]

TABLES = complete(DATA_SETS, files=(".csv", ".parquet", ".npz"))

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
    str | None,
    typer.Option(
        metavar="COLUMN", help="The target's column; by default 'target', else the last one."
    ),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        help="Whether the first line of a CSV file holds the columns' names; by default this is "
        "decided where it is safe, and asked for where it is not.",
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
        help="What to make of the target; auto takes text and whole numbers with at most 20 "
        "distinct values as classes."
    ),
]

"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

__all__ = ["Rows", "Target", "Task"]

Rows = Annotated[
    str,
    typer.Argument(
        help="Train rows: a CSV, Parquet or NPZ file (arrays X and y), or the name of a data set "
        "that comes with scikit-learn: breast_cancer, diabetes, digits, iris, linnerud, wine."
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", help="The target's column; by default 'target', else the last one."
    ),
]
Task = Annotated[
    Literal["auto", "classification", "regression"],
    typer.Option(
        help="What to make of the target; auto takes text and whole numbers with at most 20 "
        "distinct values as classes."
    ),
]

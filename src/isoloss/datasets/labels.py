"""Turn tables into rows for estimators: unprocessed features, and targets or labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from isoloss._messages.near_misses import quoted
from isoloss.datasets.preparing import (
    Encode,
    Impute,
    Options,
    Task,
    constant_columns,
    encoded,
    texts_of,
    transformers,
    unknown_texts,
)
from isoloss.datasets.rows import read_rows
from isoloss.datasets.tables import Table
from isoloss.datasets.targets import encode_targets

__all__ = ["Labelled", "labelled"]


@dataclass(frozen=True, eq=False)
class Labelled:
    """Rows with their targets.

    Attributes
    ----------
    name : str
        The data set's name.
    X : DataFrame, shape (n, d)
        Unprocessed features: numbers, and text that is to be encoded.
    y : array, shape (n,) or (n, m)
        Targets or class labels.
    validation : tuple of DataFrame and array, optional
        Further rows of the same kind.
    preprocessing : list of transformers
        Unfitted steps of a scikit-learn pipeline before its model. They turn features into numbers
        of mean zero and variance one; the last step is ``StandardScaler``.
    targets : tuple of str
        Names of the targets' columns.
    classes : bool
        Whether the targets are labels.
    notes : tuple of str
        Sentences on what was read and done.
    """

    name: str
    X: pd.DataFrame
    y: npt.NDArray[Any]
    validation: tuple[pd.DataFrame, npt.NDArray[Any]] | None
    preprocessing: list[Any]
    targets: tuple[str, ...]
    classes: bool
    notes: tuple[str, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features."""
        return tuple(map(str, self.X))


def labelled(
    table: Table,
    validation: Table | None = None,
    *,
    target: str | Sequence[str] | None = None,
    task: Task = "auto",
    ignore: Sequence[str] = (),
    drop_rows: bool = False,
    impute: Impute | None = None,
    encode: Encode | None = None,
) -> Labelled:
    """Read features and targets of train and validation rows.

    Parameters
    ----------
    table, validation : Table
        The rows.
    target, task, ignore, drop_rows, impute, encode
        As for `split`. The steps of ``preprocessing`` learn from the train rows; in a pipeline,
        each fold fits them anew.

    Returns
    -------
    Labelled
        Unprocessed features without constant ones, and numbers or labels as targets.

    Raises
    ------
    ValueError
        If a column is unknown or cannot be used, or the tables' columns differ.

    Examples
    --------
    >>> from isoloss.datasets import load
    >>> rows = labelled(load("iris"))
    >>> rows.X.shape, str(rows.y[0]), rows.targets
    ((150, 4), 'setosa', ('target',))
    """
    tables = [table] if validation is None else [table, validation]
    rows = read_rows(tables, target, ignore, Options(drop_rows, impute, encode), task)
    outputs, labels, (note, *more) = encode_targets(rows, task)
    y: npt.NDArray[Any] = outputs if outputs.shape[1] > 1 or labels else outputs[:, 0]
    if labels is not None:
        y = np.array(labels)[outputs.argmax(axis=1)]
        note = note.replace("classification, one-hot,", "classification,")
    count = rows.counts[0]
    dropped = constant_columns(rows.features[:count], impute, table.name)
    features = rows.features.drop(columns=dropped)
    if features.empty:
        raise ValueError(f"no feature of {table.name} varies in the train rows")
    X, further = features[:count], features[count:]
    counts = f"{count} train rows with {X.shape[1]} features"
    if validation is not None:
        counts += f"; {len(further)} validation rows, from {validation.name}"
    left_out = [f"{quoted(dropped)} left out, constant in the train rows."] if dropped else []
    every = np.arange(len(y))
    return Labelled(
        name=table.name,
        X=X,
        y=y[:count],
        validation=None if validation is None else (further, y[count:]),
        preprocessing=transformers(X, impute),
        targets=tuple(map(str, rows.targets)),
        classes=labels is not None,
        notes=(
            note,
            f"{counts}.",
            *more,
            *left_out,
            *rows.notes,
            *encoded(X),
            *unknown_texts(texts_of(X), further, "validation row", "no train row has"),
            *rows.repeats(every[:count], every[count:], "validation"),
        ),
    )

"""From tables to rows as estimators take them: features as they are, and targets or labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.datasets.columns import leave_out, stack
from isoloss.datasets.tables import Table
from isoloss.datasets.targets import Task, encode, usable_columns

__all__ = ["Labelled", "labelled"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Labelled:
    """Rows with their targets.

    Attributes
    ----------
    name : str
        The data set's name.
    X, y : array, shape (n, d), and (n,) or (n, m)
        Features, and targets or labels of classes.
    validation : tuple of array, optional
        Further rows of the same kind.
    features, targets : tuple of str
        Names of the columns.
    classes : bool
        Whether the targets are labels.
    notes : tuple of str
        Sentences on what was read.
    """

    name: str
    X: Floats
    y: npt.NDArray[Any]
    validation: tuple[Floats, npt.NDArray[Any]] | None
    features: tuple[str, ...]
    targets: tuple[str, ...]
    classes: bool
    notes: tuple[str, ...]


def labelled(
    table: Table,
    validation: Table | None = None,
    *,
    target: str | None = None,
    task: Task = "auto",
    ignore: Sequence[str] = (),
) -> Labelled:
    """Read features and targets of train and validation rows.

    Parameters
    ----------
    table, validation : Table
        The rows.
    target, task
        As for `split`.
    ignore : sequence of str
        Columns to leave out.

    Returns
    -------
    Labelled
        Features as they are, numbers or labels as targets.

    Raises
    ------
    ValueError
        If a column is unknown, holds text or misses values, or the tables' columns differ.

    Examples
    --------
    >>> from isoloss.datasets import load
    >>> rows = labelled(load("iris"))
    >>> rows.X.shape, str(rows.y[0]), rows.targets
    ((150, 4), 'setosa', ('target',))
    """
    tables = leave_out([table] if validation is None else [table, validation], ignore)
    table = tables[0]
    targets, features = usable_columns(tables, target)
    outputs, labels, note = encode(tables, targets, table, task)
    y: npt.NDArray[Any] = outputs if len(targets) > 1 or labels else outputs[:, 0]
    if labels is not None:
        y = np.array(labels)[outputs.argmax(axis=1)]
        note = note.replace("classification, one-hot,", "classification,")
    counts = f"{table.rows} train rows with {len(features)} features"
    further = None
    if validation is not None:
        counts += f"; {validation.rows} validation rows, from {validation.name}"
        further = stack(tables[1], features), y[table.rows :]
    return Labelled(
        name=table.name,
        X=stack(table, features),
        y=y[: table.rows],
        validation=further,
        features=tuple(features),
        targets=tuple(targets),
        classes=labels is not None,
        notes=(note, f"{counts}."),
    )

"""Find the usable rows of one or several tables, and the rows that repeat."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from isoloss._messages.near_misses import quoted
from isoloss.datasets.columns import (
    ColumnError,
    leave_out,
    same_columns,
    target_columns,
    text_columns,
)
from isoloss.datasets.faults import Faults
from isoloss.datasets.preparing import Options, Task
from isoloss.datasets.tables import Table

__all__ = ["TableRows", "frame_to_predict", "read_rows"]


@dataclass(frozen=True, eq=False)
class TableRows:
    """Features and targets of tables with the same columns, one table after the other.

    Numbers are float64, or NaN where missing; texts are objects, or None where missing. ``kept``
    has the positions of the used rows in each table; ``notes`` say what was left out or is to be
    filled in.
    """

    tables: tuple[Table, ...]
    kept: tuple[npt.NDArray[np.intp], ...]
    features: pd.DataFrame
    targets: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def source(self) -> Table:
        """The first table."""
        return self.tables[0]

    @property
    def counts(self) -> tuple[int, ...]:
        """The number of used rows in each table."""
        return tuple(map(len, self.kept))

    def written(self, name: str) -> pd.Series:
        """Return a target's cells as they are written in the files."""
        parts = zip(self.tables, self.kept, strict=True)
        return pd.Series(np.concatenate([part.written(name)[kept] for part, kept in parts]))

    @cached_property
    def alike(self) -> npt.NDArray[np.intp]:
        """A number for each row, the same for rows with the same features and targets."""
        columns = pd.concat([self.features, self.targets], axis=1)
        # 0.0 and -0.0 are the same number
        table = columns.select_dtypes(exclude=object).to_numpy(float) + 0.0
        codes = [pd.factorize(texts)[0] for _, texts in columns.select_dtypes(object).items()]
        table = np.ascontiguousarray(np.column_stack([table, *codes]))
        rows = np.array([row.tobytes() for row in table], dtype=object)
        return np.asarray(pd.factorize(rows)[0])

    def repeats(
        self, train: npt.NDArray[np.intp], others: npt.NDArray[np.intp], name: str
    ) -> list[str]:
        """Return a note on the rows of kind ``name`` that also occur among the train rows.

        Without other rows, the note is about train rows that repeat each other.
        """
        if len(others):
            count, rows = int(np.isin(self.alike[others], self.alike[train]).sum()), len(others)
            where = f"also {'occurs' if count == 1 else 'occur'} among the train rows"
            effect = "the loss on them looks"
        else:
            _, index, times = np.unique(self.alike[train], return_inverse=True, return_counts=True)
            count, rows, name = int((times[index] > 1).sum()), len(train), "train"
            where, effect = "repeat others", "folds share them, and scores look"
        if not count:
            return []
        return [
            f"{count} of {rows} {name} rows {where} (equal in all columns), so {effect} better "
            "than on new rows."
        ]


def read_rows(
    tables: Sequence[Table],
    target: str | Sequence[str] | None,
    ignore: Collection[str],
    options: Options,
    task: Task,
) -> TableRows:
    """Read features and targets of tables with the same columns.

    Raises ``ValueError`` if the columns differ, and a `ColumnError` that names all unusable
    columns, if there are any.
    """
    tables = leave_out(tables, ignore)
    first = tables[0]
    targets = target_columns(first, target)
    features = [name for name in first.frame if name not in (*targets, *first.targets)]
    if not features:
        raise ValueError(f"{first.name} has no column but the target {quoted(targets)}")
    for table in tables:
        same_columns(first, table)
        if table.rows < 1:
            raise ValueError(f"{table.name} has no rows")
    parts, faults = [], Faults(options)
    features = faults.leave_out(first, features)
    texts = text_columns(first.frame[features])
    notes = [note for table in tables for note in table.notes]
    for table in tables:
        X, y = _frame(table, features, texts), _frame(table, targets)
        part = [X, y]
        if options.drop_rows:
            gaps = (y if options.impute else pd.concat([X, y], axis=1)).isna().any(axis=1)
            if gaps.all():
                raise ValueError(
                    f"drop_rows leaves no rows of {table.name}: each has a missing value"
                )
            if gaps.any():
                notes.append(
                    f"{gaps.sum()} of {table.rows} rows of {table.name} were left out because of "
                    "missing values."
                )
            part = [each[~gaps] for each in part]
        faults.read(table, part[0], texts, part[1])
        if task != "classification":
            faults.read_odd(table, targets)
        parts.append(part)
    faults.read_texts(first.name, parts[0][0][texts])
    faults.check()
    kept = tuple(each[0].index.to_numpy() for each in parts)
    X, y = (pd.concat(each, ignore_index=True) for each in zip(*parts, strict=True))
    if options.impute is not None:
        notes.append(_filled(X.drop(columns=texts), options.impute))
    return TableRows(tuple(tables), kept, X, y, tuple(notes))


def _frame(table: Table, names: Sequence[str], texts: Collection[str] = ()) -> pd.DataFrame:
    """Return columns as float64, or as objects if they hold text or are in ``texts``.

    Texts are as written, and None where missing.
    """
    frame = table.frame[list(names)].reset_index(drop=True)
    words = {*texts, *text_columns(frame)}
    if not words:
        return frame.astype(float)
    frame = frame.astype({name: float for name in names if name not in words})
    for name in words:
        cells = pd.Series([str(cell) for cell in table.written(name)], dtype=object)
        frame[name] = cells.where(frame[name].notna(), None)
    return frame


def frame_to_predict(
    table: Table, features: Sequence[str], texts: Collection[str], *, fills: bool
) -> pd.DataFrame:
    """Return features for a model that encodes some of them as texts, and may fill in numbers."""
    if table.rows < 1:
        raise ValueError(f"{table.name} has no rows")
    frame = _frame(table, features, texts)
    faults = Faults(Options(impute="median" if fills else None))
    faults.read(table, frame, list(texts), frame[[]])
    try:
        faults.check()
    except ColumnError as error:
        cure = "; a model of isoloss fit --impute median fills in" * (not fills)
        raise ValueError(f"{error.faults}{cure}") from None
    return frame


def _filled(numbers: pd.DataFrame, impute: str) -> str:
    gaps = numbers.isna().sum()
    columns = list(gaps.index[gaps > 0])
    statistic = impute.replace("_", " ") + " value" * (impute == "most_frequent")
    if not columns:
        return (
            f"No number is missing; in new rows, a missing one becomes the train rows' {statistic}."
        )
    return (
        f"{gaps.sum()} missing value(s) in {quoted(columns, 8)} were filled in with the "
        f"column's {statistic} in the train rows."
    )

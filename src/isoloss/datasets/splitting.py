"""From tables to standardised train and test arrays, with what was done to them in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from isoloss.datasets.columns import first_text, leave_out, same_columns, stack
from isoloss.datasets.tables import Table
from isoloss.datasets.targets import Task, encode, usable_columns
from isoloss.names import quoted

__all__ = ["Split", "split", "split_three"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Rows = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]


@dataclass(frozen=True, eq=False)
class Split:
    """Train and test arrays as `Problem.from_data` takes them, standardised by the train rows.

    Attributes
    ----------
    name : str
        The data set's name.
    X, y : array
        Train inputs (n, d) and targets (n, m), both with mean zero.
    X_test, y_test : array
        The test rows, transformed by the train rows' statistics.
    offset : array, shape (m,)
        The train mean of the targets, which predictions have to be increased by.
    features, targets : tuple of str
        Names of the columns; for classes the targets are their labels.
    classes : bool
        Whether the targets are one-hot classes.
    notes : tuple of str
        Sentences on what was done.
    """

    name: str
    X: Floats
    y: Floats
    X_test: Floats
    y_test: Floats
    offset: Floats
    features: tuple[str, ...]
    targets: tuple[str, ...]
    classes: bool
    notes: tuple[str, ...]

    def test_error(self, coef: npt.ArrayLike) -> Floats:
        """Return the share of test rows that coefficients put into a wrong class.

        Parameters
        ----------
        coef : array_like, shape (..., d, m)
            Coefficients, with any leading axes.

        Returns
        -------
        array
            Of the leading axes' shape; NaN where a prediction is not finite.

        Raises
        ------
        ValueError
            If the targets are no classes.
        """
        if not self.classes:
            raise ValueError("the test error is for classes; this data set's targets are numbers")
        with np.errstate(over="ignore", invalid="ignore"):
            scores = self.X_test @ np.asarray(coef, dtype=float) + self.offset
        truth = (self.y_test + self.offset).argmax(axis=-1)
        wrong = (scores.argmax(axis=-1) != truth).mean(axis=-1)
        return np.where(np.isfinite(scores).all(axis=(-2, -1)), wrong, np.nan)

    def __repr__(self) -> str:
        (n, d), m = self.X.shape, len(self.targets)
        return (
            f"Split({self.name!r}, {n} train and {len(self.X_test)} test rows, "
            f"{d} features, {m} {'classes' if self.classes else 'target' + 's' * (m > 1)})"
        )


def split(
    table: Table,
    test: Table | None = None,
    *,
    target: str | None = None,
    test_size: float | None = None,
    task: Task = "auto",
    ignore: Collection[str] = (),
    seed: int = 0,
) -> Split:
    """Split a table into train and test rows, and standardise both by the train rows.

    Features that do not vary in the train rows are left out, the others have their train mean
    subtracted and are divided by their train standard deviation. Targets have their train mean
    subtracted, which solves for the intercept exactly, as scikit-learn's ``Ridge`` does. Classes
    become one-hot.

    Parameters
    ----------
    table : Table
        The rows to split; the train rows if test rows are given.
    test : Table, optional
        The test rows; by default those that came with ``table``, if any.
    target : str, optional
        The target's column; by default what the source calls so, else the column ``target``, else
        the last one.
    test_size : float, optional
        The share of rows, chosen at random, to test on; by default 0.5 unless there are test rows.
    task : {"auto", "classification", "regression"}, default: "auto"
        ``"auto"`` means classification for targets of text, and for whole numbers with at most 20
        distinct values, in at least twice as many rows (unless the data's source says otherwise).
    ignore : collection of str
        Columns to leave out.
    seed : int, default: 0
        The seed of the random choice.

    Returns
    -------
    Split
        The arrays, with notes in words.

    Raises
    ------
    ValueError
        If a column is unknown, holds text or misses values, the two tables' columns differ, the
        target is constant, or there are too few rows.

    Examples
    --------
    >>> from isoloss.datasets import load
    >>> split(load("iris"))
    Split('iris', 75 train and 75 test rows, 4 features, 3 classes)
    """
    if test is not None and test_size is not None:
        raise ValueError("give test rows or the share of rows to test on, not both")
    if test_size is None:
        test = test or table.test
    tables = leave_out([table] if test is None else [table, test], ignore)
    table = tables[0]
    targets, features = usable_columns(tables, target)
    outputs, labels, note = encode(tables, targets, table, task)
    inputs = np.concatenate([stack(part, features) for part in tables])
    if test is None:
        rows = _random_rows(table, 0.5 if test_size is None else test_size, seed)
        origin = f"chosen at random with seed {seed}"
    else:
        rows = np.arange(table.rows), np.arange(table.rows, len(inputs))
        origin = f"from {test.name}"
    if len(rows[0]) < 2 or len(rows[1]) < 1:
        raise ValueError(
            f"at least 2 train rows and 1 test row are needed; {table.name} gives "
            f"{len(rows[0])} and {len(rows[1])}"
        )
    X, X_test, varies = _standardised(table, inputs, rows)
    y, y_test, offset = _centred(table, targets, outputs, rows)
    dropped = [name for name, keep in zip(features, varies, strict=True) if not keep]
    left_out = f"; {quoted(dropped)} left out, constant in the train rows" if dropped else ""
    return Split(
        name=table.name,
        X=X,
        y=y,
        X_test=X_test,
        y_test=y_test,
        offset=offset,
        features=tuple(name for name in features if name not in dropped),
        targets=labels or tuple(targets),
        classes=labels is not None,
        notes=(
            note,
            f"{len(X)} train rows; {len(X_test)} test rows, {origin}.",
            f"{X.shape[1]} features, standardised by the train rows{left_out}.",
            "Targets centred by their train mean, which solves for the intercept exactly.",
        ),
    )


def split_three(
    table: Table,
    validation: Table | None = None,
    test: Table | None = None,
    *,
    target: str | None = None,
    task: Task = "auto",
    ignore: Collection[str] = (),
    seed: int = 0,
) -> tuple[Split, Split]:
    """Split into train, validation and test rows.

    Parameters
    ----------
    table : Table
        The rows to split; the train rows if the others are given.
    validation, test : Table, optional
        The validation and the test rows: both, or none. Without them half of the rows, chosen at
        random, are for training and a quarter each for the others.
    target, task, ignore, seed
        As for `split`.

    Returns
    -------
    tuple of Split
        Two splits of the same train rows: one judged on the validation rows, one on the test rows.

    Raises
    ------
    ValueError
        As `split`, or if only one of validation and test rows is given.

    Examples
    --------
    >>> from isoloss.datasets import load
    >>> split_three(load("iris"))
    (Split('iris', 75 train and 37 test rows, 4 features, 3 classes),
     Split('iris', 75 train and 38 test rows, 4 features, 3 classes))
    """
    if (validation is None) != (test is None):
        raise ValueError(
            "give validation rows and test rows, or neither: what a schedule is chosen on cannot "
            "judge it"
        )
    if validation is None or test is None:
        both = split(table, target=target, task=task, ignore=ignore, seed=seed)
        order = np.random.default_rng(seed).permutation(len(both.X_test))
        count = len(order) // 2
        if not count:
            raise ValueError(f"{table.name} has too few rows to validate and test on: {table.rows}")
        parts = np.sort(order[:count]), np.sort(order[count:])
        origins = (f"chosen at random with seed {seed}",) * 2
    else:
        table, validation, test = leave_out([table, validation, test], ignore)
        for part in (validation, test):
            same_columns(table, part)
        both = split(table, _stacked(validation, test), target=target, task=task, seed=seed)
        rows = np.arange(len(both.X_test))
        parts = rows[: validation.rows], rows[validation.rows :]
        origins = f"from {validation.name}", f"from {test.name}"
    counts = [
        f"{len(part)} {name} rows, {origin}"
        for part, name, origin in zip(parts, ("validation", "test"), origins, strict=True)
    ]
    note = f"{len(both.X)} train rows; {'; '.join(counts)}."
    notes = (both.notes[0], note, *both.notes[2:])
    first, second = (
        replace(both, X_test=both.X_test[part], y_test=both.y_test[part], notes=notes)
        for part in parts
    )
    return first, second


def _stacked(first: Table, second: Table) -> Table:
    """Return the rows of two tables with the same columns, one after the other."""
    import pandas as pd

    for name, column in first.frame.items():
        if (column.dtype == object) != (second.frame[name].dtype == object):
            text = first if column.dtype == object else second
            raise ValueError(
                f"column '{name}' holds text in {text.name}, such as "
                f"{first_text(text.frame[name].to_numpy())!r}, but numbers in the other file"
            )
    cells = {
        str(name): np.concatenate([first.written(name), second.written(name)])
        for name in first.frame
    }
    frame = pd.concat([first.frame, second.frame[list(first.frame)]], ignore_index=True)
    return Table(f"{first.name} and {second.name}", frame, cells=cells)


def _standardised(table: Table, inputs: Floats, rows: Rows) -> tuple[Floats, Floats, Bools]:
    train = inputs[rows[0]]
    varies = (train != train[0]).any(axis=0)
    if not varies.any():
        raise ValueError(f"no feature of {table.name} varies in the train rows")
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        mean = train[:, varies].mean(axis=0)
        centred, test = train[:, varies] - mean, inputs[rows[1]][:, varies] - mean
        scale = np.sqrt((centred**2).mean(axis=0))
        scale[np.isinf(scale)] = np.nan  # lest the quotients be zeros
        return *_finite(table, centred / scale, test / scale), varies


def _centred(
    table: Table, names: Sequence[str], outputs: Floats, rows: Rows
) -> tuple[Floats, Floats, Floats]:
    train = outputs[rows[0]]
    if not (train != train[0]).any():
        raise ValueError(f"the target {quoted(names)} is constant in the train rows")
    with np.errstate(over="ignore", invalid="ignore"):
        offset = train.mean(axis=0)
        return *_finite(table, train - offset, outputs[rows[1]] - offset), offset


def _finite(table: Table, train: Floats, test: Floats) -> tuple[Floats, Floats]:
    if not (np.isfinite(train).all() and np.isfinite(test).all()):
        raise ValueError(f"the numbers in {table.name} are too large or too small to standardise")
    return train, test


def _random_rows(table: Table, test_size: float, seed: int) -> Rows:
    if not 0 < test_size < 1:
        raise ValueError(f"the test size must be between 0 and 1, both excluded; got {test_size:g}")
    if table.rows < 3:
        raise ValueError(
            f"{table.name} has {table.rows} row(s); a random split needs at least 3 (2 to train on)"
        )
    order = np.random.default_rng(seed).permutation(table.rows)
    count = round(test_size * table.rows)
    return np.sort(order[count:]), np.sort(order[:count])

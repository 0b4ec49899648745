"""From tables to standardised train and test arrays, with what was done to them in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.pipeline import make_pipeline

from isoloss.datasets.preparing import (
    UNFIT,
    Encode,
    Impute,
    Options,
    Task,
    constant_columns,
    encoded,
    feature_names,
    quiet,
    texts_of,
    transformers,
    unknown_texts,
)
from isoloss.datasets.rows import Rows, read_rows
from isoloss.datasets.tables import Table
from isoloss.datasets.targets import encode_targets
from isoloss.names import quoted

__all__ = ["Split", "split", "split_three"]

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


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
        Names of the columns, ``NAME_VALUE`` for a value of text that is encoded; for classes the
        targets are their labels.
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
    target: str | Sequence[str] | None = None,
    test_size: float | None = None,
    task: Task = "auto",
    ignore: Collection[str] = (),
    drop_rows: bool = False,
    impute: Impute | None = None,
    encode: Encode | None = None,
    seed: int = 0,
) -> Split:
    """Split a table into train and test rows, and standardise both by the train rows.

    Features that do not vary in the train rows are left out, by the rule of scikit-learn's
    ``StandardScaler``; the others have their train mean subtracted and are divided by their train
    standard deviation. Targets have their train mean subtracted, which solves for the intercept
    exactly, as scikit-learn's ``Ridge`` does. Classes become one-hot.

    Parameters
    ----------
    table : Table
        The rows to split; the train rows if test rows are given.
    test : Table, optional
        The test rows; by default those that came with ``table``, if any.
    target : str or sequence of str, optional
        The target's column, or those of several targets; by default what the source calls so, else
        the column ``target``, else the last one.
    test_size : float, optional
        The share of rows, chosen at random, to test on; by default 0.5 unless there are test rows.
    task : {"auto", "classification", "regression"}, default: "auto"
        ``"auto"`` means classification for targets of text, and for whole numbers with at most 20
        distinct values, in at least twice as many rows (unless the data's source says otherwise).
        Labels are kept as they are written: ``01`` and ``1`` are two.
    ignore : collection of str
        Columns to leave out.
    drop_rows : bool, default: False
        Leave out the rows in which a value is missing; with ``impute``, only those without a
        target.
    impute : {"mean", "median", "most_frequent"}, optional
        Fill in missing numbers: with this statistic of their column's train rows, as
        scikit-learn's ``SimpleImputer`` does.
    encode : {"one-hot"}, optional
        Turn each column of text into one column for each value of the train rows, as
        scikit-learn's ``OneHotEncoder`` does. A missing text is a value of its own; one that the
        train rows do not have is none of the values, which a note says.
    seed : int, default: 0
        The seed of the random choice.

    Returns
    -------
    Split
        The arrays, with notes in words.

    Raises
    ------
    ColumnError
        If columns hold text or miss values, and no option says what to do about that.
    ValueError
        If a column is unknown, the two tables' columns differ, the target is constant, or there are
        too few rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from isoloss.datasets import Table, load
    >>> split(load("iris"))
    Split('iris', 75 train and 75 test rows, 4 features, 3 classes)
    >>> columns = {"age": [1.0, None, 3.0, 4.0, 6.0, 2.0], "kind": list("abaabb"), "y": range(6)}
    >>> houses = Table("houses", pd.DataFrame(columns))
    >>> split(houses, task="regression", impute="median", encode="one-hot")
    Split('houses', 3 train and 3 test rows, 3 features, 1 target)
    """
    if test is not None and test_size is not None:
        raise ValueError("give test rows or the share of rows to test on, not both")
    if test_size is None:
        test = test or table.test
    options = Options(drop_rows, impute, encode)
    rows = read_rows([table] if test is None else [table, test], target, ignore, options, task)
    if test is None:
        train, others = _random_rows(rows, 0.5 if test_size is None else test_size, seed)
        origin = f"chosen at random with seed {seed}"
    else:
        train, others = _by_file(rows)
        origin = f"from {test.name}"
    return _splits(rows, train, {"test": (others, origin)}, task, options)[0]


def split_three(
    table: Table,
    validation: Table | None = None,
    test: Table | None = None,
    *,
    target: str | Sequence[str] | None = None,
    task: Task = "auto",
    ignore: Collection[str] = (),
    drop_rows: bool = False,
    impute: Impute | None = None,
    encode: Encode | None = None,
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
    target, task, ignore, drop_rows, impute, encode, seed
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
    options = Options(drop_rows, impute, encode)
    if validation is None or test is None:
        tables = [table] if table.test is None else [table, table.test]
        rows = read_rows(tables, target, ignore, options, task)
        train, others = _random_rows(rows, 0.5, seed) if len(tables) == 1 else _by_file(rows)
        order = np.random.default_rng(seed).permutation(len(others))
        count = len(order) // 2
        parts = [others[np.sort(order[:count])], others[np.sort(order[count:])]]
        origins = (f"chosen at random with seed {seed}",) * 2
    else:
        rows = read_rows([table, validation, test], target, ignore, options, task)
        train, *parts = _by_file(rows)
        origins = f"from {validation.name}", f"from {test.name}"
    first, second = zip(parts, origins, strict=True)
    judged = _splits(rows, train, {"validation": first, "test": second}, task, options)
    return judged[0], judged[1]


def _by_file(rows: Rows) -> list[Indices]:
    """Return the rows of each table."""
    return np.split(np.arange(sum(rows.counts)), np.cumsum(rows.counts[:-1]))


def _random_rows(rows: Rows, test_size: float, seed: int) -> list[Indices]:
    """Return train rows and, chosen at random, others."""
    count, name = rows.counts[0], rows.source.name
    if not 0 < test_size < 1:
        raise ValueError(f"the test size must be between 0 and 1, both excluded; got {test_size:g}")
    if count < 3:
        raise ValueError(
            f"{name} has {count} row(s); a random split needs at least 3 (2 to train on)"
        )
    order = np.random.default_rng(seed).permutation(count)
    held = round(test_size * count)
    return [np.sort(order[held:]), np.sort(order[:held])]


def _splits(
    rows: Rows,
    train: Indices,
    others: dict[str, tuple[Indices, str]],
    task: Task,
    options: Options,
) -> list[Split]:
    """Standardise all rows by the train rows; return a split for each kind of other rows."""
    name = rows.source.name
    outputs, labels, notes = encode_targets(rows, task)
    total = sum(len(part) for part, _ in others.values())
    if len(train) < 2 or not all(len(part) for part, _ in others.values()):
        needed = " and ".join(["2 train rows", *(f"1 {kind} row" for kind in others)])
        raise ValueError(f"at least {needed} are needed; {name} gives {len(train)} and {total}")
    constant = constant_columns(rows.features.iloc[train], options.impute, name)
    features = rows.features.drop(columns=constant)
    if not features.shape[1]:
        raise ValueError(f"no feature of {name} varies in the train rows")
    X = features.iloc[train]
    pipeline = make_pipeline(*transformers(X, options.impute))
    with quiet(), np.errstate(all="ignore"):
        X_train = np.asarray(pipeline.fit_transform(X))
        X_others = [
            np.asarray(pipeline.transform(features.iloc[part])) for part, _ in others.values()
        ]
    y, offset = _centred(rows, outputs, train)
    for array in (X_train, *X_others, y):
        if not np.isfinite(array).all():
            raise ValueError(f"the numbers in {name} are {UNFIT}")
    counts = "; ".join(
        f"{len(part)} {kind} rows, {origin}" for kind, (part, origin) in others.items()
    )
    left_out = f"; {quoted(constant)} left out, constant in the train rows" if constant else ""
    known, kinds = texts_of(X), others.items()
    all_notes = (
        notes[0],
        f"{len(train)} train rows; {counts}.",
        f"{X_train.shape[1]} features, standardised by the train rows{left_out}.",
        "Targets centred by their train mean, which solves for the intercept exactly.",
        *notes[1:],
        *rows.notes,
        *encoded(X),
        *(
            note
            for kind, (part, _) in kinds
            for note in unknown_texts(known, features.iloc[part], f"{kind} row", "no train row has")
        ),
        *(note for kind, (part, _) in kinds for note in rows.repeats(train, part, kind)),
    )
    return [
        Split(
            name=name,
            X=X_train,
            y=y[train],
            X_test=X_test,
            y_test=y[part],
            offset=offset,
            features=feature_names(pipeline, X),
            targets=labels or tuple(map(str, rows.targets)),
            classes=labels is not None,
            notes=all_notes,
        )
        for X_test, (part, _) in zip(X_others, others.values(), strict=True)
    ]


def _centred(rows: Rows, outputs: Floats, train: Indices) -> tuple[Floats, Floats]:
    """Return all targets less their train mean, and that."""
    known = outputs[train]
    if not (known != known[0]).any():
        raise ValueError(f"the target {quoted(list(rows.targets))} is constant in the train rows")
    with np.errstate(over="ignore", invalid="ignore"):
        offset = known.mean(axis=0)
        return outputs - offset, offset

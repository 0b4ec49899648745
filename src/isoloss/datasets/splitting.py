"""Turn tables into standardised train and test arrays, with notes on what was done."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from isoloss.datasets.preparing import Encode, Impute, Options, Task
from isoloss.datasets.rows import TableRows, read_rows
from isoloss.datasets.standardised import Indices, Split, standardise
from isoloss.datasets.tables import Table
from isoloss.datasets.targets import encode_targets

__all__ = ["random_rows", "split", "split_three"]


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
        The column of the target, or the columns of several. By default, the columns that the
        source calls targets, else the column ``target``, else the last column.
    test_size : float, optional
        The share of rows, chosen at random, to test on; by default 0.5 if there are no test rows.
    task : {"auto", "classification", "regression"}, default: "auto"
        ``"auto"`` means classification for text, and for whole numbers with at most 20 distinct
        values in at least twice as many rows (unless the data's source says otherwise).
        Labels are kept as they are written: ``01`` and ``1`` are different.
    ignore : collection of str
        Columns to leave out.
    drop_rows : bool, default: False
        Leave out rows with missing values; with ``impute``, only rows without a target.
    impute : {"mean", "median", "most_frequent"}, optional
        Fill in missing numbers with this statistic of their column's train rows, as
        scikit-learn's ``SimpleImputer`` does.
    encode : {"one-hot"}, optional
        Turn each column of text into one column for each value of the train rows, as
        scikit-learn's ``OneHotEncoder`` does. Missing text is a value of its own. A value that
        does not occur in the train rows is encoded as none of theirs, and a note says so.
    seed : int, default: 0
        The seed of the random choice.

    Returns
    -------
    Split
        The arrays, with notes on what was done.

    Raises
    ------
    ColumnError
        If columns hold text or have missing values, and no option says how to handle them.
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
        train, others = random_rows(rows, 0.5 if test_size is None else test_size, seed)
        origin = f"chosen at random with seed {seed}"
    else:
        train, others = _by_file(rows)
        origin = f"from {test.name}"
    targets = encode_targets(rows, task)
    return standardise(rows, targets, train, {"test": (others, origin)}, options)[0]


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
        The validation and test rows: both or neither. By default, half of the rows, chosen at
        random, are train rows, and a quarter each are validation and test rows.
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
        train, held = random_rows(rows, 0.5, seed) if len(tables) == 1 else _by_file(rows)
        order = np.random.default_rng(seed).permutation(len(held))
        count = len(order) // 2
        parts = [held[np.sort(order[:count])], held[np.sort(order[count:])]]
        origins = (f"chosen at random with seed {seed}",) * 2
    else:
        rows = read_rows([table, validation, test], target, ignore, options, task)
        train, *parts = _by_file(rows)
        origins = f"from {validation.name}", f"from {test.name}"
    first, second = zip(parts, origins, strict=True)
    others = {"validation": first, "test": second}
    judged = standardise(rows, encode_targets(rows, task), train, others, options)
    return judged[0], judged[1]


def _by_file(rows: TableRows) -> list[Indices]:
    """Return the rows of each table."""
    return np.split(np.arange(sum(rows.counts)), np.cumsum(rows.counts[:-1]))


def random_rows(rows: TableRows, test_size: float, seed: int | list[int]) -> list[Indices]:
    """Return train rows and other rows, chosen at random."""
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

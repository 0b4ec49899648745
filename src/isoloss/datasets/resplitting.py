"""Split one table many times: at random, by groups of rows, or in time order."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pandas as pd

from isoloss._arrays.splits import distinct
from isoloss._messages.near_misses import suggest
from isoloss.datasets.preparing import Encode, Impute, Options, Task
from isoloss.datasets.rows import TableRows, read_rows
from isoloss.datasets.splitting import random_rows
from isoloss.datasets.standardised import Indices, Split, standardise
from isoloss.datasets.tables import Table
from isoloss.datasets.targets import Encoded, encode_targets

__all__ = ["Splits", "split_repeatedly"]

_SHARE = 0.5
_REPEATS = 20
_MOST = 10_000  # 1,000 splits come within 0.2 % of the narrowest interval at a test size of 0.2
_FOLDS = 5  # of rows in time order, as TimeSeriesSplit has them
_ORDER = "the order of the rows"


@dataclass(frozen=True, eq=False)
class Splits(Sequence[Split]):
    """Many splits of one table; each is standardised when it is asked for.

    Attributes
    ----------
    rows : TableRows
        The rows.
    parts : tuple of pairs of arrays
        The numbers of the train rows and of the test rows of each split.
    origin : str
        How the test rows of the first split were chosen.
    note : str
        How all splits were made, as a sentence; empty for one split.
    targets : tuple
        The encoded targets of all rows, the labels of classes, and notes.
    options : Options
        How missing values and texts are handled.
    """

    rows: TableRows
    parts: tuple[tuple[Indices, Indices], ...]
    origin: str
    note: str
    targets: Encoded
    options: Options

    @property
    def test_per_train(self) -> float:
        """The number of test rows by that of train rows, on average over the splits."""
        return float(np.mean([len(test) / len(train) for train, test in self.parts]))

    def __len__(self) -> int:
        return len(self.parts)

    @overload
    def __getitem__(self, i: int) -> Split: ...

    @overload
    def __getitem__(self, i: slice) -> list[Split]: ...

    def __getitem__(self, i: int | slice) -> Split | list[Split]:
        """Return one of the splits; the first one says how all were made."""
        if isinstance(i, slice):
            return [self[each] for each in range(len(self))[i]]
        train, test = self.parts[i]
        others = {"test": (test, self.origin)}
        try:
            found = standardise(self.rows, self.targets, train, others, self.options)[0]
        except ValueError as error:
            if not i:
                raise
            raise ValueError(f"split {i + 1} of {len(self)}: {error}") from None
        return found if i or not self.note else replace(found, notes=(*found.notes, self.note))

    def __repr__(self) -> str:
        return f"Splits({self.rows.source.name!r}, {len(self)} splits)"


def split_repeatedly(
    table: Table,
    *,
    repeats: int | None = None,
    test_size: float | None = None,
    groups: str | None = None,
    time: str | None = None,
    in_order: bool = False,
    target: str | Sequence[str] | None = None,
    task: Task = "auto",
    ignore: Collection[str] = (),
    drop_rows: bool = False,
    impute: Impute | None = None,
    encode: Encode | None = None,
    seed: int = 0,
) -> Splits:
    """Split a table into train and test rows many times.

    Parameters
    ----------
    table : Table
        The rows.
    repeats : int, optional
        How many splits, at most 10,000; by default 20, or 5 in time order. A split that repeats an
        earlier one, as few rows or groups make likely, is left out.
    test_size : float, optional
        The share of rows, or of groups, to test on; by default 0.5.
    groups : str, optional
        A column: rows with the same value stay together, on one side of each split, as
        scikit-learn's ``GroupShuffleSplit`` keeps them.
    time : str, optional
        A column of numbers or of dates such as 2026-11-28: test rows follow their train rows, as in
        scikit-learn's ``TimeSeriesSplit``. The first split tests on the latest rows.
    in_order : bool, default: False
        The rows are in time order as they are.
    target, task, ignore, drop_rows, impute, encode
        As for `split`. The columns of groups and of times are no features.
    seed : int, default: 0
        The seed of random splits; the first one is that of `split`.

    Returns
    -------
    Splits
        The splits, in turn.

    Raises
    ------
    ValueError
        As for `split`, or if there is no such column, too few groups or rows, or too many splits.

    Examples
    --------
    >>> from isoloss.datasets import load, split_repeatedly
    >>> found = split_repeatedly(load("iris"), repeats=3, test_size=0.2)
    >>> found[0], found.test_per_train
    (Split('iris', 120 train and 30 test rows, 4 features, 3 classes), 0.25)
    """
    kinds = [name for name, given in (("groups", groups), ("time", time)) if given is not None]
    kinds += ["in_order"] * in_order
    if len(kinds) > 1:
        raise ValueError(
            f"rows are split in one way, but {' and '.join(kinds)} were given: leave one out"
        )
    is_timed = time is not None or in_order
    if is_timed and test_size is not None:
        raise ValueError(
            "in time order, the number of splits decides how many rows are tested on: give no "
            "test size"
        )
    count = repeats if repeats is not None else _FOLDS if is_timed else _REPEATS
    if count < 1 + is_timed:
        least = "2 in time order" if is_timed else "1"
        raise ValueError(f"the number of splits must be at least {least}; got {count}")
    if count > _MOST:
        raise ValueError(
            f"the number of splits must be at most {_MOST}; got {count}. Splits of the same rows "
            "overlap, so more than a few hundred hardly narrow an interval: ask for 1000 or fewer"
        )
    own = [name for name in (groups, time) if name is not None]
    for name in own:
        if name not in table.frame:
            hint = suggest(name, list(table.frame))
            raise ValueError(f"{table.name} has no column '{name}'{hint}")
    options = Options(drop_rows, impute, encode)
    rows = read_rows([table], target, [*ignore, *own], options, task)
    share = _SHARE if test_size is None else test_size
    if is_timed:
        parts = _in_time(_order(table, rows, time), count)
        origin = f"the last in {_ORDER if time is None else f'the order of {time!r}'}"
        how = f"each tests on the rows that follow its train rows ({count} splits in time order)"
    elif groups is not None:
        parts = distinct(_by_groups(_groups(table, rows, groups), count, share, seed))
        origin = f"{share:g} of the groups of '{groups}', chosen at random with seed {seed}"
        how = f"rows with the same '{groups}' stay together"
    else:
        seeds: list[Any] = [seed, *([seed, i] for i in range(1, count))]
        drawn = (random_rows(rows, share, s) for s in seeds)
        parts = distinct((train, test) for train, test in drawn)
        origin = f"chosen at random with seed {seed}"
        how = f"{len(parts[0][1])} test rows each, chosen at random"
    note = ""
    if count > 1:
        repeated = f" ({count - len(parts)} repeated others)" if len(parts) < count else ""
        note = f"{len(parts)} splits{repeated}: {how}. The details are those of the first."
    return Splits(rows, tuple(parts), origin, note, encode_targets(rows, task), options)


def _order(table: Table, rows: TableRows, name: str | None) -> npt.NDArray[np.intp]:
    """Return the rows' numbers in time order; rows of the same time stay as they are."""
    if name is None:
        return np.arange(rows.counts[0])
    cells = table.frame[name].reset_index(drop=True).iloc[rows.kept[0]]
    if cells.isna().any():
        raise ValueError(f"column '{name}' has missing values: give each row its time")
    if cells.dtype == object:
        try:
            cells = pd.to_datetime(cells, format="ISO8601", utc=True)
        except ValueError:
            raise ValueError(
                f"column '{name}' must hold numbers or dates such as 2026-11-28; it has "
                f"{str(cells.iloc[0])!r}"
            ) from None
    return np.argsort(cells.to_numpy(), kind="stable")


def _groups(table: Table, rows: TableRows, name: str) -> npt.NDArray[np.object_]:
    cells = table.frame[name].reset_index(drop=True).iloc[rows.kept[0]]
    if cells.isna().any():
        raise ValueError(f"column '{name}' has missing values: give each row its group")
    found = table.written(name)[rows.kept[0]]
    if len(set(found)) < 2:
        raise ValueError(f"column '{name}' has one group; a split needs at least 2")
    return found


def _in_time(order: npt.NDArray[np.intp], count: int) -> list[tuple[Indices, Indices]]:
    """Return splits of rows in time order, the latest first."""
    from sklearn.model_selection import TimeSeriesSplit

    if len(order) < count + 1:
        raise ValueError(f"{count} splits in time order need more than {count} rows")
    folds = TimeSeriesSplit(count).split(order)
    return [(order[train], order[test]) for train, test in folds][::-1]


def _by_groups(
    groups: npt.NDArray[np.object_], count: int, share: float, seed: int
) -> list[tuple[Indices, Indices]]:
    from sklearn.model_selection import GroupShuffleSplit

    if not 0 < share < 1:
        raise ValueError(f"the test size must be between 0 and 1, both excluded; got {share:g}")
    splitter = GroupShuffleSplit(count, test_size=share, random_state=seed)
    return list(splitter.split(groups, groups=groups))

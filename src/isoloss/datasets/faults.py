"""Report all reasons why columns cannot be used at once, with the options that would help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from isoloss._messages.near_misses import quoted
from isoloss.datasets.columns import ColumnError, Help
from isoloss.datasets.preparing import Options
from isoloss.datasets.tables import Table

__all__ = ["Faults"]

_SHOWN = 100  # how many names of unusable columns a message lists, so that it stays readable
_MOST_TEXTS = 1000  # how many columns one column of text may become


@dataclass
class Faults:
    """Collects faults of tables' columns, and the options that would make columns usable."""

    options: Options
    _features: list[str] = field(default_factory=list)
    _targets: list[str] = field(default_factory=list)
    _ignore: dict[str, None] = field(default_factory=dict)
    _incomplete: tuple[int, int] | None = None
    _count: int = 0
    _encode: bool = False
    _no_target: bool = False

    def read(self, table: Table, X: pd.DataFrame, texts: Sequence[str], y: pd.DataFrame) -> None:
        """Examine a table's targets and features; some features may be text."""
        name, numbers = table.name, X.drop(columns=list(texts))
        for column, cells in numbers.select_dtypes(object).items():
            other = (
                f"column '{column}' holds text in {name}, such as {_example(cells)!r}, but numbers "
                "in the train rows"
            )
            self._refuse(column, table.odd.get(column, other))
        numbers = numbers.select_dtypes(exclude=object)
        for column, fault in _infinite(numbers, name):
            self._refuse(column, fault)
        self._targets += [fault for _, fault in _infinite(y.select_dtypes(float), name)]
        if self.options.impute is None and numbers.isna().any(axis=None):
            self._features.append(_gaps(numbers, name))
            if self._incomplete is None:
                self._incomplete = int(X.isna().any(axis=1).sum()), len(X)
        if y.isna().any(axis=None):
            self._no_target = True
            self._targets.append(f"the {_gaps(y, name, 'target')}")

    def read_texts(self, name: str, X: pd.DataFrame) -> None:
        """Examine the text columns of the train rows."""
        plain = []
        for column, cells in X.items():
            kinds = cells.nunique()
            if kinds > min(_MOST_TEXTS, max(2, len(X) / 2)):
                self._refuse(
                    column,
                    f"column '{column}' of {name} holds text, such as {_example(cells)!r}, "
                    f"{kinds} different ones in {len(X)} rows: too many to encode",
                )
            elif self.options.encode is None:
                plain.append(column)
        self._encode = bool(plain)
        if len(plain) == 1:
            example = _example(X[plain[0]])
            self._features.append(f"column '{plain[0]}' of {name} holds text, such as {example!r}")
        elif plain:
            such = ", ".join(f"'{each}' (such as {_example(X[each])!r})" for each in plain)
            self._features.append(f"columns {such} of {name} hold text")

    def leave_out(self, table: Table, columns: Sequence[str]) -> list[str]:
        """Return the features, except those that no option but ``ignore`` can help.

        These have no values at all, or all but a few of their cells are numbers.
        """
        void = table.frame[list(columns)].isna().all()
        for name in columns:
            if name in table.odd:
                self._refuse(name, table.odd[name])
            elif void[name]:
                self._refuse(name, f"column '{name}' of {table.name} has no values")
        self._count = len(columns)
        return [name for name in columns if name not in self._ignore]

    def read_odd(self, table: Table, targets: Sequence[str]) -> None:
        """Find targets whose cells are numbers except for a few; they are not classes."""
        for name in targets:
            if name in table.odd:
                classes = "; or choose task classification, which takes each cell as a label"
                self._targets.append(f"{table.odd[name]}{classes}")

    def check(self) -> None:
        """Raise `ColumnError` if anything is wrong."""
        faults = self._features + self._targets
        if not faults:
            return
        helps = []
        if self._incomplete is not None:
            count, rows = self._incomplete
            helps.append(Help("impute", "median", "fills in missing values"))
            if not self._no_target and count <= rows - 3:
                effect = f"instead leaves out {count} of {rows} rows"
                helps.append(Help("drop_rows", True, effect, instead=True))
        if self._no_target:
            helps.append(Help("drop_rows", True, "leaves out the rows without a target"))
        if self._encode:
            helps.append(Help("encode", "one-hot", "makes a column for each text value"))
        if 0 < len(self._ignore) < self._count:
            helps.append(
                Help("ignore", list(self._ignore), "leaves out the columns that cannot be used")
            )
        raise ColumnError("; ".join(faults), helps, targets_only=not self._features)

    def _refuse(self, column: object, fault: str) -> None:
        self._ignore[str(column)] = None
        self._features.append(fault)


def _infinite(columns: pd.DataFrame, table: str) -> list[tuple[str, str]]:
    infinite = pd.DataFrame(np.isinf(columns.to_numpy(float)), columns.index, columns.columns)
    names = columns.columns[infinite.any()]
    places = [columns.index[infinite[name]][0] + 1 for name in names]
    return [
        (name, f"column '{name}' of {table} is infinite in data row {row}")
        for name, row in zip(names, places, strict=True)
    ]


def _gaps(columns: pd.DataFrame, name: str, what: str = "column") -> str:
    gaps = columns.isna()
    names = [str(each) for each in columns.columns[gaps.any()]]
    many, row = len(names) > 1, gaps.index[gaps.any(axis=1)][0] + 1
    return (
        f"{what}{'s' * many} {quoted(names, _SHOWN)} of {name} {'have' if many else 'has'} "
        f"{gaps.sum(axis=None)} missing value(s), the first in data row {row}"
    )


def _example(cells: pd.Series) -> str:
    """Return the first text that is not a number, if there is one."""
    texts = cells.dropna()
    words = texts[pd.to_numeric(texts, errors="coerce").isna()]
    return str((words if len(words) else texts).iloc[0])

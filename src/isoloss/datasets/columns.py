"""Columns of tables: whether they can be used, and as an array."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.datasets.tables import Table
from isoloss.names import quoted, suggest

__all__ = ["ColumnError", "check_columns", "first_text", "leave_out", "same_columns", "stack"]

Floats = npt.NDArray[np.float64]


class ColumnError(ValueError):
    """A column that cannot be a feature as it is: it holds text, or values are missing."""


def leave_out(tables: Sequence[Table], ignore: Collection[str]) -> list[Table]:
    """Return tables without some columns; raise ``ValueError`` if the first one lacks any."""
    first = tables[0]
    for name in ignore:
        if name not in first.frame:
            hint = suggest(name, list(first.frame))
            raise ValueError(f"{first.name} has no column '{name}' to ignore{hint}")
    targets = tuple(name for name in first.targets if name not in ignore)
    if first.targets and not targets:
        raise ValueError(
            f"{quoted(first.targets)} of {first.name} is the target, not to be ignored"
        )
    return [
        replace(
            part,
            frame=part.frame[[name for name in part.frame if name not in ignore]],
            targets=targets if part.targets else (),
        )
        for part in tables
    ]


def same_columns(table: Table, test: Table) -> None:
    """Raise ``ValueError`` unless two tables have the same columns."""
    missing = [name for name in table.frame if name not in test.frame]
    extra = [name for name in test.frame if name not in table.frame]
    if missing or extra:
        faults = [f"lacks {quoted(missing)}"] * bool(missing)
        faults += [f"has {quoted(extra)} besides"] * bool(extra)
        raise ValueError(f"{test.name} must have {table.name}'s columns; it {', '.join(faults)}")


def check_columns(table: Table, features: Sequence[str], targets: Sequence[str]) -> None:
    """Raise `ColumnError` if features are no numbers, or values are missing or infinite.

    Parameters
    ----------
    table : Table
        The columns.
    features : sequence of str
        Columns that must be numbers.
    targets : sequence of str
        Columns that may be text.
    """
    if table.rows < 1:
        raise ValueError(f"{table.name} has no rows")
    for name in (*features, *targets):
        column = table.frame[name].to_numpy()
        is_text = column.dtype == object
        bad = table.frame[name].isna().to_numpy()
        if is_text and name not in targets:
            texts = [n for n in features if table.frame[n].dtype == object]
            more = f" (and so do {len(texts) - 1} more columns)" if len(texts) > 1 else ""
            raise ColumnError(
                f"column '{name}' of {table.name} holds text, such as "
                f"{first_text(column)!r}{more}; encode it as numbers, or ignore it"
            )
        fault = ValueError if name in targets else ColumnError
        if bad.any():
            raise fault(
                f"column '{name}' of {table.name} has {bad.sum()} missing value(s), the first "
                f"in data row {int(bad.argmax()) + 1}; fill them in or leave out the rows"
            )
        if not is_text and np.isinf(column).any():
            row = int(np.isinf(column).argmax()) + 1
            raise fault(f"column '{name}' of {table.name} is infinite in data row {row}")


def first_text(column: npt.NDArray[Any]) -> str:
    """Return the first entry of a column that is neither a number nor missing."""
    for cell in column:
        try:
            float(cell)
        except ValueError:
            return str(cell)
        except TypeError:  # missing
            continue
    return str(column[0])


def stack(table: Table, names: Sequence[str]) -> Floats:
    """Return columns as an array (n, d).

    Parameters
    ----------
    table : Table
        Where they are.
    names : sequence of str
        Which ones.
    """
    return np.stack([table.frame[name].to_numpy() for name in names], axis=1).astype(float)

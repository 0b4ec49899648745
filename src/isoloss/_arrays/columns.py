"""Match the columns of data frames by name, not by position."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from typing import Any

from isoloss._arrays.conversion import outside

__all__ = [
    "Names",
    "column_names",
    "entries_in_order",
    "in_order",
    "like_rows",
    "rows_in_order",
    "targets_in_order",
]

Names = tuple[Hashable, ...]


def column_names(value: Any) -> Names | None:
    """Return the names of a frame's columns, or None if the value has no column names."""
    if hasattr(value, "dtypes") or hasattr(value, "column_names"):  # pandas, polars; Arrow
        names: Any = getattr(value, "column_names", None) or getattr(value, "columns", ())
        return tuple(names) or None
    return None


def in_order(name: str, value: Any, like: str, names: Names | None) -> Any:
    """Return ``value`` with its columns in the order of ``names``, the columns of ``like``.

    Raises ``ValueError`` if the names differ, and warns if only one of the two has names.
    """
    own = column_names(value)
    if own == names:
        return value
    if own is None or names is None:
        known, unknown = (like, name) if own is None else (name, like)
        if all(isinstance(each, str) for each in (names if own is None else own) or ()):
            warnings.warn(
                f"{known} has column names and {unknown} has none: their columns are taken to "
                "be in the same order",
                UserWarning,
                stacklevel=outside(),
            )
        return value
    if len(set(own)) < len(own) or set(own) != set(names):
        raise ValueError(
            f"{name} must have the same column names as {like}, each once; "
            f"{_difference(names, own)}. To match columns by position, give arrays (.to_numpy())"
        )
    places = [own.index(each) for each in names]
    return value.iloc[:, places] if hasattr(value, "iloc") else value.select(list(names))


def targets_in_order(name: str, value: Any, like: str, names: Names | None) -> Any:
    """Return targets as `in_order` does; a single column may have any name or none."""
    own = column_names(value)
    if own is None or names is None or len(own) == len(names) == 1:
        return value
    return in_order(name, value, like, names)


def rows_in_order(value: Any) -> Any:
    """Return a covariance with its rows in the order of its columns, if both have the names."""
    names, rows = _shared(value)
    return value.iloc[[rows.index(each) for each in names]] if names != rows else value


def like_rows(value: Any) -> Any:
    """Return a kernel with its columns in the order of its rows, which the targets also follow."""
    names, rows = _shared(value)
    return value.iloc[:, [names.index(each) for each in rows]] if names != rows else value


def _shared(value: Any) -> tuple[Names, Names]:
    """Return the names of columns and rows if they are the same names, else empty tuples."""
    names, rows = column_names(value) or (), _row_names(value) or ()
    return (names, rows) if set(names) == set(rows) else ((), ())


def entries_in_order(name: str, value: Any, like: str, names: Names | None) -> Any:
    """Return a series with its entries in the order of ``names``, the columns of ``like``.

    A series labelled by row numbers is matched by position. Raises ``ValueError`` if names differ.
    """
    own = _row_names(value)
    if own is None or names is None or own == names:
        return value
    if set(own) == set(names):
        return value.iloc[[own.index(each) for each in names]]
    if all(isinstance(each, str) for each in own):
        raise ValueError(
            f"the entries of {name} must be labelled by the columns of {like}, each once; "
            f"{_difference(names, own)}. To match entries by position, give an array (.to_numpy())"
        )
    return value


def _row_names(value: Any) -> Names | None:
    """Return the row labels of a pandas object if they are unique."""
    index = getattr(value, "index", None) if hasattr(value, "iloc") else None
    return tuple(index) if index is not None and index.is_unique else None


def _difference(names: Names, own: Names) -> str:
    lacking = [each for each in names if each not in own]
    surplus = [each for each in own if each not in names]
    if not lacking and not surplus:
        return "a name occurs twice"
    parts = [
        f"{what} {', '.join(map(repr, some[:5]))}{', …' if len(some) > 5 else ''}"
        for what, some in (("it lacks", lacking), ("it also has", surplus))
        if some
    ]
    return " and ".join(parts)

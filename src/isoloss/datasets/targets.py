"""The target: which columns it is, and whether they are numbers or classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from isoloss.datasets.columns import check_columns, same_columns
from isoloss.datasets.tables import Table
from isoloss.names import quoted, suggest

__all__ = ["Task", "encode", "target_columns", "usable_columns"]

Task = Literal["auto", "classification", "regression"]
"""What to make of a target."""

Floats = npt.NDArray[np.float64]

_MAX_AUTO_CLASSES = 20


def target_columns(table: Table, target: str | None) -> list[str]:
    """Return the column that is asked for, or the ones that the table suggests.

    Parameters
    ----------
    table : Table
        The columns.
    target : str or None
        The target's column; None for those that the source calls targets, else the column
        ``target``, else the last one.

    Returns
    -------
    list of str
        The names of the targets.

    Raises
    ------
    ValueError
        If the table has no such target.
    """
    choice = list(table.targets or table.frame)
    if not choice:
        raise ValueError(f"{table.name} has no columns")
    if target is not None:
        if target not in choice:
            what = "target" if table.targets else "column"
            raise ValueError(
                f"{table.name} has no {what} '{target}'{suggest(target, choice)}; "
                f"it has {quoted(choice, 8)}"
            )
        return [target]
    if table.targets:
        return choice
    return ["target"] if "target" in choice else choice[-1:]


def usable_columns(tables: Sequence[Table], target: str | None) -> tuple[list[str], list[str]]:
    """Return the targets and features of tables with the same columns.

    Raises ``ValueError`` if the columns differ, or one cannot be used.
    """
    table = tables[0]
    targets = target_columns(table, target)
    features = [name for name in table.frame if name not in (*targets, *table.targets)]
    if not features:
        raise ValueError(f"{table.name} has no column but the target {quoted(targets)}")
    for other in tables[1:]:
        same_columns(table, other)
    for part in tables:
        check_columns(part, features, targets)
    return targets, features


def encode(
    tables: Sequence[Table], names: Sequence[str], source: Table, task: Task
) -> tuple[Floats, tuple[str, ...] | None, str]:
    """Return the targets of all rows as (n, m), the class labels if they are such, and a note."""
    columns = [[part.frame[name].to_numpy() for part in tables] for name in names]
    is_text = any(part.dtype == object for parts in columns for part in parts)
    if is_text:
        columns = [[np.array([_label(v) for v in p], dtype=object) for p in c] for c in columns]
    y = np.stack([np.concatenate(parts) for parts in columns], axis=1)
    values, codes = np.unique(y[:, 0].astype(str) if is_text else y[:, 0], return_inverse=True)
    reason = "as asked"
    if task == "auto":
        task, reason = _decide(source, y.shape, None if is_text else values)
    title = f"{'Target' if len(names) == 1 else 'Targets'} {quoted(names)}"
    if task == "regression":
        if is_text:
            raise ValueError(f"the target {quoted(names)} holds text; regression needs numbers")
        return y.astype(float), None, f"{title}: regression ({reason})."
    if len(names) > 1:
        raise ValueError(f"classification needs one target; {source.name} has {quoted(names)}")
    if _too_many(len(values), len(y)):
        raise ValueError(
            f"the target {quoted(names)} has {len(values)} different values in {len(y)} rows: "
            "too many for classes"
        )
    labels = tuple(_label(value) for value in values)
    if source.classes is not None:
        labels = tuple(source.classes[int(value)] for value in values)
    note = f"{title}: classification, one-hot, {len(labels)} classes ({reason})."
    return np.eye(len(labels))[codes], labels, note


def _decide(source: Table, shape: tuple[int, ...], values: Floats | None) -> tuple[Task, str]:
    """Choose the task for a target with these distinct values (None for text), with the reason."""
    rows, outputs = shape
    if source.shipped:
        return "classification" if source.classes else "regression", "the data set says so"
    if outputs > 1:
        return "regression", "several targets"
    if values is None:
        return "classification", "the target is text"
    if (values != np.floor(values)).any():
        return "regression", "not whole numbers"
    if len(values) > _MAX_AUTO_CLASSES or _too_many(len(values), rows):
        return "regression", f"{len(values)} distinct values"
    return "classification", f"{len(values)} distinct whole numbers; or choose task regression"


def _too_many(classes: int, rows: int) -> bool:
    return classes > max(2, rows / 2)


def _label(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(int(value)) if value == int(value) else repr(float(value))

"""Which columns of tables are used, and why some cannot be."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from isoloss._messages.near_misses import quoted, suggest
from isoloss.datasets.tables import Table

__all__ = ["ColumnError", "Help", "leave_out", "same_columns", "target_columns", "text_columns"]


@dataclass(frozen=True)
class Help:
    """An option that would make columns usable.

    Attributes
    ----------
    option : str
        Its name: a keyword argument of `split`, with two dashes on the command line.
    value : object
        The value to give.
    effect : str
        What the option does.
    instead : bool
        Whether it is an alternative to the previous option.
    """

    option: str
    value: Any
    effect: str
    instead: bool = False

    @property
    def words(self) -> list[str]:
        """The option as the commands take it."""
        flag = f"--{self.option.replace('_', '-')}"
        if self.value is True:
            return [flag]
        values = self.value if isinstance(self.value, list) else [self.value]
        return [word for each in values for word in (flag, str(each))]


class ColumnError(ValueError):
    """Columns cannot be used as they are because they hold text or have missing values.

    Attributes
    ----------
    faults : str
        What is wrong with which columns.
    helps : tuple of Help
        Options that would help if all are given, except for alternatives.
    targets_only : bool
        Whether only targets have faults.
    """

    def __init__(
        self, faults: str, helps: Sequence[Help] = (), *, targets_only: bool = False
    ) -> None:
        self.faults, self.helps, self.targets_only = faults, tuple(helps), targets_only
        cures = [f"{each.option}={each.value!r} {each.effect}" for each in self.helps]
        super().__init__(". ".join([faults, "; ".join(cures)]) if cures else faults)


def text_columns(frame: pd.DataFrame) -> list[str]:
    """Return the columns of a frame that hold text."""
    return [str(name) for name, dtype in frame.dtypes.items() if not is_numeric_dtype(dtype)]


def leave_out(tables: Sequence[Table], ignore: Collection[str]) -> list[Table]:
    """Return tables without some columns; raise ``ValueError`` if the first table lacks any."""
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


def target_columns(table: Table, target: str | Sequence[str] | None) -> list[str]:
    """Return the target columns that the user names, or else those that the table suggests.

    Parameters
    ----------
    table : Table
        The columns.
    target : str, sequence of str or None
        The column of the target, or the columns of several. None means the columns that the
        source calls targets, else the column ``target``, else the last column.

    Returns
    -------
    list of str
        The names of the targets.

    Raises
    ------
    ValueError
        If the table has no such target, or one is named twice.
    """
    choice = list(table.targets or table.frame)
    if not choice:
        raise ValueError(f"{table.name} has no columns")
    if target is None:
        if table.targets:
            return choice
        return ["target"] if "target" in choice else choice[-1:]
    names = [target] if isinstance(target, str) else list(target)
    if not names:
        raise ValueError(
            "target must name at least one column, or be None for the default; got no name"
        )
    for name in names:
        if name not in choice:
            what = "target" if table.targets else "column"
            raise ValueError(
                f"{table.name} has no {what} '{name}'{suggest(name, choice)}; "
                f"it has {quoted(choice, 8)}"
            )
        if names.count(name) > 1:
            raise ValueError(f"the target '{name}' is given {names.count(name)} times")
    return names

"""Schedules in files: JSON as `Schedule.to_json` writes it, or a column of rates in a CSV file."""

from __future__ import annotations

import csv
from pathlib import Path

from isoloss.names import no_file, suggest
from isoloss.phases import GradientDescent
from isoloss.schedule import Schedule

__all__ = ["read_schedule"]

_USUAL = ("lr", "learning_rate", "rate", "rates")


def read_schedule(path: str | Path, column: str | None = None) -> Schedule:
    r"""Read a schedule from a file.

    Parameters
    ----------
    path : str or Path
        A ``.json`` file with what `Schedule.to_json` gives or a list of rates; any other file is
        read as CSV, one step a row.
    column : str, optional
        The column of a CSV file; by default its only one, or the one called ``lr``,
        ``learning_rate``, ``rate`` or ``rates``. A file of one column needs no header.

    Returns
    -------
    Schedule
        The schedule.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is no schedule, or has no such column, or an entry is not a number.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "rates.csv").write_text("step,lr\n0,0.5\n1,0.25\n")
    >>> read_schedule(folder / "rates.csv")
    Schedule(GradientDescent([0.5, 0.25]))
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise FileNotFoundError(no_file(path)) from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file: {error}") from None
    try:
        if path.suffix.lower() == ".json":
            return Schedule.from_json(text)
        return Schedule(GradientDescent(_column(text, column)))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _column(text: str, column: str | None) -> list[float]:
    rows = [row for row in csv.reader(text.splitlines()) if row]
    if not rows:
        raise ValueError("the file is empty; it needs a rate for each step")
    head = [name.strip() for name in rows[0]]
    if column is None and len(head) == 1:
        rows = rows if _is_number(head[0]) else rows[1:]
        place = 0
    else:
        wanted = (column,) if column is not None else _USUAL
        found = [name for name in wanted if name in head]
        if not found:
            name = "column of rates named 'lr'"
            if column is not None:
                name = f"column {column!r}{suggest(column, head)}"
            raise ValueError(f"no {name}; there are {', '.join(map(repr, head))}")
        place, rows = head.index(found[0]), rows[1:]
    rates = []
    for number, row in enumerate(rows, start=1):
        entry = row[place].strip() if place < len(row) else ""
        if not _is_number(entry):
            raise ValueError(f"the rate in row {number} is not a number: {entry!r}")
        rates.append(float(entry))
    return rates


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

"""Schedules in files: JSON as `Schedule.to_json` writes it, or a column of rates in a CSV file."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from isoloss._messages.near_misses import no_file, quoted, suggest
from isoloss.delimited.decoding import check_local, read_text_file
from isoloss.delimited.dialect import check_blanks, find_dialect, records
from isoloss.delimited.header import Decision, decide_header
from isoloss.delimited.numerals import is_number, looks_numeric, wrong_with
from isoloss.schedules.phases import GradientDescent
from isoloss.schedules.schedule import Schedule

__all__ = ["read_schedule"]

_USUAL = ("lr", "learning_rate", "rate", "rates")
_COUNTERS = ("", "step", "epoch", "iteration", "iter", "index", "Unnamed: 0")


def read_schedule(path: str | Path, column: str | None = None) -> Schedule:
    r"""Read a schedule from a file.

    Parameters
    ----------
    path : str or Path
        A ``.json`` file with the output of `Schedule.to_json` or a list of rates; any other file is
        read as CSV, with one step per row.
    column : str, optional
        The column of a CSV file that holds the rates; other columns are then ignored. By default it
        is the only column, or the column called ``lr``, ``learning_rate``, ``rate`` or ``rates``.
        Beside this, only a count of the steps is allowed, since a column such as ``momentum`` would
        mean another schedule. A file with one column needs no header.

    Returns
    -------
    Schedule
        The schedule.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file holds no schedule, the column is missing, other columns are unknown, a row is
        not one step, or an entry is not a number.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "rates.csv").write_text("step,lr\n0,0.5\n1,0.25\n")
    >>> read_schedule(folder / "rates.csv")
    Schedule(GradientDescent([0.5, 0.25]))
    """
    check_local(path)
    path = Path(path)
    try:
        raw = read_text_file(path).raw
    except FileNotFoundError:
        raise FileNotFoundError(no_file(path)) from None
    try:
        if path.suffix.lower() == ".json":
            return Schedule.from_json(raw.decode())
        return Schedule(GradientDescent(_rates(raw, column)))
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path}: {error}") from None


def _rates(raw: bytes, column: str | None) -> list[float]:
    dialect = find_dialect(raw)
    text = raw[dialect.start :].decode()
    check_blanks(text, dialect)
    lines = records(io.StringIO(text, newline=""), dialect)
    rows = [[cell.strip() for cell in row] for row in lines]
    if not rows:
        raise ValueError("the file is empty; it needs a rate for each step")
    width = len(rows[0])
    head, place = _head(rows, column)
    for number, row in enumerate(rows, start=1):
        if len(row) > width:
            raise ValueError(
                f"row {number} has {len(row)} entries, but the first line has {width} (separated "
                f"by {dialect}); write decimal points, not decimal commas"
            )
        row.extend([""] * (width - len(row)))
    for other, name in enumerate(head):
        if other != place and name in _COUNTERS:
            _check_count(name, [row[other] for row in rows])
    return [_rate(row[place], number) for number, row in enumerate(rows, start=1)]


def _head(rows: list[list[str]], column: str | None) -> tuple[list[str], int]:
    """Remove the header from the rows, if any; return its names and the position of the rates."""
    first = rows[0]
    if column is None and len(first) == 1:
        decided = Decision(True) if first[0] in _USUAL else decide_header(rows)
        if decided.header is None:
            raise ValueError(
                f"cannot tell whether the first line is a rate or a name: {decided.reason}. Add "
                "a line 'lr' above the rates"
            )
        return (rows.pop(0) if decided.header else []), 0
    found = [name for name in ((column,) if column is not None else _USUAL) if name in first]
    if not found:
        name = "column of rates named 'lr'"
        if column is not None:
            name = f"column {column!r}{suggest(column, first)}"
        raise ValueError(f"no {name}; there are {', '.join(map(repr, first))}")
    if twice := [name for name, count in Counter(first).items() if count > 1]:
        raise ValueError(f"several columns are called {quoted(twice)}")
    surplus = [name for name in first if name not in (*found[:1], *_COUNTERS)]
    if surplus and column is None:
        raise ValueError(
            f"the file has {quoted(surplus)} beside the rates in '{found[0]}', but a schedule in "
            "CSV consists of rates only. Remove the other columns, or in Python give "
            f"column='{found[0]}'"
        )
    return rows.pop(0), first.index(found[0])


def _check_count(name: str, cells: Sequence[str]) -> None:
    """Raise ``ValueError`` unless a column counts the rows in steps of one."""
    counts = [float(cell) if is_number(cell) else math.nan for cell in cells]
    for number, count in enumerate(counts[1:], start=2):
        if not count - counts[number - 2] == 1:
            raise ValueError(
                f"each row is one step, but '{name}' goes from {cells[number - 2]!r} to "
                f"{cells[number - 1]!r} in row {number}; write a row for each step"
            )


def _rate(cell: str, number: int) -> float:
    if not is_number(cell) and cell.lower() != "nan":  # schedules refuse NaN themselves
        fix = f"; {wrong_with(cell)}" if looks_numeric(cell) else ""
        raise ValueError(f"the rate in row {number} is not a number: {cell!r}{fix}")
    return float(cell)

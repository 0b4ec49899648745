"""Detect what separates the cells of a text file, and read its lines as lists of cells."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from isoloss.delimited.numerals import is_missing, looks_numeric

__all__ = [
    "BLANKS",
    "Dialect",
    "check_blanks",
    "find_dialect",
    "head_of",
    "head_records",
    "records",
]

BLANKS = " "
"""The delimiter of files whose cells are separated by any number of blanks and tabs."""

_DELIMITERS = ",;\t|"
_STATED = re.compile(rb'"?sep=(.)"?[ \t]*(?:\r\n|\n|\r)', re.IGNORECASE)
_HEAD_LINES, _HEAD_BYTES, _FEWEST_LINES = 1000, 2**20, 10
_SAMPLE = 100
_LEAST_NUMERIC = 0.3  # fewer numbers mean that the blanks separate words


@dataclass(frozen=True)
class Dialect:
    """How a file is written.

    ``delimiter`` separates the cells; it is `BLANKS` for any number of blanks and tabs. If the file
    is ``padded``, each delimiter is followed by a blank that belongs to no cell. The table starts
    at byte ``start``, after a line such as ``sep=;``.
    """

    delimiter: str
    padded: bool = False
    start: int = 0

    def __str__(self) -> str:
        return {",": "commas", ";": "semicolons", "\t": "tabs", "|": "pipes", BLANKS: "blanks"}.get(
            self.delimiter, f"'{self.delimiter}'"
        )


def head_of(raw: bytes) -> tuple[str, bool]:
    """Return the first lines of a text, and whether they are the whole text."""
    end = 0
    for line in range(_HEAD_LINES):
        if end > _HEAD_BYTES and line >= _FEWEST_LINES:
            break
        end = raw.find(b"\n", end) + 1
        if not end:
            return raw.decode(), True
    return raw[:end].decode(), end == len(raw)


def records(lines: Iterable[str], dialect: Dialect) -> Iterator[list[str]]:
    """Read lines as lists of cells, and skip empty lines; may raise ``csv.Error``."""
    blanks = dialect.delimiter == BLANKS
    if blanks:
        lines = (line.strip().replace("\t", " ") + "\n" for line in lines)
    reader = csv.reader(
        lines, delimiter=dialect.delimiter, skipinitialspace=dialect.padded or blanks, strict=True
    )
    return (row for row in reader if row and (len(row) > 1 or not row[0] or row[0].strip(" \t")))


def head_records(text: str, dialect: Dialect, *, whole: bool = True) -> list[list[str]]:
    """Read the first lines as records; unless ``whole``, the last line may be cut off."""
    rows = []
    try:
        for row in records(io.StringIO(text, newline=""), dialect):
            rows.append(row)  # noqa: PERF402 - records before a fault are kept
    except csv.Error as error:
        if whole or "unexpected end" not in str(error):
            raise csv.Error(f"{error}, in or after row {len(rows) + 1}") from None
    return rows


def find_dialect(raw: bytes) -> Dialect:
    """Detect from its first lines how a text is written.

    The delimiter must give the lines the same number of cells, at least two; of several such
    delimiters, the one whose cells are most often numbers is chosen.
    """
    if match := _STATED.match(raw):
        delimiter = match[1].decode("latin-1")
        text, _ = head_of(raw[match.end() :])
        return Dialect(delimiter, _is_padded(text, delimiter), match.end())
    text, whole = head_of(raw)
    best, best_score = None, (0.0, 0.0)
    for delimiter in (*_DELIMITERS, BLANKS):
        dialect = Dialect(delimiter, _is_padded(text, delimiter))
        try:
            rows = head_records(text, dialect, whole=whole)
        except csv.Error:
            continue
        agreeing, numeric = _score(rows)
        if (agreeing, numeric) > best_score and (delimiter != BLANKS or numeric > _LEAST_NUMERIC):
            best, best_score = dialect, (agreeing, numeric)
    if best is None:  # one column, or a fault that a read by the likeliest delimiter reports
        first = text.lstrip("\r\n").partition("\n")[0]
        best = Dialect(max(_DELIMITERS, key=first.count))
    return best


def _score(rows: list[list[str]]) -> tuple[float, float]:
    """Return the share of rows with the usual number of cells, and the share of numeric cells."""
    if not rows:
        return 0.0, 0.0
    width, count = Counter(map(len, rows)).most_common(1)[0]
    if width < 2:
        return 0.0, 0.0
    cells = [cell for row in rows[1:_SAMPLE] for cell in row if not is_missing(cell)]
    numbers = sum(map(looks_numeric, cells))
    return count / len(rows), numbers / max(len(cells), 1)


def check_blanks(text: str, dialect: Dialect) -> None:
    """Raise ``csv.Error`` if blanks separate the cells and some cells could be empty."""
    if dialect.delimiter == BLANKS and _has_empty_cells(text):
        raise csv.Error(
            "cells are separated by blanks, and some seem to be empty; write NA in empty cells, or "
            "choose another delimiter"
        )


def _has_empty_cells(text: str) -> bool:
    """Return whether every single blank could be a delimiter, so that some cells are empty."""
    lines = io.StringIO(text, newline="")
    rows = [row for row in csv.reader(lines, delimiter=" ") if any(row)]
    if len({len(row) for row in rows[1:]}) != 1:
        return False  # the blanks align the columns
    alike = rows if len(rows[0]) == len(rows[1]) else rows[1:]
    return any(not all(cells) and any(cells) for cells in zip(*alike, strict=True))


def _is_padded(text: str, delimiter: str) -> bool:
    """Return whether a blank follows each delimiter after the first line."""
    rest = text.partition("\n")[2]
    count = rest.count(delimiter)
    return delimiter not in (BLANKS, "\t") and count > 0 and count == rest.count(delimiter + " ")

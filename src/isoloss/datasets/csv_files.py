"""Read CSV and similar files as tables: pandas reads them, and this module checks strictly."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from isoloss._messages.near_misses import quoted
from isoloss.datasets.csv_columns import read_columns
from isoloss.datasets.csv_source import Source
from isoloss.datasets.tables import INDEX, Table, frame_of
from isoloss.datasets.texts import TextColumn
from isoloss.delimited.decoding import read_text_file
from isoloss.delimited.dialect import (
    Dialect,
    check_blanks,
    find_dialect,
    head_of,
    head_records,
    records,
)
from isoloss.delimited.header import decide_header

__all__ = ["read_csv"]

_UNNAMED = re.compile(r"|Unnamed: [0-9]+")


def read_csv(path: Path, header: bool | None = None, most_bytes: int | None = None) -> Table:
    """Read a text file of rows and cells, as `load` does.

    Raises ``ValueError`` if the file is not of this kind or it is unclear whether its first line
    holds names, and ``OSError`` if it cannot be read.
    """
    text = read_text_file(path, most_bytes)
    try:
        raw = _with_line_feeds(text.raw)
        dialect = find_dialect(raw)
        source, notes = _source(raw[dialect.start :], dialect, path, header)
        frame = source.parsed(str(path))
    except csv.Error as error:
        raise ValueError(f"'{path}' is not a CSV file: {error}") from None
    columns = read_columns(source, frame)
    kept, left_out = _kept(source.names, columns, path)
    notes += [*text.notes, *left_out]
    if dialect.padded:
        notes.append(f"The blank after each delimiter in {path.name} was left out.")
    odd = {
        name: f"column '{name}' of {path.name}: {columns[place].odd}"
        for name, place in kept.items()
        if columns[place].odd
    }
    notes += [f"{path.name}: {sentence}." for sentence in _sentences(kept, columns)]
    values = {name: columns[place].values for name, place in kept.items()}
    return Table(path.name, frame_of(values), notes=tuple(notes), cells=source, odd=odd)


def _with_line_feeds(raw: bytes) -> bytes:
    """Return a text whose lines end in LF or CRLF, since pandas reads other ends differently."""
    if raw.count(b"\r") == raw.count(b"\r\n"):
        return raw
    if b'"' in raw:
        raise csv.Error("it has carriage returns without line feeds; write lines that end in LF")
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _source(
    raw: bytes, dialect: Dialect, path: Path, header: bool | None
) -> tuple[Source, list[str]]:
    """Return the rows with the columns' names, and notes on how the names were found."""
    text, whole = head_of(raw)
    check_blanks(text, dialect)
    rows = head_records(text, dialect, whole=whole)
    if not rows:
        raise ValueError(f"'{path}' is empty")
    width = Counter(map(len, rows[1:] or rows)).most_common(1)[0][0]
    if len(rows[0]) != width:
        raise ValueError(_uneven(rows[0], width, dialect, path))
    notes = []
    if header is None:
        try:
            decided = decide_header([row for row in rows if len(row) == width])
        except ValueError as error:
            raise ValueError(f"'{path}': {error}") from None
        header = decided.header
        if header is None:
            raise ValueError(
                f"cannot tell whether the first line of '{path}' holds names or data: "
                f"{decided.reason}. Give --header or --no-header (in Python, header=True or "
                "False), or add a line of column names above it"
            )
        if decided.reason:
            what = "holds the columns' names" if header else "is data"
            called = f"; its columns are called column1 to column{width}"
            named = "" if header or width < 2 else called
            notes.append(f"The first line of {path.name} {what}: {decided.reason}{named}.")
    if not header:
        return Source(raw, dialect, tuple(f"column{i + 1}" for i in range(width))), notes
    body = raw[_first_record(text, dialect) :]
    return Source(body, dialect, tuple(name.strip() for name in rows[0])), notes


def _uneven(first: Sequence[str], width: int, dialect: Dialect, path: Path) -> str:
    message = (
        f"the first line of '{path}' has {len(first)} fields, but most others have {width} "
        f"(fields are separated by {dialect})"
    )
    if first[0].startswith("#"):
        return f"{message}; remove the comment lines above the column names"
    if width == len(first) + 1:
        return (
            f"{message}. If the first column holds row names, as in files from R, give it a "
            "name, too; if numbers have decimal commas, use another delimiter"
        )
    return f"{message}; it must hold the column names, or data as the others do"


def _first_record(text: str, dialect: Dialect) -> int:
    """Return how many bytes the first record takes, including empty lines before it."""
    lines = io.StringIO(text, newline="")
    next(records(iter(lines.readline, ""), dialect))
    return len(text[: lines.tell()].encode())


def _kept(
    names: Sequence[str], columns: Sequence[TextColumn], path: Path
) -> tuple[dict[str, int], list[str]]:
    """Return the columns' positions by name, and notes on columns that were left out."""
    import pandas as pd

    kept: dict[str, int] = {}
    notes = []
    counts = Counter(names)
    for place, name in enumerate(names):
        said = f"'{name}'" if name else "without name"
        if INDEX.fullmatch(name) and (place == 0 or name.startswith("_")) and len(names) > 1:
            notes.append(f"Column {said} of {path.name} was left out: it is the row index.")
        elif _UNNAMED.fullmatch(name) and pd.isna(columns[place].values).all():
            notes.append(f"Column {place + 1} of {path.name} was left out: it is empty.")
        elif not name:
            raise ValueError(f"column {place + 1} of '{path}' has no name")
        elif counts[name] > 1:
            raise ValueError(f"'{path}' has {counts[name]} columns called '{name}'")
        else:
            kept[name] = place
    return kept, notes


def _sentences(kept: Mapping[str, int], columns: Sequence[TextColumn]) -> list[str]:
    """Describe each decision about cells once, for all columns that it concerns."""
    found: dict[str, list[str]] = {}
    for name, place in kept.items():
        column = columns[place]
        said = list(column.decided)
        if len(column.possible) == 1:
            said.append(f"numbers with {column.possible[0]} were read as such")
        if column.rounded:
            said.append("whole numbers above 2^53 are rounded as numbers, not as labels")
        for sentence in said:
            found.setdefault(sentence, []).append(name)
    return [
        f"{sentence} in column{'s' * (len(names) > 1)} {quoted(names)}"
        for sentence, names in found.items()
    ]

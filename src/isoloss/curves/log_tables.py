"""The columns of one log file, of which only those that are asked for are converted."""

from __future__ import annotations

import csv
import io
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isoloss._messages.extras import install_command
from isoloss._messages.near_misses import quoted
from isoloss.delimited.decoding import read_text_file
from isoloss.delimited.dialect import BLANKS, Dialect, find_dialect, head_of, head_records, records
from isoloss.delimited.numerals import MISSING_NUMBERS, conventions, is_missing, is_number

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DelimitedLog", "LogTable", "ParquetLog"]

_MISSING = sorted({form for text in MISSING_NUMBERS for form in (text, text.upper(), text.title())})
_MISSING += ["NaN", "-NaN"]


class LogTable(ABC):
    """The columns of a file: all names, and the values of those that are asked for."""

    path: Path
    names: tuple[str, ...]
    notes: tuple[str, ...]

    @abstractmethod
    def read(self, numbers: Sequence[str], label: str | None = None) -> pd.DataFrame:
        """Return ``numbers`` as float64, and ``label``, which tells runs apart, as categories.

        Raises ``ValueError`` if a column that should hold numbers does not.
        """


class DelimitedLog(LogTable):
    """A text file of rows and cells, with the columns' names in its first line."""

    def __init__(self, path: Path) -> None:
        text = read_text_file(path)
        self.path, self.notes = path, text.notes
        try:
            self._dialect: Dialect = find_dialect(text.raw)
            self._raw = text.raw[self._dialect.start :]
            head, whole = head_of(self._raw)
            rows = head_records(head, self._dialect, whole=whole)
        except csv.Error as error:
            raise ValueError(f"'{path}' is not a CSV file: {error}") from None
        if not rows:
            raise ValueError(f"'{path}' is empty")
        names = tuple(name.strip() for name in rows[0])
        if all(is_number(name) for name in names):
            raise ValueError(
                f"the first line of '{path}' holds numbers; a log needs a first line with the "
                "columns' names, such as step,loss,lr"
            )
        if len(rows) < 2:
            raise ValueError(f"'{path}' has column names, but no rows")
        _check_distinct(path, names)
        self.names = names
        cells = [cell for row in rows[1:] for cell in row if not is_missing(cell, MISSING_NUMBERS)]
        pointless = [cell for cell in cells if not is_number(cell)]
        commas = [cell for cell in pointless if conventions([cell])]
        self._decimal = "," if commas and self._dialect.delimiter != "," else "."

    def read(self, numbers: Sequence[str], label: str | None = None) -> pd.DataFrame:
        """Return ``numbers`` as float64, and ``label``, which tells runs apart, as categories."""
        types: dict[str, Any] = dict.fromkeys(numbers, "float64")
        if label is not None:
            types[label] = "str"  # pandas would turn categories that look like numbers into numbers
        try:
            frame = self._parsed(types)
            self._check_widths()
        except (ValueError, csv.Error) as error:
            self._explain(numbers)
            raise ValueError(f"cannot read '{self.path}': {error}") from None
        return frame if label is None else frame.astype({label: "category"})

    def _check_widths(self) -> None:
        """Raise ``ValueError`` for a row with too few or too many cells, which pandas overlooks."""
        width = len(self.names)
        delimiter = self._dialect.delimiter.encode()
        quoted_cells = b'"' in self._raw
        if not quoted_cells and {line.count(delimiter) for line in io.BytesIO(self._raw)} == {
            width - 1
        }:
            return
        lines = io.TextIOWrapper(io.BytesIO(self._raw), encoding="utf-8", newline="")
        for number, row in enumerate(records(lines, self._dialect)):
            if len(row) != width:
                raise ValueError(
                    f"row {number} below the names has {len(row)} cells, but there are {width} "
                    f"names (separated by {self._dialect}); was the file still being written, or "
                    "do numbers have decimal commas?"
                )

    def _parsed(self, types: dict[str, Any]) -> pd.DataFrame:
        import pandas as pd

        places = {self.names.index(name): name for name in types}
        blanks = self._dialect.delimiter == BLANKS
        frame = pd.read_csv(
            io.BytesIO(self._raw),
            sep=r"\s+" if blanks else self._dialect.delimiter,
            skipinitialspace=self._dialect.padded,
            header=None,
            skiprows=1,
            names=range(len(self.names)),
            index_col=False,
            usecols=sorted(places),
            dtype={place: types[name] for place, name in places.items()},
            decimal=self._decimal,
            na_values=_MISSING,
            keep_default_na=False,
        )
        return frame.rename(columns=places)[list(types)]

    def _explain(self, numbers: Sequence[str]) -> None:
        """Raise ``ValueError`` for the first cell that is not a number."""
        import pandas as pd

        for name in numbers:
            cells = self._parsed({name: "str"})[name]
            if self._decimal == ",":
                cells = cells.str.replace(",", ".")
            wrong = pd.to_numeric(cells, errors="coerce").isna() & cells.notna()
            if wrong.any():
                row = int(wrong.to_numpy().argmax())
                raise ValueError(
                    f"column '{name}' of '{self.path}' has {cells[row]!r} in row {row + 1} below "
                    "the names, which is not a number; leave the cell empty if nothing was measured"
                )


class ParquetLog(LogTable):
    """A Parquet file."""

    notes = ()

    def __init__(self, path: Path) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError:
            raise ImportError(
                f"Parquet files need pyarrow; install it with: {install_command('parquet')}"
            ) from None
        self.path = path
        try:
            self.names = tuple(parquet.read_schema(path).names)
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from None
        _check_distinct(path, self.names)

    def _unreadable(self, error: Exception) -> ValueError:
        first = str(error).partition("\n")[0]
        return ValueError(f"cannot read '{self.path}' as Parquet: {first}")

    def read(self, numbers: Sequence[str], label: str | None = None) -> pd.DataFrame:
        """Return ``numbers`` as float64, and ``label``, which tells runs apart, as categories."""
        import pandas as pd
        import pyarrow as pa
        from pyarrow import parquet

        wanted = [*numbers, *([label] if label is not None else [])]
        try:
            table = parquet.read_table(self.path, columns=wanted)
        except (pa.ArrowException, OSError) as error:
            raise self._unreadable(error) from None
        columns: dict[str, Any] = {}
        for name in numbers:
            try:
                columns[name] = table.column(name).to_pandas().astype("float64").to_numpy()
            except (TypeError, ValueError):
                kind = table.column(name).type
                raise ValueError(
                    f"column '{name}' of '{self.path}' holds {kind}, not numbers"
                ) from None
        if label is not None:
            columns[label] = pd.Categorical(table.column(label).to_pandas().astype(str))
        return pd.DataFrame(columns)


def _check_distinct(path: Path, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise ValueError(f"'{path}' has several columns called {quoted(twice)}")

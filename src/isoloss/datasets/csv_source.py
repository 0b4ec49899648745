"""The rows of a text file as pandas reads them, with checks that it reads them correctly."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from isoloss.delimited.dialect import BLANKS, Dialect, records
from isoloss.delimited.numerals import MISSING_NUMBERS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Source"]

_TOKENS = sorted(
    {form for text in MISSING_NUMBERS for form in (text, text.upper(), text.title())}
    | {"NaN", "-NaN"}
)
"""The usual marks of missing values; a column with any other mark is first read as text."""

_NUMBERS = {"na_values": _TOKENS, "keep_default_na": False, "low_memory": False}
_ROW = re.compile(rb"[^ \t\r\n]")


@dataclass(frozen=True, eq=False)
class Source(Mapping[str, npt.NDArray[np.object_]]):
    """The rows of a UTF-8 file: a mapping from column names to the cells as written."""

    body: bytes
    dialect: Dialect
    names: tuple[str, ...]

    def __getitem__(self, name: str) -> npt.NDArray[np.object_]:
        if name not in self.names:
            raise KeyError(name)
        place = self.names.index(name)
        return self.texts([place])[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: object) -> bool:
        return name in self.names  # Mapping's method would read the column

    def texts(
        self, places: Collection[int], rows: int | None = None
    ) -> dict[int, npt.NDArray[np.object_]]:
        """Return the cells of some columns as texts, for all rows or the first ones."""
        if not places or not self._has_rows():
            return {place: np.array([], dtype=object) for place in places}
        frame = self._read(usecols=sorted(places), dtype=object, na_filter=False, nrows=rows)
        return {place: column.to_numpy() for place, column in frame.items()}

    def with_decimal_commas(self, places: Collection[int]) -> pd.DataFrame:
        """Return some columns, as numbers where all cells are numbers with decimal commas."""
        return self._read(usecols=sorted(places), decimal=",", **_NUMBERS)

    def parsed(self, where: str) -> pd.DataFrame:
        """Return the columns, numbered from 0, as numbers where pandas recognises numbers.

        Raises ``ValueError`` if a row does not have a cell for each name, and ``csv.Error`` if
        quotes are malformed.
        """
        import pandas as pd

        if not self._has_rows():
            return pd.DataFrame({place: np.array([]) for place in range(len(self))})
        try:
            frame = self._read(**_NUMBERS)
        except pd.errors.ParserError as error:
            self._check_rows(where)
            raise csv.Error(str(error).splitlines()[0]) from None
        # pandas pads short rows, and tolerates stray quotes
        if frame.shape[1] != len(self) or not self._is_plain(len(frame)):
            self._check_rows(where, len(frame))
            if frame.shape[1] != len(self):
                raise csv.Error(f"it has {len(self)} columns, or {frame.shape[1]} to pandas")
        return frame

    def _has_rows(self) -> bool:
        return _ROW.search(self.body) is not None

    def _read(self, **options: Any) -> pd.DataFrame:
        import pandas as pd

        if tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1):
            options["float_precision"] = "round_trip"  # later versions do this by default
        return pd.read_csv(
            io.BytesIO(self.body),
            sep=r"\s+" if self.dialect.delimiter == BLANKS else self.dialect.delimiter,
            skipinitialspace=self.dialect.padded,
            header=None,
            **options,
        )

    def _is_plain(self, rows: int) -> bool:
        """Return whether every row certainly has one cell for each name."""
        delimiter = self.dialect.delimiter
        if delimiter == BLANKS or b'"' in self.body:
            return False
        return self.body.count(delimiter.encode()) == rows * (len(self) - 1)

    def _check_rows(self, where: str, rows: int | None = None) -> None:
        """Read all rows slowly, and raise ``ValueError`` or ``csv.Error`` if any is odd."""
        lines = io.TextIOWrapper(io.BytesIO(self.body), encoding="utf-8", newline="")
        count = 0
        try:
            for count, row in enumerate(records(lines, self.dialect), start=1):
                if len(row) != len(self):
                    fields = f"{len(row)} fields for {len(self)} columns"
                    raise ValueError(f"data row {count} of '{where}' has {fields}")
        except csv.Error as error:
            raise csv.Error(f"{error}, in or after data row {count + 1}") from None
        if rows is not None and count != rows:
            raise csv.Error(f"it has {count} rows, or {rows} if quotes are read in another way")

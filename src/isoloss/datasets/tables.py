"""Tables hold columns as pandas does, and their cells as they were written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["INDEX", "Table", "frame_of"]

INDEX = re.compile(r"|Unnamed: 0|__index_level_[0-9]+__")
"""The names that pandas gives to the rows' index when it writes this as a column."""


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of the same length; the source may call some of them targets.

    Attributes
    ----------
    name : str
        The name of the data set or file.
    frame : pandas.DataFrame
        The columns: of dtype float64 if each cell is a number or missing (NaN), else of dtype
        object with the text as written, or None where missing.
    targets : tuple of str
        The columns that the source itself calls targets; empty for CSV and Parquet.
    classes : tuple of str, optional
        What the integers in the target stand for, where the source says so.
    shipped : bool
        Whether the data set is one of `SHIPPED`.
    test : Table, optional
        The test rows that came in the same file.
    notes : tuple of str
        Sentences on what was decided while the data were read.
    cells : mapping of str to sequence of str, optional
        The cells as written, for columns that ``frame`` holds as numbers.
    odd : mapping of str to str, optional
        Columns that should be numeric but are held as text because a few cells are not numbers,
        each with a message that names such a cell.

    Examples
    --------
    >>> from isoloss.datasets import load
    >>> table = load("iris")
    >>> table.rows, table.targets, table.classes
    (150, ('target',), ('setosa', 'versicolor', 'virginica'))
    """

    name: str
    frame: pd.DataFrame
    targets: tuple[str, ...] = ()
    classes: tuple[str, ...] | None = None
    shipped: bool = False
    test: Table | None = None
    notes: tuple[str, ...] = ()
    cells: Mapping[str, Sequence[str] | npt.NDArray[np.object_]] = field(default_factory=dict)
    odd: Mapping[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.frame)

    @property
    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """The columns as arrays, by name."""
        return {str(name): column.to_numpy() for name, column in self.frame.items()}

    def written(self, name: str) -> npt.NDArray[np.object_]:
        """Return the cells of a column as the texts that the file holds.

        Class labels come from here: ``01`` and ``1`` are different, and an ID above 2^53 is not
        rounded.

        Parameters
        ----------
        name : str
            The column.

        Returns
        -------
        array of str, shape (n,)
            The texts. A missing cell keeps its mark in the file, or is empty. Without a file,
            integers are written without a point, and other numbers as Python writes them.

        Examples
        --------
        >>> from isoloss.datasets import load
        >>> load("iris").written("target")[:2]
        array(['0', '0'], dtype=object)
        """
        if name in self.cells:
            return np.array(self.cells[name], dtype=object)
        return np.array([_text(value) for value in self.frame[name]], dtype=object)

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {self.rows} rows, {len(self.frame.columns)} columns)"


def frame_of(columns: Mapping[str, npt.NDArray[Any]]) -> pd.DataFrame:
    """Return arrays of floats and of objects as a frame that keeps their dtypes."""
    import pandas as pd

    parts = []
    for dtype in (np.dtype(float), np.dtype(object)):
        names = [name for name, each in columns.items() if each.dtype == dtype]
        if names:  # in one block, as a file can have many columns
            block = np.stack([columns[name] for name in names])
            parts.append(pd.DataFrame(block.T, columns=pd.Index(names, dtype=object), dtype=dtype))
    return pd.concat(parts, axis=1)[list(columns)] if parts else pd.DataFrame()


def _text(value: str | float | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if np.isnan(value):
        return ""
    if np.isfinite(value) and value == np.floor(value):
        return str(int(value))
    return repr(float(value))

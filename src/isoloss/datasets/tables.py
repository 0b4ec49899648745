"""Data sets by name, and CSV, Parquet and NPZ files, as tables of columns."""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from isoloss.names import no_file, suggest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SHIPPED", "Table", "load"]

SHIPPED = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine")
"""The data sets that scikit-learn ships: loading them needs no download."""

_OR = ".csv, .parquet or .npz"
_MISSING = frozenset({"", "na", "n/a", "nan", "null", "?"})
"""What stands for a missing value, in lower case."""

_UNREADABLE = (ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)
_TRUTH = {"true": 1.0, "false": 0.0}


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of one length, some of which may be targets by their own nature.

    Attributes
    ----------
    name : str
        The data set's name or the file's.
    frame : pandas.DataFrame
        The columns: of dtype float64 where each cell is a number or missing (NaN), else of dtype
        object with the text as it was written, and None where it is missing.
    targets : tuple of str
        The columns that the source itself calls targets; empty for CSV and Parquet.
    classes : tuple of str, optional
        What the integers in the target stand for, where the source says so.
    shipped : bool
        Whether it is one of `SHIPPED`.
    test : Table, optional
        The test rows that came in the same file.
    notes : tuple of str
        Sentences on what was decided while reading.
    cells : mapping of str to sequence of str, optional
        How the cells of a column were written, for those that ``frame`` holds as numbers.

    Examples
    --------
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

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.frame)

    def written(self, name: str) -> npt.NDArray[np.object_]:
        """Return the cells of a column as texts, as they were written in the file.

        Labels of classes are taken from here: ``01`` and ``1`` are two, and an ID above 2^53 is not
        rounded.

        Parameters
        ----------
        name : str
            The column.

        Returns
        -------
        array of str, shape (n,)
            A missing cell as what stood for it, or as an empty text. Where no file says how a
            number was written, whole ones are written without a point, and others as Python
            does.

        Examples
        --------
        >>> load("iris").written("target")[:2]
        array(['0', '0'], dtype=object)
        """
        if name in self.cells:
            return np.array(self.cells[name], dtype=object)
        return np.array([_text(value) for value in self.frame[name]], dtype=object)

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {self.rows} rows, {len(self.frame.columns)} columns)"


def load(data: str | Path, *, features_only: bool = False) -> Table:
    """Read a data set.

    Parameters
    ----------
    data : str or path
        A name from `SHIPPED`, or a CSV, Parquet or NPZ file. A CSV file has column names in its
        first line (if that is all numbers, the columns are called column1, column2, ...). An NPZ
        file has an array ``X`` and an array ``y``, and may have ``X_test`` and ``y_test``.
    features_only : bool, default: False
        Read no target, and test rows, from an NPZ file.

    Returns
    -------
    Table
        Its columns, as they are.

    Raises
    ------
    ValueError
        If there is no such data set, or the file cannot be read as what its name says.
    ImportError
        If a Parquet file needs pyarrow, which is not there.

    Examples
    --------
    >>> load("digts")
    Traceback (most recent call last):
    ValueError: no file or data set is called 'digts' (did you mean 'digits'?); give one of \
breast_cancer, diabetes, digits, iris, linnerud, wine, or a .csv, .parquet or .npz file
    """
    if str(data) in SHIPPED:
        return _shipped(str(data))
    path = Path(data)
    readers = {".csv": _read_csv, ".parquet": _read_parquet, ".npz": _read_npz}
    reader = readers.get(path.suffix.lower())
    if not path.exists():
        if reader is not None:
            raise ValueError(no_file(path))
        known = (*SHIPPED, *(each.name for each in Path().iterdir() if each.suffix in readers))
        raise ValueError(
            f"no file or data set is called '{data}'{suggest(str(data), known)}; give one of "
            f"{', '.join(SHIPPED)}, or a {_OR} file"
        )
    if not path.is_file():
        raise ValueError(f"'{data}' is not a file; give a {_OR} file")
    if reader is None:
        raise ValueError(f"cannot tell what '{data}' holds; give a {_OR} file")
    try:
        return _read_npz(path, features_only) if reader is _read_npz else reader(path)
    except OSError as error:
        raise ValueError(f"cannot read '{data}': {error.strerror or error}") from None


def _shipped(name: str) -> Table:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    features = _named(bunch.data, [str(column) for column in bunch.feature_names])
    target = np.asarray(bunch.target, dtype=float)
    if target.ndim == 2:
        names = [str(column) for column in bunch.target_names]
        frame = _frame({**features, **_named(target, names)})
        return Table(name, frame, tuple(names), shipped=True)
    classes = tuple(str(label) for label in bunch.target_names) if "target_names" in bunch else None
    return Table(name, _frame({**features, "target": target}), ("target",), classes, True)


def _read_csv(path: Path) -> Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            delimiter = max(",;\t", key=first.count)
            lines = [row for row in csv.reader(file, delimiter=delimiter, strict=True) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"'{path}' is not a CSV file in UTF-8: {error}") from None
    if not lines:
        raise ValueError(f"'{path}' is empty")
    header = [cell.strip() for cell in lines[0]]
    if all(_number(cell) is not None for cell in header):
        header = [f"column{i + 1}" for i in range(len(header))]
    else:
        lines = lines[1:]
    counts = Counter(header)
    for name in header:
        if not name:
            hint = "" if header[0] else " (an index of pandas? write it with index=False)"
            raise ValueError(f"column {header.index(name) + 1} of '{path}' has no name{hint}")
        if counts[name] > 1:
            raise ValueError(f"'{path}' has {counts[name]} columns called '{name}'")
    for i, line in enumerate(lines):
        if len(line) != len(header):
            raise ValueError(
                f"data row {i + 1} of '{path}' has {len(line)} fields for {len(header)} columns"
            )
    cells = dict(
        zip(header, zip(*lines, strict=True) if lines else [()] * len(header), strict=True)
    )
    frame = _frame({name: _column(cells[name]) for name in header})
    return Table(path.name, frame, cells=cells)


def _column(cells: Sequence[str]) -> npt.NDArray[Any]:
    """Turn cells into floats, NaN where missing; or keep them as text if any is neither."""
    numbers = [_number(cell) for cell in cells]
    values = [
        np.nan if number is None and cell.strip().lower() in _MISSING else number
        for cell, number in zip(cells, numbers, strict=True)
    ]
    if None in values:
        texts = [None if cell.strip().lower() in _MISSING else cell for cell in cells]
        return np.array(texts, dtype=object)
    return np.array(values, dtype=float)


def _number(cell: str) -> float | None:
    try:
        return None if "_" in cell else float(cell)  # Python reads 1_0 as 10
    except ValueError:
        return _TRUTH.get(cell.strip().lower())


def _read_parquet(path: Path) -> Table:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise ImportError(
            "Parquet files need pyarrow; install it with: pip install 'isoloss[parquet]'"
        ) from None
    try:
        table = parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"cannot read '{path}' as Parquet: {_one_line(error)}") from None
    if len(set(table.column_names)) < table.num_columns:
        raise ValueError(f"'{path}' has several columns of one name")
    columns = {}
    for name in table.column_names:
        column = table.column(name)
        kind = column.type
        if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
            values = column.cast(pa.float64(), safe=False).to_numpy()
        elif pa.types.is_decimal(kind):
            values = column.cast(pa.float64()).to_numpy()
        else:
            texts = [None if value is None else str(value) for value in column.to_pylist()]
            values = np.array(texts, dtype=object)
        columns[name] = values
    return Table(path.name, _frame(columns))


def _read_npz(path: Path, features_only: bool = False) -> Table:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (*_UNREADABLE, MemoryError) as error:  # a header can claim any size
        raise ValueError(f"cannot read '{path}' as NPZ: {_one_line(error)}") from None
    if features_only:
        return _table_of_arrays(path, "X", None, arrays)
    test = None
    if {"X_test", "y_test"} & set(arrays):
        test = _table_of_arrays(path, "X_test", "y_test", arrays)
    return replace(_table_of_arrays(path, "X", "y", arrays), test=test)


def _table_of_arrays(
    path: Path, x: str, y: str | None, arrays: dict[str, npt.NDArray[Any]]
) -> Table:
    for name in (x, y):
        if name is not None and name not in arrays:
            raise ValueError(
                f"'{path}' has no array '{name}'; it has {', '.join(arrays) or 'none'}"
            )
    features = arrays[x]
    if features.ndim != 2 or not features.shape[1]:
        raise ValueError(f"{x} in '{path}' must have shape (n, d); got {features.shape}")
    columns = _named(features, [f"x{i + 1}" for i in range(features.shape[1])])
    if y is None:
        return Table(path.name, _frame(columns))
    target = arrays[y]
    if target.ndim not in (1, 2) or len(target) != len(features):
        raise ValueError(
            f"{y} in '{path}' must have shape (n,) or (n, m) with n = {len(features)} as in {x}; "
            f"got {target.shape}"
        )
    wide = target.ndim == 2
    targets = [f"y{i + 1}" for i in range(target.shape[1])] if wide else ["y"]
    columns |= _named(target if wide else target[:, None], targets)
    return Table(path.name, _frame(columns), tuple(targets))


def _named(array: npt.NDArray[Any], names: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    is_number = array.dtype.kind in "fiub"
    values = array.astype(float) if is_number else array.astype(str).astype(object)
    return {name: values[:, i] for i, name in enumerate(names)}


def _frame(columns: Mapping[str, npt.NDArray[Any]]) -> pd.DataFrame:
    import pandas as pd

    # Series, lest pandas turn texts into a dtype of its own
    return pd.DataFrame({name: pd.Series(each, dtype=each.dtype) for name, each in columns.items()})


def _text(value: str | float | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if np.isnan(value):
        return ""
    return (
        str(int(value)) if value == np.floor(value) and np.isfinite(value) else repr(float(value))
    )


def _one_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__

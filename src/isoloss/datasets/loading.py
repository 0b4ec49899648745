"""Read data sets by name, and files according to their suffix."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isoloss._messages.near_misses import no_file, suggest
from isoloss.datasets.array_files import named, read_npz
from isoloss.datasets.csv_files import read_csv
from isoloss.datasets.parquet_files import read_parquet
from isoloss.datasets.tables import Table, frame_of
from isoloss.delimited.decoding import check_local

__all__ = ["SHIPPED", "load"]

SHIPPED = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine")
"""The data sets that scikit-learn ships, which need no download."""

_OR = ".csv, .parquet or .npz"
_TEXTS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_KINDS = (*_TEXTS, ".parquet", ".npz")


def load(
    data: str | Path,
    *,
    header: bool | None = None,
    features_only: bool = False,
    most_bytes: int | None = None,
) -> Table:
    """Read a data set.

    Parameters
    ----------
    data : str or path
        A name from `SHIPPED`, or a CSV, Parquet or NPZ file. The cells of a CSV file may be
        separated by commas, semicolons, tabs, pipes or blanks, and it may be compressed
        (``.csv.gz``). An NPZ file has an array ``X`` and an array ``y``, and may have ``X_test``
        and ``y_test``.
    header : bool, optional
        Whether the first line of a CSV file holds the column names. By default this is detected if
        it is clear; if it is not, an error asks for this option. Columns without names are called
        column1, column2, ...
    features_only : bool, default: False
        Read only the features from an NPZ file: no targets and no test rows.
    most_bytes : int, optional
        The largest size that a compressed file may have when decompressed; unlimited by default.

    Returns
    -------
    Table
        The columns: numbers where all cells are numbers, else text. The index that pandas writes
        beside the columns is left out.

    Raises
    ------
    ValueError
        If there is no such data set, the file does not have the format of its suffix, or it is
        unclear whether its first line holds names.
    ImportError
        If pyarrow, which Parquet files need, is not installed.

    Examples
    --------
    >>> load("digts")
    Traceback (most recent call last):
    ValueError: no file or data set is called 'digts' (did you mean 'digits'?); give one of \
breast_cancer, diabetes, digits, iris, linnerud, wine, or a .csv, .parquet or .npz file

    >>> import tempfile
    >>> import pandas as pd
    >>> path = Path(tempfile.mkdtemp()) / "houses.csv"
    >>> frame = pd.DataFrame({"size": [70.5, 81.0], "price": [1200, 1350]})
    >>> frame.to_csv(path, sep=";", decimal=",", index=False)
    >>> houses = load(path)
    >>> houses.frame["size"].tolist()
    [70.5, 81.0]
    >>> print(houses.notes[0])
    houses.csv: numbers with decimal commas were read as such in column 'size'.
    """
    if str(data) in SHIPPED:
        return _shipped(str(data))
    check_local(data)
    path = Path(data)
    kind = next((kind for kind in _KINDS if path.name.lower().endswith(kind)), None)
    if not path.exists():
        if kind is not None:
            raise ValueError(no_file(path))
        files = (each.name for each in Path().iterdir() if each.name.lower().endswith(_KINDS))
        raise ValueError(
            f"no file or data set is called '{data}'{suggest(str(data), (*SHIPPED, *files))}; "
            f"give one of {', '.join(SHIPPED)}, or a {_OR} file"
        )
    if not path.is_file():
        raise ValueError(f"'{data}' is not a file; give a {_OR} file")
    try:
        if kind in _TEXTS:
            return read_csv(path, header, most_bytes)
        if kind == ".parquet":
            return read_parquet(path)
        if kind == ".npz":
            return read_npz(path, features_only=features_only, most_bytes=most_bytes)
    except OSError as error:
        raise ValueError(f"cannot read '{data}': {error.strerror or error}") from None
    raise ValueError(f"cannot tell what '{data}' holds; give a {_OR} file")


def _shipped(name: str) -> Table:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    features = named(bunch.data, [str(column) for column in bunch.feature_names])
    target = np.asarray(bunch.target, dtype=float)
    if target.ndim == 2:
        names = [str(column) for column in bunch.target_names]
        frame = frame_of({**features, **named(target, names)})
        return Table(name, frame, tuple(names), shipped=True)
    classes = tuple(str(label) for label in bunch.target_names) if "target_names" in bunch else None
    return Table(name, frame_of({**features, "target": target}), ("target",), classes, True)

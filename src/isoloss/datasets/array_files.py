"""NPZ files of NumPy arrays, as tables."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss.datasets.tables import Table, frame_of
from isoloss.delimited.numerals import is_missing

__all__ = ["changed_by_floats", "first_line", "named", "read_npz"]

_UNREADABLE = (ValueError, EOFError, TypeError, KeyError, zipfile.BadZipFile, zlib.error)
_EXACT_WHOLES = 2**53

Arrays = dict[str, npt.NDArray[Any]]


def read_npz(path: Path, *, features_only: bool = False, most_bytes: int | None = None) -> Table:
    """Read arrays ``X`` and ``y``, and ``X_test`` and ``y_test`` if the file has them.

    Raises ``ValueError`` if an array is missing, or has the wrong kind or shape.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError(
                    "it holds a single array, as .npy files do; save X and y with numpy.savez"
                )
            names = list(archive.files)
            wanted = ("X",) if features_only else ("X", "y", "X_test", "y_test")
            size = sum(_size(archive, name) for name in wanted)
            if most_bytes is not None and size > most_bytes:
                raise ValueError(f"its arrays have more than {most_bytes / 2**20:.0f} MiB")
            arrays = {name: archive[name] for name in wanted if name in names}
    except (*_UNREADABLE, MemoryError, NotImplementedError, RuntimeError) as error:
        # a corrupt header can claim any size, and a ZIP archive any compression
        raise ValueError(f"cannot read '{path}' as NPZ: {first_line(error)}") from None
    for name, array in arrays.items():
        _check_array(path, name, array)
    if features_only:
        return _table(path, "X", None, arrays, names)
    test = None
    if {"X_test", "y_test"} & set(arrays):
        test = _table(path, "X_test", "y_test", arrays, names)
    return replace(_table(path, "X", "y", arrays, names), test=test)


def _size(archive: Any, name: str) -> int:
    """Return how many bytes an array has when decompressed, according to the archive."""
    members = {info.filename: info.file_size for info in archive.zip.infolist()}
    return int(max(members.get(f"{name}.npy", 0), members.get(name, 0)))


def _check_array(path: Path, name: str, array: Any) -> None:
    if not isinstance(array, np.ndarray):
        raise ValueError(
            f"'{name}' in '{path}' is not a NumPy array; write the file with numpy.savez"
        )
    if array.dtype.kind not in "fiubUS" or (array.dtype.kind == "f" and array.dtype.itemsize > 8):
        raise ValueError(
            f"{name} in '{path}' has dtype {array.dtype}; it must hold numbers up to float64, "
            "booleans or strings"
        )


def _table(path: Path, x: str, y: str | None, arrays: Arrays, known: Sequence[str]) -> Table:
    for name in (x, y):
        if name is not None and name not in arrays:
            raise ValueError(f"'{path}' has no array '{name}'; it has {', '.join(known) or 'none'}")
    features = arrays[x]
    if features.ndim != 2 or not features.shape[1]:
        raise ValueError(f"{x} in '{path}' must have shape (n, d); got {features.shape}")
    columns = named(features, [f"x{i + 1}" for i in range(features.shape[1])])
    if y is None:
        return Table(path.name, frame_of(columns))
    target = arrays[y]
    if target.ndim not in (1, 2) or len(target) != len(features):
        raise ValueError(
            f"{y} in '{path}' must have shape (n,) or (n, m) with n = {len(features)} as in {x}; "
            f"got {target.shape}"
        )
    outputs = target if target.ndim == 2 else target[:, None]
    targets = [f"y{i + 1}" for i in range(outputs.shape[1])] if target.ndim == 2 else ["y"]
    columns |= named(outputs, targets)
    cells = {
        name: [str(value) for value in values.tolist()]
        for name, values in zip(targets, outputs.T, strict=True)
        if changed_by_floats(values)
    }
    return Table(path.name, frame_of(columns), tuple(targets), cells=cells)


def named(array: npt.NDArray[Any], names: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Return an array's columns by name: floats, or strings with None for missing values."""
    if array.dtype.kind in "fiub":
        values: npt.NDArray[Any] = array.astype(float)
    else:
        texts = array.astype(str).astype(object)
        values = np.array(
            [[None if is_missing(cell) else cell for cell in row] for row in texts], dtype=object
        ).reshape(array.shape)
    return {name: values[:, i] for i, name in enumerate(names)}


def changed_by_floats(values: npt.NDArray[Any]) -> bool:
    """Return whether conversion to floats changes values, as with booleans and large integers."""
    if values.dtype.kind not in "iu":
        return values.dtype.kind == "b"
    return bool(((values > _EXACT_WHOLES) | (values < -_EXACT_WHOLES)).any())


def first_line(error: Exception) -> str:
    """Return the first line of a library's error message."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__

"""Convert users' arrays, tensors and frames to arrays of numbers, or refuse them."""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import array_api_compat as compat
import numpy as np
import numpy.typing as npt

__all__ = [
    "count",
    "dense",
    "detached",
    "floats",
    "number",
    "numbers",
    "outside",
    "plain",
    "precision",
    "refuse_booleans",
    "to_numpy",
]

_REAL = "biuf"  # kinds of NumPy dtypes


def dense(name: str, value: Any) -> None:
    """Raise ``TypeError`` for sparse tensors and Dask frames, and say how to make them dense.

    SciPy's sparse matrices are left to the caller.
    """
    cure = None
    if compat.is_torch_array(value) and str(value.layout) != "torch.strided":
        cure = f"a sparse tensor ({value.layout}); give {name}.to_dense()"
    elif compat.is_pydata_sparse_array(value):
        cure = f"an array of the library sparse; give {name}.todense()"
    elif hasattr(value, "to_dask_array"):
        cure = f"a Dask frame; give {name}.to_dask_array(lengths=True)"
    if cure is not None:
        raise TypeError(f"{name} is {cure}")


def detached(value: Any) -> Any:
    """Return a tensor detached from its graph, and anything else unchanged."""
    return value.detach() if getattr(value, "requires_grad", False) is True else value


def to_numpy(value: Any) -> npt.NDArray[Any]:
    """Return an array of any library, on any device, as a NumPy array."""
    if isinstance(value, np.ndarray | np.generic):
        return np.asarray(value)
    value = detached(value)
    try:
        return np.asarray(value)
    except (RuntimeError, TypeError):  # on another device, where NumPy cannot read it
        return np.from_dlpack(value, device="cpu")


def numbers(name: str, value: Any) -> npt.NDArray[Any]:
    """Return ``value`` as a NumPy array of real numbers in its own precision.

    Raises ``TypeError`` if it holds anything else, and ``ValueError`` if values are missing or
    masked; messages call the value ``name``.
    """
    dense(name, value)
    if _is_pandas(value):
        return _of_pandas(name, value)
    value = _unmasked(name, value)
    try:
        array = to_numpy(value) if compat.is_array_api_obj(value) else np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must be an array of numbers: {error}") from None
    except (TypeError, RuntimeError) as error:
        cause = str(error).partition("\n")[0]
        raise TypeError(f"{name} must be an array of numbers: {cause}") from None
    if array.dtype.kind not in _REAL:
        got = f"dtype {array.dtype}" if array.ndim else f"{type(value).__name__} {value!r}"
        raise TypeError(f"{name} must hold real numbers; got {got}")
    return array


def plain(name: str, value: Any) -> Any:
    """Return arrays of other libraries as NumPy arrays, and anything else unchanged.

    The result is meant for scikit-learn. Raises ``TypeError`` or ``ValueError`` for what it would
    mishandle: masks, which it ignores, dates, which it takes for numbers, and sparse tensors.
    """
    dense(name, value)
    value = _unmasked(name, value)
    if compat.is_array_api_obj(value) and not isinstance(value, np.ndarray):
        value = to_numpy(value)
    given = getattr(value, "dtypes", getattr(value, "dtype", None))
    for dtype in given if isinstance(given, Iterable) else [given]:
        if getattr(dtype, "kind", None) in ("m", "M"):
            raise TypeError(f"{name} must hold real numbers; got {dtype}")
    return value


def floats(name: str, value: Any) -> npt.NDArray[np.float64]:
    """Return ``value`` as `numbers` does, in float64."""
    return np.asarray(numbers(name, value), dtype=np.float64)


def number(name: str, value: Any) -> float:
    """Return a single number, given as a Python or NumPy scalar or a 0-d array."""
    array = numbers(name, value) if not isinstance(value, str) else None
    if array is None or array.ndim or array.dtype.kind == "b":
        raise TypeError(f"{name} must be a number; got {value!r}")
    return float(array)


def refuse_booleans(name: str, value: Any) -> None:
    """Raise ``TypeError`` for booleans, which would become the numbers 0 and 1."""
    if isinstance(value, list | tuple):
        for each in value:
            refuse_booleans(name, each)
    elif isinstance(value, bool) or "bool" in str(getattr(value, "dtype", "")):
        raise TypeError(f"{name} must be numbers; got {value!r}, which is a truth value")


def count(name: str, value: Any) -> int | None:
    """Return a Python or NumPy integer as an ``int``, and None for other numbers.

    Raises ``ValueError`` for a boolean.
    """
    array = compat.is_array_api_obj(value)
    if isinstance(value, bool) or (array and not value.ndim and "bool" in str(value.dtype)):
        raise ValueError(f"{name} must be at least 1; got {value!r}, which is not a number")
    if array and value.ndim:
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def precision(value: Any) -> float:
    """Return the machine epsilon of an array's dtype, or float64's if that is larger."""
    least = float(np.finfo(np.float64).eps)
    if _is_pandas(value):
        given = list(value.dtypes) if hasattr(value, "columns") else [value.dtype]
        dtypes = [getattr(dtype, "numpy_dtype", dtype) for dtype in given]
        return max([least, *(float(np.finfo(d).eps) for d in dtypes if d.kind == "f")])
    if not compat.is_array_api_obj(value):
        return least
    xp = compat.array_namespace(value)
    real = xp.isdtype(value.dtype, "real floating")
    return max(float(xp.finfo(value.dtype).eps), least) if real else least


def _unmasked(name: str, value: Any) -> Any:
    """Return masked arrays, or lists of them, without masks, and anything else unchanged."""
    several = isinstance(value, list | tuple)
    if not any(isinstance(v, np.ma.MaskedArray) for v in (value if several else [value])):
        return value
    masked = np.ma.asarray(value)
    hidden = np.ma.getmaskarray(masked)
    if hidden.any():
        raise ValueError(
            f"{name} is masked in {int(hidden.sum())} place(s), the first at {_first(hidden)}; "
            f"drop those entries, or fill them in with {name}.filled(value)"
        )
    return masked.data


def _first(flags: npt.NDArray[np.bool_]) -> list[int]:
    return [int(i) for i in np.unravel_index(int(np.argmax(flags)), flags.shape)]


def _is_pandas(value: Any) -> bool:
    pandas = sys.modules.get("pandas")  # if it is not loaded, there are no pandas frames
    return pandas is not None and isinstance(
        value,
        pandas.DataFrame | pandas.Series | pandas.Index | pandas.api.extensions.ExtensionArray,
    )


def _of_pandas(name: str, value: Any) -> npt.NDArray[Any]:
    frame = hasattr(value, "columns")
    dtypes: Sequence[Any] = list(value.dtypes) if frame else [value.dtype]
    columns = list(value.columns) if frame else [None]
    for column, dtype in zip(columns, dtypes, strict=True):
        if dtype.kind not in _REAL:
            where = f"its column {column!r} holds" if frame else "got dtype"
            raise TypeError(f"{name} must hold real numbers; {where} {dtype}")
    missing = np.asarray(value.isna(), dtype=bool)
    if missing.any():
        first = _first(missing)
        row = value.index[first[0]] if hasattr(value, "index") else first[0]
        where = f"row {row!r}, column {columns[first[1]]!r}" if frame else f"row {row!r}"
        raise ValueError(
            f"{name} has {int(missing.sum())} missing value(s), the first in {where}; drop those "
            "rows, or fill in the missing values"
        )
    array = np.asarray(value)
    return array if array.dtype.kind in _REAL else np.asarray(value.to_numpy(dtype=np.float64))


def outside() -> int:
    """Return the stack level of the first caller outside this package, for warnings."""
    frame, level = sys._getframe(1), 1
    # NumPy and contextlib are on the stack where our functions run under `quiet`
    inside = ("isoloss", "numpy", "contextlib")
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(inside):
        frame, level = frame.f_back, level + 1
    return level

"""Read Parquet files as tables, without the index that pandas writes beside the columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._messages.extras import install_command
from isoloss._messages.near_misses import quoted
from isoloss.datasets.array_files import changed_by_floats, first_line
from isoloss.datasets.tables import INDEX, Table, frame_of
from isoloss.datasets.texts import numbers_as_text

__all__ = ["read_parquet"]


def read_parquet(path: Path) -> Table:
    """Read a Parquet file with pyarrow.

    Raises ``ValueError`` for other files, and ``ImportError`` if pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise ImportError(
            f"Parquet files need pyarrow; install it with: {install_command('parquet')}"
        ) from None
    try:
        table = parquet.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"cannot read '{path}' as Parquet: {first_line(error)}") from None
    if len(set(table.column_names)) < table.num_columns:
        raise ValueError(f"'{path}' has several columns of one name")
    stated = _stated_index(table.schema.metadata or {})
    index = [name for name in table.column_names if name in stated or INDEX.fullmatch(name)]
    columns, cells, odd = {}, {}, {}
    for name in table.column_names:
        if name in index:
            continue
        columns[name], written = _column(table.column(name))
        if written is not None:
            cells[name] = written
        elif columns[name].dtype == object and (fault := numbers_as_text(columns[name])):
            odd[name] = f"column '{name}' of {path.name}: {fault}"
    notes = [f"{quoted(index)} of {path.name} left out: the index of the rows."] if index else []
    return Table(path.name, frame_of(columns), notes=tuple(notes), cells=cells, odd=odd)


def _stated_index(metadata: dict[bytes, bytes]) -> list[str]:
    """Return the columns that pandas, when it wrote the file, stored as the rows' index."""
    try:
        stated = json.loads(metadata.get(b"pandas", b"{}"))["index_columns"]
        return [name for name in stated if isinstance(name, str)]  # other entries are ranges
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _column(column: Any) -> tuple[npt.NDArray[Any], npt.NDArray[np.object_] | None]:
    """Return a column as floats or texts, and its cells as written if floats lose this."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan), None
    is_decimal = pa.types.is_decimal(kind)
    is_number = pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if is_number:
        values = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=float)
        if not changed_by_floats(column.drop_null().to_numpy()):
            return values, None
    texts = [None if value is None else str(value) for value in column.to_pylist()]
    if not is_number and not is_decimal:
        return np.array(texts, dtype=object), None
    written = np.array([text or "" for text in texts], dtype=object)
    return np.array([float(text or "nan") for text in texts]) if is_decimal else values, written

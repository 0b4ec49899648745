"""Count how much a file holds before reading it, as a small file can expand greatly."""

from __future__ import annotations

import math
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

from isoloss.delimited.decoding import read_text_file
from isoloss.delimited.dialect import BLANKS, find_dialect, head_of
from isoloss.explorer.queries import FaultsError

__all__ = ["MOST_BYTES", "MOST_CELLS", "MOST_COLUMNS", "Size", "measure"]

MOST_CELLS = 4 * 10**6
MOST_COLUMNS = 50_000  # each column takes as much memory as many cells
MOST_BYTES = 2**26  # the limit for the file as sent, and again for its decompressed content
_DELIMITERS = ",;\t|" + BLANKS
# Errors from broken files. They are ignored here, because reading the file later reports them.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, KeyError, RuntimeError)


class Size(NamedTuple):
    """Upper bounds on the cells, columns and decompressed bytes of a data file."""

    cells: int
    columns: int
    bytes: int


_NOTHING = Size(0, 0, 0)


def measure(path: Path) -> Size:
    """Return the size of a data file; raise `FaultsError` if it is too large."""
    counts = {".npz": _in_arrays, ".parquet": _in_parquet}
    size = counts.get(path.suffix.lower(), _in_text)(path)
    if size.columns > MOST_COLUMNS:
        what = f"more than {MOST_COLUMNS} columns"
    elif size.cells > MOST_CELLS:
        what = f"more than {MOST_CELLS} cells"
    elif size.bytes > MOST_BYTES:
        what = f"more than {MOST_BYTES // 2**20} MiB once it is read"
    else:
        return size
    raise FaultsError({"file": f"'{path.name}' has {what}; use isoloss compare"})


def _in_text(path: Path) -> Size:
    """Count the delimiters, including any inside quoted cells."""
    try:
        raw = read_text_file(path, MOST_BYTES).raw
    except (ValueError, OSError):
        return _NOTHING
    head, _ = head_of(raw)
    # finding the delimiter splits the first lines; refuse them first if they have too many parts
    if max(map(head.count, _DELIMITERS)) > 20 * MOST_COLUMNS:
        return Size(0, MOST_COLUMNS + 1, len(raw))
    delimiter = find_dialect(raw).delimiter
    first = head.lstrip("\r\n").partition("\n")[0]
    count = raw.count(delimiter.encode()) + (raw.count(b"\t") if delimiter == BLANKS else 0)
    lines = max(raw.count(b"\n"), raw.count(b"\r")) + 1
    return Size(count + lines, first.count(delimiter) + 1, len(raw))


def _in_arrays(path: Path) -> Size:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            # the reader never reads more of a member than the size declared here
            size = sum(member.file_size for member in members)
            shapes = [_shape(archive, member) for member in members]
            columns = sum(math.prod(shape[1:]) for shape in shapes)
            return Size(sum(map(math.prod, shapes)), columns, size)
    except _BROKEN:
        return _NOTHING


def _shape(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[int, ...]:
    from numpy.lib import format as npy

    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    try:
        with archive.open(member) as file:
            return tuple(readers[npy.read_magic(file)](file)[0])
    except _BROKEN:  # for example, the member is not an array
        return (0,)


def _in_parquet(path: Path) -> Size:
    try:
        import pyarrow as pa
        from pyarrow import compute, parquet
    except ImportError:  # the reader reports what is missing
        return _NOTHING
    try:
        with parquet.ParquetFile(path) as file:
            schema, found = file.schema, file.metadata
        chunks = [
            (schema.column(i), found.row_group(group).column(i))
            for group in range(found.num_row_groups)
            for i in range(found.num_columns)
        ]
        cells = sum(chunk.num_values for _, chunk in chunks)
        # a file stores a text once, even if it occurs in every row
        wide = [kind.length * chunk.num_values for kind, chunk in chunks if kind.length > 0]
        size = sum(wide) + sum(chunk.total_uncompressed_size for _, chunk in chunks)
        if cells > MOST_CELLS or size > MOST_BYTES:
            return Size(cells, found.num_columns, size)
        texts = {kind.path for kind, _ in chunks if kind.physical_type == "BYTE_ARRAY"}
        if nested := [name for name in texts if name not in found.schema.to_arrow_schema().names]:
            raise FaultsError({"file": f"'{path.name}' has a nested column: {min(nested)}"})
        with parquet.ParquetFile(path, read_dictionary=list(texts)) as file:
            for batch in file.iter_batches():
                for column in batch.columns:
                    if pa.types.is_dictionary(column.type):
                        lengths = compute.binary_length(column.dictionary)
                        size += compute.sum(lengths.take(column.indices)).as_py() or 0
    except (pa.ArrowException, OSError) as error:
        message = str(error).partition("\n")[0]
        raise FaultsError({"file": f"cannot read '{path.name}' as Parquet: {message}"}) from None
    return Size(cells, found.num_columns, size)

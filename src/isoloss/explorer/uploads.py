"""Files that the page has uploaded; a few are kept in memory by the digests of their bytes."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from pathlib import Path

from isoloss.datasets import Table, load
from isoloss.explorer.queries import FaultsError
from isoloss.explorer.sizes import MOST_BYTES, measure

__all__ = ["Uploads", "digest_of"]

_KEPT = 8
_KEPT_BYTES = 2**29  # the most bytes of all kept tables
_CELL = 64  # bytes per cell, besides its text


class Uploads:
    """Tables by the digests of the files from which they were read."""

    def __init__(self) -> None:
        self._tables: OrderedDict[str, tuple[Table, int]] = OrderedDict()
        self._lock = threading.Lock()  # several threads answer requests

    def add(self, path: Path) -> tuple[str, Table]:
        """Read a file; return its digest and table, or raise `FaultsError` if it is not a table."""
        size = measure(path)
        try:
            table = load(path, most_bytes=MOST_BYTES)
        except (ValueError, ImportError, OSError) as error:
            folder = str(path.parent)
            message = str(error).replace(f"{folder}/", "").replace(folder, "")
            raise FaultsError({"file": message}) from None
        if not table.rows:
            raise FaultsError({"file": f"'{path.name}' has no rows"})
        digest = digest_of(path)
        with self._lock:
            self._tables[digest] = table, size.bytes + _CELL * size.cells
            self._tables.move_to_end(digest)
            while len(self._tables) > _KEPT or self._bytes() > _KEPT_BYTES:
                self._tables.popitem(last=False)
        return digest, table

    def get(self, digest: str) -> Table | None:
        """Return an uploaded table, or None if this explorer does not hold it."""
        with self._lock:
            if digest not in self._tables:
                return None
            self._tables.move_to_end(digest)
            return self._tables[digest][0]

    def _bytes(self) -> int:
        return sum(size for _, size in self._tables.values())


def digest_of(path: Path) -> str:
    """Return the digest that identifies a file; the exported script checks it, too."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

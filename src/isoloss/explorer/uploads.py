"""Files that the page has sent: a few are kept in memory, under digests of their bytes."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path, PurePath

from isoloss.datasets import Table, load
from isoloss.explorer.queries import FaultsError

__all__ = ["MOST_BYTES", "Uploads", "digest_of"]

MOST_BYTES = 64 * 2**20
_KEPT = 8


class Uploads:
    """Tables by the digests of the files that they were read from."""

    def __init__(self) -> None:
        self._tables: OrderedDict[str, Table] = OrderedDict()
        self._lock = threading.Lock()  # requests are answered by several threads

    def add(self, name: str, content: bytes) -> tuple[str, Table]:
        """Read a file; return its digest and its table; raises `FaultsError` if it is none."""
        plain = PurePath(name.replace("\\", "/")).name or "upload"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / plain
            try:
                path.write_bytes(content)
                table = load(path, most_bytes=MOST_BYTES)
            except (ValueError, ImportError, OSError) as error:
                message = str(error).replace(f"{folder}/", "").replace(folder, "")
                raise FaultsError({"file": message}) from None
        if not table.rows:
            raise FaultsError({"file": f"'{plain}' has no rows"})
        digest = digest_of(content)
        with self._lock:
            self._tables[digest] = table
            self._tables.move_to_end(digest)
            while len(self._tables) > _KEPT:
                self._tables.popitem(last=False)
        return digest, table

    def get(self, digest: str) -> Table | None:
        """Return an uploaded table, or None if this explorer does not hold it."""
        with self._lock:
            if digest in self._tables:
                self._tables.move_to_end(digest)
            return self._tables.get(digest)


def digest_of(content: bytes) -> str:
    """Return what a file is known by: the exported script checks it, too."""
    return hashlib.sha256(content).hexdigest()

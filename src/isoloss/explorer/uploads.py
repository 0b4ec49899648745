"""Files that the page has sent: a few are kept in memory, under digests of their bytes."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path, PurePath

from isoloss.datasets import Table, load
from isoloss.explorer.queries import FaultsError

__all__ = ["MOST_BYTES", "Uploads"]

MOST_BYTES = 64 * 2**20
_KEPT = 8


class Uploads:
    """Tables by the digests of the files that they were read from."""

    def __init__(self) -> None:
        self._tables: OrderedDict[str, Table] = OrderedDict()
        self._lock = threading.Lock()  # requests are answered by several threads

    def add(self, name: str, content: bytes) -> str:
        """Read a file and return its digest; raises `FaultsError` if it is no table."""
        plain = PurePath(name.replace("\\", "/")).name or "upload"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / plain
            try:
                path.write_bytes(content)
                table = load(path)
            except (ValueError, ImportError, OSError) as error:
                message = str(error).replace(f"{folder}/", "").replace(folder, "")
                raise FaultsError({"file": message}) from None
        if not table.rows:
            raise FaultsError({"file": f"'{plain}' has no rows"})
        digest = hashlib.sha256(plain.encode() + b"\0" + content).hexdigest()[:16]
        with self._lock:
            self._tables[digest] = table
            self._tables.move_to_end(digest)
            while len(self._tables) > _KEPT:
                self._tables.popitem(last=False)
        return digest

    def get(self, digest: str, name: str) -> Table:
        """Return an uploaded table; raises `FaultsError` if this explorer has not seen it."""
        with self._lock:
            if digest in self._tables:
                self._tables.move_to_end(digest)
                return self._tables[digest]
        raise FaultsError(
            {
                "file": f"this address is of the file '{name}', which this explorer does not hold: "
                "choose it again"
            }
        )

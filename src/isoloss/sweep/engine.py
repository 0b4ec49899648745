"""Run the tasks of a sweep in this process, in joblib's processes, or on a Dask cluster."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isoloss._files import LOCK, OutputError, write_bytes, write_text
from isoloss._parallel.cluster import watched
from isoloss.sweep.task import FIELDS, OF_PROBLEMS, Task

__all__ = ["Cache", "results"]

_KEY = "key"


class Cache:
    """A folder with the results of finished tasks, so that none is computed twice."""

    def __init__(self, folder: Path, description: dict[str, Any]) -> None:
        plain = json.dumps(description, indent=1)
        self.folder, self._sweep = folder, plain
        path = folder / "sweep.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if path.exists():
                if path.read_bytes() != plain.encode():
                    raise ValueError(
                        f"'{folder}' holds the results of another sweep; delete it, or give "
                        "another folder"
                    )
            elif any(each.name != LOCK for each in folder.iterdir()):
                raise ValueError(f"'{folder}' holds other files; give a new folder")
            else:
                write_text(path, plain)
        except OSError as error:
            raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from None

    def load(self, number: int) -> dict[str, Any] | None:
        """Return the result of a task if its file is complete and belongs to this task."""
        try:
            with np.load(io.BytesIO(self._path(number).read_bytes())) as file:
                found = dict(file)
        except (TypeError, ValueError, OSError, zipfile.BadZipFile, EOFError):
            return None  # missing, truncated or a different file: compute it again
        if set(found) != {_KEY, *FIELDS, *OF_PROBLEMS} or found.pop(_KEY) != self._key(number):
            return None
        return found

    def save(self, number: int, found: dict[str, Any]) -> None:
        """Save the result of a task completely or not at all."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {_KEY: self._key(number), **found}
        np.savez(buffer, **arrays)
        write_bytes(self._path(number), buffer.getvalue())

    def _key(self, number: int) -> str:
        """Return a key that is unique to this task among the tasks of all sweeps."""
        return hashlib.sha256(f"{number} of {self._sweep}".encode()).hexdigest()

    def _path(self, number: int) -> Path:
        return self.folder / f"task-{number:06d}.npz"


def results(
    tasks: Sequence[Task], on: Any, cache: Cache | None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number and result of each task, in any order; new results are cached."""
    waiting = []
    for number, task in enumerate(tasks):
        found = None if cache is None else cache.load(number)
        if found is None:
            waiting.append((number, task))
        else:
            yield number, found
    for number, found in _computed(waiting, on):
        if cache is not None:
            cache.save(number, found)
        yield number, found


def _computed(waiting: Sequence[tuple[int, Task]], on: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    if on is None:
        yield from ((number, task.run()) for number, task in waiting)
    elif isinstance(on, int):
        from joblib import Parallel, delayed

        jobs = (delayed(_numbered)(number, task) for number, task in waiting)
        yield from Parallel(n_jobs=on, return_as="generator_unordered")(jobs)
    else:
        yield from _on_cluster(waiting, on)


def _on_cluster(
    waiting: Sequence[tuple[int, Task]], client: Any
) -> Iterator[tuple[int, dict[str, Any]]]:
    as_completed = importlib.import_module("distributed").as_completed  # it has no type hints
    advice = "restart it; with a cache folder, the results so far are kept"
    futures: list[Any] = []
    with watched(client, futures, advice):
        futures += [client.submit(_numbered, number, task, pure=False) for number, task in waiting]
        for future in as_completed(futures):
            yield future.result()


def _numbered(number: int, task: Task) -> tuple[int, dict[str, Any]]:
    return number, task.run()

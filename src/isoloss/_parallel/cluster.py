"""Compute on a Dask cluster: return results or fail with a one-line error."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import Any

__all__ = ["computed", "watched"]

_NO_WORKER = "60s"
"""How long a cluster may be without workers, unless Dask's ``isoloss.no-worker-timeout`` is set."""
_LOOK = 1.0  # the longest time between two checks of the workers, in seconds


def computed(tasks: list[Any], advice: str) -> Any:
    """Compute Dask collections with the scheduler that Dask would choose.

    Raises ``RuntimeError`` if a cluster fails or loses all of its workers. The message ends with
    ``advice`` on what the user can do.
    """
    dask = _module("dask")
    client: Any = getattr(_module("dask.base").get_scheduler(), "__self__", None)
    if not hasattr(client, "gather") or _is_worker():
        return dask.compute(*tasks)

    def get(graph: Any, keys: Any, **options: Any) -> Any:
        futures: list[Any] = []
        with watched(client, futures, advice):
            asked = client.get(graph, keys, sync=False, **options)
            futures += _module("distributed").futures_of(asked)
            return client.gather(asked)

    return dask.compute(*tasks, scheduler=get)


@contextmanager
def watched(client: Any, futures: list[Any], advice: str) -> Iterator[None]:
    """Watch a cluster while futures are awaited, and raise a one-line error if the cluster fails.

    A Dask scheduler waits forever for workers that do not come back, so the futures are abandoned
    once there has been no worker for some time. Raises ``RuntimeError`` as `computed` does.
    """
    setting = _module("dask.config").get("isoloss.no-worker-timeout", _NO_WORKER)
    patience = float(_module("dask.utils").parse_timedelta(setting))
    done, lost = threading.Event(), threading.Event()

    def look() -> None:
        seen = time.monotonic()
        while not done.wait(min(_LOOK, patience / 4)):
            try:
                there = client.scheduler_info()["workers"]
            except Exception:  # if the scheduler is gone, the client notices by itself
                continue
            if there:
                seen = time.monotonic()
            elif time.monotonic() - seen > patience:
                lost.set()
                client.cancel(futures, force=True)
                return

    threading.Thread(target=look, name="isoloss-workers", daemon=True).start()
    try:
        yield
    except Exception as error:
        kind = type(error)
        if lost.is_set():
            why = f"no worker for {patience:g} s (Dask's setting isoloss.no-worker-timeout)"
        elif isinstance(error, CancelledError) or kind.__module__.startswith("distributed."):
            why = f"{kind.__name__}: {error}"
        else:
            raise
        raise RuntimeError(f"the Dask cluster failed: {why}; {advice}") from error
    finally:
        done.set()


def _is_worker() -> bool:
    """Return whether this code runs inside a cluster's task, where Dask itself handles waiting."""
    try:
        _module("distributed").get_worker()
    except ValueError:
        return False
    return True


def _module(name: str) -> Any:
    """Import a module of Dask, which must be installed, as the user's arrays or client need it."""
    return importlib.import_module(name)

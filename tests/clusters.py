"""Small Dask clusters for tests, none of which waits for long, whatever happens to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask
import pytest
from distributed import Client, LocalCluster
from processes import load_libraries

__all__ = ["CLOSING", "FAILURES", "cluster"]

# Dask closes sockets late, and calls what newer versions of its libraries deprecate.
CLOSING = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")

FAILURES = "distributed.scheduler.allowed-failures"
"""How many workers a task may kill and be tried once more."""
_SETTINGS = {
    # on a slow machine a worker takes long to come back, and is given up after 15 s by default
    "distributed.deploy.lost-worker-timeout": "60s",
    "distributed.scheduler.worker-ttl": "60s",
    FAILURES: 1,
    "isoloss.no-worker-timeout": "30s",
}


@contextmanager
def cluster(workers: int = 2, *, processes: bool = True, **settings: Any) -> Iterator[Any]:
    """Yield the client of a cluster, whose workers need not import the heavy libraries anew."""
    load_libraries()
    with (
        dask.config.set({**_SETTINGS, **settings}),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=processes, dashboard_address=":0"
        ) as made,
        Client(made) as client,
    ):
        yield client

"""Settings that all tests share."""

import functools
import gc
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from processes import run_isoloss

# read by the server of `processes` alone
collect_ignore = ["warm_up.py"]

Run = Callable[..., subprocess.CompletedProcess[str]]

# What starts a server once for all tests: the libraries loaded, a Dask cluster, the explorer.
_SERVED = {"run", "address"}
_SERVERS = {"processes", "clusters"}

# The tests run in as many processes as there are cores: more threads than that slow all of them.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

# Dask's workers are forked from the server of `processes`. Dask reads this when it is imported.
os.environ["DASK_DISTRIBUTED__WORKER__MULTIPROCESSING_METHOD"] = "forkserver"

# Importing all libraries makes a million objects that stay: they are not looked through so often.
gc.set_threshold(50_000, 20, 20)

# Figures are drawn without a screen, also in the subprocesses that tests start.
os.environ["MPLBACKEND"] = "Agg"

# The same examples on every run, and no time limit for one of them: the verdict depends on the
# code alone. `--hypothesis-profile=default` searches with new examples.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what needs a server: neighbours share a worker, and so one worker starts it."""
    served = {item.path for item in items if _SERVED & set(getattr(item, "fixturenames", ()))}
    modules = {item.path: item.module for item in items if isinstance(item, pytest.Function)}
    for path, module in modules.items():
        if any(getattr(value, "__module__", None) in _SERVERS for value in vars(module).values()):
            served.add(path)
    items.sort(key=lambda item: item.path not in served)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what the tests and their libraries have made so far."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run ``isoloss`` with arguments in the test's folder, forked: its libraries are loaded."""
    return functools.partial(run_isoloss, cwd=tmp_path)


@pytest.fixture
def start(tmp_path: Path) -> Run:
    """Run ``isoloss`` with arguments in the test's folder, as users start it: from nothing."""

    def started(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name("isoloss")), *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "80", **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    return started

"""The number of BLAS threads: one for small work, BLAS's own choice for large work.

BLAS threads wait for each other by spinning. On a busy machine, the scheduler may suspend one of
them meanwhile, so that a product of microseconds takes a whole time slice: the eigenvalues of a
100 × 100 matrix have taken 200 times as long with two threads as with one.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

__all__ = ["blas_by_size", "blas_threads", "one_thread", "work"]

P = ParamSpec("P")
T = TypeVar("T")

_PAYS = 2e8  # multiplications above which threads gain more than they can lose


class _Limit:
    """Keeps count of the threads that want BLAS to use one thread.

    Most BLAS libraries have one thread count per process: the first thread to take the limit sets
    it to one, and the last to leave restores it. Other libraries have one count per thread.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holders = 0
        self.changed: list[tuple[Any, int]] = []
        self.mine = threading.local()  # what each thread wants, and what it has changed

    def want(self, wanted: bool) -> None:
        """Take the limit for this thread, or release it."""
        mine = self.mine
        with self.lock:
            if wanted is getattr(mine, "wanted", False):
                return
            mine.wanted = wanted
            if wanted:
                shared, own = _libraries(sys.modules.get("scipy.linalg") is not None)
                mine.changed = _limited(own)
                self.changed = self.changed if self.holders else _limited(shared)
                self.holders += 1
                return
            _restored(mine.changed)
            self.holders -= 1
            if not self.holders:
                _restored(self.changed)


@functools.cache
def _libraries(scipy: bool) -> tuple[list[Any], list[Any]]:
    """Return the BLAS libraries with one count per process, and those with one per thread.

    NumPy's library is loaded from the start, SciPy's own only with SciPy.
    """
    del scipy
    from threadpoolctl import ThreadpoolController

    found = ThreadpoolController().select(user_api="blas").lib_controllers
    own = [
        each
        for each in found
        if each.internal_api == "mkl" or getattr(each, "threading_layer", "") == "openmp"
    ]
    return [each for each in found if each not in own], own


def _limited(libraries: list[Any]) -> list[tuple[Any, int]]:
    """Set the thread counts to one; return the libraries that changed, with the old counts."""
    before = [(each, each.num_threads) for each in libraries]
    for library, _ in before:
        library.set_num_threads(1)
        _let_go(library)
    # other code may control a library whose count is still not one
    return [(each, count) for each, count in before if each.num_threads == 1 != count]


def _restored(changed: list[tuple[Any, int]]) -> None:
    """Restore the old thread counts, except where other code has changed them meanwhile."""
    for library, count in changed:
        if library.num_threads == 1:
            library.set_num_threads(count)
            _let_go(library)


def _let_go(library: Any) -> None:
    """Let other threads set the count: in OpenBLAS, only the first thread that set it may."""
    if hasattr(library, "clear_controlling_thread"):
        library.clear_controlling_thread()


_limit = _Limit()


@contextmanager
def blas_threads(size: float) -> Iterator[None]:
    """Limit BLAS to one thread inside this context, unless its largest task is very large.

    The thread count belongs to the process, so it stays one while any thread has small work inside,
    and is restored when the last of these threads leaves. Large work nested in small work of the
    same thread counts as large. ``size`` is the approximate number of multiplications: ndk for the
    product of (n, d) and (d, k).
    """
    mine = _limit.mine
    before = getattr(mine, "wanted", False)
    wanted = size < _PAYS or getattr(mine, "fixed", False)
    if wanted is before:
        yield
        return
    _limit.want(wanted)
    try:
        yield
    finally:
        _limit.want(before)


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS to one thread for any work, so that results are the same on any machine."""
    mine = _limit.mine
    before, mine.fixed = getattr(mine, "fixed", False), True
    try:
        with blas_threads(0):
            yield
    finally:
        mine.fixed = before


def blas_by_size(function: Callable[P, T]) -> Callable[P, T]:
    """Run a function under `blas_threads`, sized by the largest of its arguments (`work`)."""

    @functools.wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> T:
        with blas_threads(max(map(work, (*args, *kwargs.values())), default=0.0)):
            return function(*args, **kwargs)

    return limited


def work(argument: Any) -> float:
    """Return how many multiplications decompose a matrix, or a form over a problem's directions."""
    # not a problem's curvature in the user's unit, which may be outside float64's range
    gamma = getattr(getattr(argument, "_reduced", argument), "gamma", None)
    if shape := getattr(gamma, "shape", ()):
        return float(shape[-1]) ** 3
    shape = getattr(argument, "shape", ())
    if not isinstance(shape, tuple) or len(shape) < 2:
        return 0.0
    if not all(isinstance(length, int | float) for length in shape):  # unknown in Dask frames
        return 0.0
    return float(shape[-1]) * float(shape[-2]) * float(min(shape[-2:]))


def _start_anew() -> None:
    """Forget the parent process's threads after a fork, and lift their limit."""
    global _limit  # noqa: PLW0603 - a forked child starts anew
    if _limit.holders:
        _restored(_limit.changed)
    _limit = _Limit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)

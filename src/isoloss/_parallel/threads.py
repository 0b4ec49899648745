"""The number of BLAS threads: one for small work, BLAS's own choice for large work.

BLAS threads wait for each other by spinning. On a busy machine, the scheduler suspends one of them
meanwhile, and a product of microseconds takes a whole time slice: the eigenvalues of a 100 × 100
matrix have been seen to take 200 times as long with two threads as with one.
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

_PAYS = 1e9  # multiplications above which threads gain more than they can lose


class _Limit:
    """Keeps count of the threads that want BLAS to use one thread.

    Most BLAS libraries have one thread count for the process: the first thread that wants one sets
    it, and the last one restores the old count. The others have a count for each thread.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holders = 0
        self.changed: list[tuple[Any, int]] = []
        self.mine = threading.local()  # for each thread: what it wants, and what it has changed

    def want(self, wanted: bool) -> None:
        """Take the limit for this thread, or give it back."""
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
    """Return the BLAS libraries with one count for all threads, and those with one for each.

    NumPy's is loaded from the start, SciPy's own only with SciPy.
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
    """Set the thread counts to one; return those that this has changed, with the old counts."""
    before = [(each, each.num_threads) for each in libraries]
    for library, _ in before:
        library.set_num_threads(1)
        _let_go(library)
    # other code may be in control of it
    return [(each, count) for each, count in before if each.num_threads == 1 != count]


def _restored(changed: list[tuple[Any, int]]) -> None:
    """Restore the old thread counts, except where other code has changed them meanwhile."""
    for library, count in changed:
        if library.num_threads == 1:
            library.set_num_threads(count)
            _let_go(library)


def _let_go(library: Any) -> None:
    """Let other threads set the number: for OpenBLAS, that is up to the first one that did."""
    if hasattr(library, "clear_controlling_thread"):
        library.clear_controlling_thread()


_limit = _Limit()


@contextmanager
def blas_threads(size: float) -> Iterator[None]:
    """Limit BLAS to one thread inside, unless the largest task there is very large.

    The thread count belongs to the process. It is therefore one as long as any thread is inside
    with small work, and is restored when the last of them leaves. Large work nested in small work
    of the same thread counts as large. ``size`` is the approximate number of multiplications: ndk
    for the product of (n, d) and (d, k).
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
    """Limit BLAS to one thread inside, whatever the work, so that results are the same anywhere."""
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
    """Return the multiplications of decomposing a matrix, or a form over a problem's directions."""
    # not a problem's curvature in the user's unit, which float64 may not hold
    gamma = getattr(getattr(argument, "_reduced", argument), "gamma", None)
    if shape := getattr(gamma, "shape", ()):
        return float(shape[-1]) ** 3
    shape = getattr(argument, "shape", ())
    if not isinstance(shape, tuple) or len(shape) < 2:
        return 0.0
    if not all(isinstance(length, int | float) for length in shape):  # Dask frames do not know it
        return 0.0
    return float(shape[-1]) * float(shape[-2]) * float(min(shape[-2:]))


def _start_anew() -> None:
    """Forget the threads of the parent process after a fork, and lift their limit."""
    global _limit  # noqa: PLW0603 - a child of fork starts anew
    if _limit.holders:
        _restored(_limit.changed)
    _limit = _Limit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)

"""How many threads BLAS takes: one where the work is small, as many as it likes where it is not.

Threads of BLAS wait for each other by spinning. On a machine that has something else to do, one of
them sleeps meanwhile, and a product of microseconds takes a time slice of the scheduler's: the
eigenvalues of a 100 × 100 matrix have been seen to take 200 times as long with two threads as with
one.
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

_PAYS = 1e9  # multiplications from which on threads gain more than they can lose


class _Limit:
    """Who wants BLAS to take one thread.

    Most kinds of BLAS have one number of threads for the process: the first thread that wants one
    sets it, and the last one that does restores what was. The others have a number for each thread.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.holders = 0
        self.changed: list[tuple[Any, int]] = []
        self.mine = threading.local()  # of a thread: what it wants, and what it has changed

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
    """Return the kinds of BLAS with one number for all threads, and those with one for each.

    NumPy's is there from the start; SciPy's own, once that is loaded.
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
    """Set the number of threads to one; return where that has changed it, and what it was."""
    before = [(each, each.num_threads) for each in libraries]
    for library, _ in before:
        library.set_num_threads(1)
        _let_go(library)
    # somebody else may be in control of it
    return [(each, count) for each, count in before if each.num_threads == 1 != count]


def _restored(changed: list[tuple[Any, int]]) -> None:
    """Set the numbers of threads to what they were, but where somebody else has changed them."""
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
    """Let BLAS take one thread inside, unless its largest task has very many multiplications.

    The number of threads belongs to the process. So it is one as long as any thread of the process
    is inside with small work, and what it was before when the last of them leaves. Large work
    within small work of the same thread is large.

    Parameters
    ----------
    size : float
        About how many multiplications: of matrices (n, d) and (d, k), ndk.
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
    """Let BLAS take one thread inside, whatever the work: results are then the same anywhere."""
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
    gamma = getattr(argument, "gamma", None)
    if shape := getattr(gamma, "shape", ()):
        return float(shape[-1]) ** 3
    shape = getattr(argument, "shape", ())
    if not isinstance(shape, tuple) or len(shape) < 2:
        return 0.0
    if not all(isinstance(length, int | float) for length in shape):  # Dask frames do not know it
        return 0.0
    return float(shape[-1]) * float(shape[-2]) * float(min(shape[-2:]))


def _start_anew() -> None:
    """Forget, in a process just forked, the threads that are not there; their limit goes."""
    global _limit  # noqa: PLW0603
    if _limit.holders:
        _restored(_limit.changed)
    _limit = _Limit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)

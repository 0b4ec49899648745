"""BLAS takes one thread for small work, in all threads, and what it had before afterwards."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import isoloss as il
from isoloss._parallel.threads import blas_by_size, blas_threads, one_thread, work
from isoloss.problems import train_rows
from isoloss.sweep import sweep

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(40, 6)), RNG.normal(size=40)
SMALL, LARGE = 1e6, 1e12


def threads() -> int:
    return max(each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas")


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    with threadpool_limits(2, user_api="blas"):
        yield
        assert threads() == 2


def test_small_work_has_one_thread_and_large_work_what_there_was() -> None:
    with blas_threads(SMALL):
        assert threads() == 1
        with blas_threads(SMALL):
            assert threads() == 1
        assert threads() == 1
        with blas_threads(LARGE):
            assert threads() == 2
        assert threads() == 1
    with blas_threads(LARGE):
        assert threads() == 2
    with pytest.raises(KeyError), blas_threads(SMALL):
        raise KeyError
    assert threads() == 2


def test_what_must_be_the_same_anywhere_has_one_thread() -> None:
    with one_thread():
        with blas_threads(LARGE):
            assert threads() == 1
        assert threads() == 1


def test_the_last_thread_to_leave_restores_what_was() -> None:
    inside, leave = threading.Barrier(2), threading.Event()

    def other() -> None:
        with blas_threads(SMALL):
            inside.wait()
            leave.wait()

    started = threading.Thread(target=other, daemon=True)
    with blas_threads(SMALL):
        started.start()
        inside.wait()
        with blas_threads(LARGE):
            assert threads() == 1  # the other one still needs it
    assert threads() == 1
    leave.set()
    started.join()
    assert threads() == 2


def test_many_threads_at_once_leave_what_was() -> None:
    problem = il.Problem.from_data(X, Y, X[:5], Y[:5])

    def trains() -> None:
        for _ in range(30):
            il.train(problem, il.anneal(0.1, 5), train_loss=0.5)

    several = [threading.Thread(target=trains) for _ in range(8)]
    for each in several:
        each.start()
    for each in several:
        each.join()
    assert threads() == 2


def test_minibatches_are_followed_and_judged_with_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []

    def rows_along(*given: Any) -> Any:
        seen.append(threads())
        return found(*given)

    found = train_rows._rows_along
    monkeypatch.setattr(train_rows, "_rows_along", rows_along)
    problem, noisy = il.Problem.from_data(X, Y), il.GradientDescent(0.1, 5, batch_size=2)
    il.train(problem, noisy).path(3)
    problem.max_lr_for(2)
    il.simulate(problem, noisy, 2, 0)
    assert seen == [1] * 4


def test_the_calls_of_the_library_are_limited() -> None:
    seen: dict[str, int] = {}

    class Rows:
        shape = X.shape

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            seen["from_data"] = threads()
            return X

    def error(coef: Any) -> Any:
        seen["compare"] = threads()
        return np.zeros(coef.shape[:-2])

    def cosine(lr: float, steps: int) -> il.Schedule:
        seen["design"] = threads()
        return il.families.cosine(lr, steps)

    def sampler(rng: np.random.Generator) -> il.Problem:
        seen["sweep"] = threads()
        return il.Problem.from_spectra([1.0, 0.5], [1.0, 1.0], rng.normal(size=2))

    problem = il.Problem.from_data(Rows(), Y, X[:5], Y[:5])
    il.compare(problem, [il.GradientFlow()], 2, test_error=error)
    il.design(problem, family=cosine, steps=2, starts=1)
    sweep(sampler, "flow", 0.1)
    assert seen == {"from_data": 1, "compare": 1, "design": 1, "sweep": 1}


def test_work_is_that_of_a_decomposition() -> None:
    problem = il.Problem.from_data(X, Y, X[:5], Y[:5])
    assert work(problem) == 6**3
    assert work(X) == work(X.T) == 40 * 6 * 6
    assert work(Y) == work(None) == work("gd(1.0, 5)") == 0

    @blas_by_size
    def inside(*_: Any, **__: Any) -> int:
        return threads()

    huge = np.broadcast_to(0.0, (2000, 2000))
    assert [inside(), inside(X), inside(X, y=huge), inside(problem, huge)] == [1, 1, 2, 2]


FORK = """
import os
from threadpoolctl import threadpool_info
import numpy
from isoloss._parallel.threads import blas_threads

def threads():
    return max(each["num_threads"] for each in threadpool_info())

with blas_threads(1):
    child = os.fork()
    if not child:
        before = threads()
        with blas_threads(1):
            inside = threads()
        print(before, inside, threads(), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
print(threads())
"""


def test_a_forked_process_starts_anew() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORK],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "2"},
    )
    assert done.stdout.splitlines() == ["2 1 2", "2"], done.stderr

"""Dask arrays of chunked rows, against the same data in memory; a cluster loses a worker."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import dask.array as da
import h5py
import numpy as np
import pytest
from clusters import CLOSING, FAILURES, cluster
from scipy.sparse import csr_matrix, random_array

import isoloss as il

RNG = np.random.default_rng(2)
X = RNG.normal(size=(500, 20)) * np.arange(1, 21) ** -1.0
Y = X @ RNG.normal(size=(20, 2)) + RNG.normal(size=(500, 2))
X_TEST, Y_TEST = RNG.normal(size=(120, 20)), RNG.normal(size=(120, 2))


def same(a: il.Problem, b: il.Problem, *, rtol: float = 1e-10) -> None:
    """Check that two problems are trained alike."""
    floor, start = float(a.min_train_loss), float(a.start_train_loss)
    levels = floor + np.array([0.5, 1e-2, 1e-5]) * (start - floor)
    schedule = il.anneal(0.9 * float(a.max_lr), 10)
    runs = [il.train(each, schedule, levels) for each in (a, b)]
    for name in ("train_loss", "test_loss"):
        np.testing.assert_allclose(getattr(runs[1], name), getattr(runs[0], name), rtol=rtol)
    np.testing.assert_allclose(runs[1].coef(), runs[0].coef(), rtol=100 * rtol, atol=rtol)
    np.testing.assert_allclose(runs[1].intercept(), runs[0].intercept(), rtol=100 * rtol, atol=rtol)


@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("chunks", [(500, 20), (137, 20), (13, 7)])
def test_chunked_data_is_trained_as_data_in_memory(
    single: bool, intercept: bool, chunks: tuple[int, int]
) -> None:
    y, y_test = (Y[:, 0], Y_TEST[:, 0]) if single else (Y, Y_TEST)
    wanted = il.Problem.from_data(X, y, X_TEST, y_test, fit_intercept=intercept)
    found = il.Problem.from_data(
        da.from_array(X, chunks=chunks),
        da.from_array(y, chunks=100),
        da.from_array(X_TEST, chunks=(50, 20)),
        y_test,
        fit_intercept=intercept,
    )
    same(wanted, found)
    assert float(found.min_train_loss) == pytest.approx(float(wanted.min_train_loss), rel=1e-12)


def test_a_start_and_other_test_rows() -> None:
    start = RNG.normal(size=(20, 2))
    wanted = il.Problem.from_data(X, Y, X_TEST, Y_TEST, start=start)
    found = il.Problem.from_data(da.from_array(X, chunks=(99, 20)), Y, X_TEST, Y_TEST, start=start)
    same(wanted, found)
    same(wanted.with_test(X[:30], Y[:30]), found.with_test(X[:30], Y[:30]))
    later = il.Problem.from_data(da.from_array(X, chunks=(99, 20)), Y, start=start)
    same(wanted, later.with_test(X_TEST, Y_TEST))


def test_products_of_chunks() -> None:
    wanted = il.Problem.from_data(X, Y, X_TEST, Y_TEST)
    chunked = da.from_array(X, chunks=(60, 9))
    found = il.from_operator(chunked, Y, X_TEST, Y_TEST, rtol=1e-9)
    same(wanted, found, rtol=1e-6)


def test_sparse_chunks() -> None:
    dense = random_array((300, 400), density=0.05, rng=np.random.default_rng(3)).toarray()
    chunked = da.from_array(dense, chunks=(80, 400)).map_blocks(csr_matrix)
    y = RNG.normal(size=300)
    wanted = il.Problem.from_data(dense, y, dense[:50], y[:50])
    found = il.from_operator(chunked, y, chunked[:50], y[:50], rtol=1e-9)
    same(wanted, found, rtol=1e-5)


def test_chunks_of_unknown_size() -> None:
    chunked = da.from_array(X, chunks=(100, 20))
    some = chunked[chunked[:, 0] > 0]
    kept = X[:, 0] > 0
    wanted = il.Problem.from_data(X[kept], Y[kept], X_TEST, Y_TEST)
    same(wanted, il.Problem.from_data(some, Y[kept], X_TEST, Y_TEST))


@pytest.mark.parametrize("kind", ["zarr", "hdf5", "memory map"])
def test_rows_from_files(kind: str, tmp_path: Path) -> None:
    wanted = il.Problem.from_data(X, Y, X_TEST, Y_TEST)
    path = str(tmp_path / "rows")
    if kind == "zarr":
        da.from_array(X, chunks=(100, 20)).to_zarr(path)
        same(wanted, il.Problem.from_data(da.from_zarr(path), Y, X_TEST, Y_TEST))
    elif kind == "hdf5":
        with h5py.File(path, "w") as file:
            file["X"] = X
        with h5py.File(path) as file:
            chunked = da.from_array(file["X"], chunks=(100, -1))
            same(wanted, il.Problem.from_data(chunked, Y, X_TEST, Y_TEST))
    else:
        np.save(path, X)
        mapped = np.load(path + ".npy", mmap_mode="r")
        chunked = da.from_array(mapped, chunks=(100, -1))
        same(wanted, il.Problem.from_data(chunked, Y, X_TEST, Y_TEST))


def dying(block: Any, flag: str) -> Any:
    """Kill the worker that is the first to read a chunk."""
    try:
        os.close(os.open(flag, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return block
    os.kill(os.getpid(), signal.SIGKILL)
    return block


@pytest.mark.slow
@CLOSING
def test_a_worker_that_is_killed_changes_nothing(tmp_path: Path) -> None:
    wanted = il.Problem.from_data(X, Y, X_TEST, Y_TEST)
    flag = str(tmp_path / "killed")
    chunked = da.from_array(X, chunks=(50, 20)).map_blocks(dying, flag, dtype=float, meta=X[:0])
    with cluster():
        found = il.Problem.from_data(chunked, Y, X_TEST, Y_TEST)
        again = il.Problem.from_data(da.from_array(X, chunks=(50, 20)), Y, X_TEST, Y_TEST)
    assert Path(flag).exists()
    same(wanted, found)
    np.testing.assert_array_equal(np.asarray(again.curvature), np.asarray(found.curvature))


@pytest.mark.slow
@CLOSING
def test_a_cluster_that_keeps_dying_is_one_line() -> None:
    def always(block: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)
        return block

    chunked = da.from_array(X, chunks=(250, 20)).map_blocks(always, dtype=float, meta=X[:0])
    with (
        cluster(**{FAILURES: 0}),
        pytest.raises(RuntimeError, match=r"the Dask cluster failed: KilledWorker"),
    ):
        il.Problem.from_data(chunked, Y, X_TEST, Y_TEST)


@CLOSING
def test_a_cluster_without_workers_is_one_line() -> None:
    chunked = da.from_array(X, chunks=(100, 20))
    unknown = chunked[da.from_array(X[:, 0], chunks=100) > -9]  # its sizes are computed first
    message = "the Dask cluster failed: no worker for 0.5 s .*; restart it, or close its client"
    with cluster(0, processes=False, **{"isoloss.no-worker-timeout": "500ms"}):
        for X_given in (chunked, unknown):
            with pytest.raises(RuntimeError, match=message):
                il.Problem.from_data(X_given, Y, X_TEST, Y_TEST)
    assert np.isnan(unknown.shape[0])
    same(
        il.Problem.from_data(X, Y, X_TEST, Y_TEST),
        il.Problem.from_data(unknown, Y, X_TEST, Y_TEST),
    )
    assert np.isnan(unknown.shape[0])  # the user's array stays as it is


@CLOSING
def test_a_cluster_that_loses_its_workers_on_the_way_is_one_line(tmp_path: Path) -> None:
    flag = tmp_path / "begun"

    def waits(block: Any) -> Any:
        flag.touch()
        time.sleep(0.3)
        return block

    def leaves(client: Any) -> None:
        for _ in range(600):
            if flag.exists():
                break
            time.sleep(0.05)
        client.cluster.scale(0)

    chunked = da.from_array(X, chunks=(10, 20)).map_blocks(waits, dtype=float, meta=X[:0])
    with cluster(1, processes=False, **{"isoloss.no-worker-timeout": "500ms"}) as client:
        leaver = threading.Thread(target=leaves, args=(client,), daemon=True)
        leaver.start()
        with pytest.raises(RuntimeError, match="the Dask cluster failed: no worker for"):
            il.Problem.from_data(chunked, Y, X_TEST, Y_TEST)
        leaver.join()


def test_lists_beside_chunks() -> None:
    wanted = il.Problem.from_data(X, Y[:, 0], X_TEST, Y_TEST[:, 0])
    chunked = da.from_array(X, chunks=(100, 20))
    found = il.Problem.from_data(chunked, Y[:, 0].tolist(), X_TEST.tolist(), Y_TEST[:, 0].tolist())
    same(wanted, found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"X": da.from_array(X + 1j, chunks=(100, 20))},
            "X must hold real numbers; got dtype",
        ),
        ({"y": Y + 1j}, "the targets of X must hold real numbers"),
        ({"X_test": csr_matrix(X_TEST)}, "do not go together; give X and X_test as Dask arrays"),
    ],
)
def test_what_is_no_real_number(change: Any, message: str) -> None:
    given: dict[str, Any] = {
        "X": da.from_array(X, chunks=(100, 20)),
        "y": Y,
        "X_test": X_TEST,
        "y_test": Y_TEST,
    } | change
    with pytest.raises(TypeError, match=message):
        il.from_operator(**given)


def broken(at: tuple[int, int], value: float) -> Any:
    changed = X.copy()
    changed[at] = value
    return da.from_array(changed, chunks=(100, 20))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": broken((250, 3), np.nan)}, "X, chunk 2 must be finite; got NaN or infinity"),
        ({"y": np.where(np.arange(500)[:, None] == 410, np.inf, Y)}, "X, chunk 4 has targets that"),
        ({"X_test": broken((1, 1), np.inf), "y_test": Y}, "X_test, chunk 0 must be finite"),
        ({"y": Y[:99]}, r"X has 500 rows, so its targets need shape \(500,\)"),
        ({"X_test": X_TEST[:, :5]}, "X_test and y_test need 20 columns and 2 output"),
        ({"X": da.from_array(X.T, chunks=(20, 100)), "y": Y[:20]}, "use il.from_operator"),
        ({"X": da.ones((500, 20, 2))}, "X must be rows × columns"),
        (
            {
                "X": da.map_blocks(
                    lambda b: b[:, :7],
                    da.from_array(X, chunks=(100, 20)),
                    chunks=((100,) * 5, (20,)),
                    dtype=float,
                    meta=X[:0],
                )
            },
            r"X, chunk \d must have shape \(100, 20\), its targets \(100, 2\); got \(100, 7\)",
        ),
    ],
)
def test_errors_name_the_chunk(change: Any, message: str) -> None:
    given: dict[str, Any] = {
        "X": da.from_array(X, chunks=(100, 20)),
        "y": Y,
        "X_test": X_TEST,
        "y_test": Y_TEST,
    } | change
    if not isinstance(given["X_test"], da.Array):
        given["X_test"] = da.from_array(given["X_test"], chunks=(60, -1))
    with pytest.raises(ValueError, match=message):
        il.Problem.from_data(**given)

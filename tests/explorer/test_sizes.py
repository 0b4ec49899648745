"""What a request may cost: memory before anything is read, locks, and answers to faults."""

import asyncio
import decimal
import gc
import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pytest
from matplotlib.figure import Figure
from pyarrow import parquet
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.routing import Route

from isoloss.explorer import server
from isoloss.explorer.comparing import read_schedules
from isoloss.explorer.queries import FaultsError, Fields
from isoloss.explorer.rows import RowsState, RowsView
from isoloss.explorer.sizes import MOST_CELLS, MOST_COLUMNS, measure
from isoloss.explorer.uploads import Uploads
from isoloss.schedules.grammar import SpecError
from isoloss.schedules.text import Spec


def run(start: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine in a thread of its own: Playwright's event loop may be in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(start())).result()


def state(query: str) -> RowsState:
    return RowsState.read(Fields(QueryParams(query)))


@pytest.fixture
def peak() -> Iterator[Callable[[], float]]:
    """Return what tells the largest memory so far, in MiB."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        "cosine(1, 100000000)",
        "decay(1, steps=100000000)",
        "flow(1) > cosine(1, 600000) > cosine(1, 600000)",
        "gd(1, 5) > " + " > ".join(["warmup(1, 90000)"] * 12),
        "cosine(1, 0, cycles=100000000) > cosine(1, 2000000)",
    ],
)
def test_too_many_steps_are_refused_before_they_are_made(
    text: str, peak: Callable[[], float]
) -> None:
    with pytest.raises(SpecError, match="at most 1000000 steps of changing rates"):
        Spec.parse(text, max_rates=10**6)
    fields = Fields(QueryParams({"schedule": text}))
    read_schedules(fields)
    assert "at most 1000000 steps of changing rates" in fields.messages["schedule.0"]
    assert peak() < 50


def test_steps_of_one_rate_are_not_counted() -> None:
    text = "gd(1.0, 9007199254740992) > heavy_ball(0.1, 0.9, 100000000) > cosine(1.0, 9)"
    assert Spec.parse(text, max_rates=9).relative.steps > 2**53


def once() -> pa.Array:
    return pa.DictionaryArray.from_arrays(np.zeros(1000, np.int32), ["x" * 10**6])


def wide() -> pa.Array:
    return pa.array([b"x" * 2**20] * 140, pa.binary(2**20))


def files() -> dict[str, Callable[[Path], Any]]:
    return {
        "comma.csv": lambda p: p.write_bytes(b"1,2\n" * (MOST_CELLS // 2)),
        "line.csv": lambda p: p.write_bytes(b"1," * 3 * 10**6),
        "columns.csv": lambda p: p.write_bytes(b"1," * MOST_COLUMNS + b"1\n"),
        "columns.npz": lambda p: np.savez(p, X=np.zeros((1, MOST_COLUMNS + 1))),
        "blanks.csv": lambda p: p.write_bytes(b"1 1\n" * (MOST_CELLS // 2)),
        "rows.csv": lambda p: p.write_bytes(b"1\n" * (MOST_CELLS + 1)),
        "bomb.csv.gz": lambda p: p.write_bytes(gzip.compress(bytes(2**28), 1)),
        "cells.csv.gz": lambda p: p.write_bytes(gzip.compress(b"1,2\n" * MOST_CELLS, 1)),
        "bytes.npz": lambda p: np.savez_compressed(p, X=np.zeros((1, 9), "U4000000")),
        "small.npz": lambda p: np.savez_compressed(p, X=np.zeros(MOST_CELLS + 1, np.int8)),
        "other.npz": lambda p: np.savez_compressed(p, X=np.eye(2), z=np.zeros(MOST_CELLS, bool)),
        "none.npz": lambda p: np.savez_compressed(p, X=np.zeros((MOST_CELLS, 2), "U0")),
        "rows.parquet": lambda p: parquet.write_table(pa.table({"a": np.zeros(MOST_CELLS + 1)}), p),
        "text.parquet": lambda p: parquet.write_table(pa.table({"a": once()}), p),
        "wide.parquet": lambda p: parquet.write_table(pa.table({"a": wide()}), p),
    }


@pytest.mark.parametrize("name", files())
def test_files_that_would_be_too_large_are_not_read(name: str, tmp_path: Path) -> None:
    files()[name](tmp_path / name)
    tracemalloc.start()
    with pytest.raises(
        FaultsError, match=r"has more than (50000 columns|4000000 cells|64 MiB)"
    ) as refused:
        Uploads().add(tmp_path / name)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    assert refused.match(f"'{name}' has more than")
    assert peak < (300 if "gz" in name else 50)


def test_parquet_columns_are_counted_by_what_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    columns = {
        "number": np.arange(4.0),
        "decimal": [decimal.Decimal("1.5")] * 4,
        "text": pa.array([None, "x", "y", "zz"]),
        "coded": pa.array(["u", "v", "u", None]).dictionary_encode(),
        "bytes": [b"x"] * 4,
    }
    parquet.write_table(pa.table(columns), path)
    assert measure(path)[:2] == (20, 5)
    parquet.write_table(pa.table({"a": [["x"], ["y", "z"]]}), path)
    with pytest.raises(FaultsError, match="has a nested column: a"):
        measure(path)


def test_kept_files_take_a_bounded_amount_of_memory(tmp_path: Path) -> None:
    uploads, digests = Uploads(), []
    for seed in range(5):
        rows = np.full((1000, MOST_CELLS // 2000), seed, np.int8)
        np.savez_compressed(tmp_path / "a.npz", X=rows, y=np.zeros(1000))
        digests.append(uploads.add(tmp_path / "a.npz")[0])
    assert [uploads.get(digest) is not None for digest in digests] == [False] + [True] * 4


class Held(tuple[str, ...]):
    """No columns to ignore; reading of them waits."""

    __slots__ = ()
    asked, go = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[str]:
        self.asked.set()
        assert self.go.wait(60)
        return super().__iter__()


def test_no_lock_is_held_during_a_decomposition() -> None:
    view = RowsView(Uploads())
    slow: list[Any] = []
    held = replace(state("data=wine&schedule=flow"), ignore=Held())
    threads = [threading.Thread(target=lambda: slow.append(view.compared(held))) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert Held.asked.wait(60)
    rows, _ = view.compared(state("data=iris&schedule=flow"))
    assert rows.name == "iris"
    assert not slow
    Held.go.set()
    for thread in threads:
        thread.join(60)
    (one, first), (other, second) = slow
    assert one is other  # which one of both threads has made
    assert first.problem is second.problem
    assert one.name == "wine"


def test_drawing_is_not_waited_for_by_what_does_not_draw() -> None:
    make = server._Explorer().files()["isoloss-data.py"]
    with server._DRAWING:
        assert "isoloss.datasets" in make(Fields(QueryParams("data=iris&schedule=flow")))


def test_what_fails_is_computed_anew() -> None:
    view = RowsView(Uploads())
    for _ in range(2):
        with pytest.raises(FaultsError, match="diabetes has no column 'bmj' to ignore"):
            view.compared(state("data=diabetes&ignore=bmj"))


def test_figures_are_freed_at_once() -> None:
    def live() -> int:
        return sum(issubclass(type(each), Figure) for each in gc.get_objects())

    before = live()
    server._drawn(lambda: Figure(figsize=(1, 1)), "png")
    gc.disable()
    try:
        for _ in range(3):
            server._drawn(drawn, "png")
    finally:
        gc.enable()
    assert live() <= before


def drawn() -> Figure:
    figure = Figure(figsize=(1, 1), layout="constrained")
    figure.subplots().set_title("a knot")
    return figure


def test_answers_to_our_own_faults_have_the_security_headers() -> None:
    async def broken(_: Request) -> None:
        raise RuntimeError("a fault")

    app = server.create_app()
    app.router.routes.insert(0, Route("/broken", broken))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/broken",
        "query_string": b"",
        "headers": [(b"host", b"127.0.0.1:1")],
    }
    with pytest.raises(RuntimeError, match="a fault"):  # for the terminal
        run(lambda: app(scope, receive, send))
    start, body = sent
    assert start["status"] == 500
    headers = dict(start["headers"])
    assert headers.items() >= {k.encode(): v.encode() for k, v in server._HEADERS.items()}.items()
    assert b"isoloss failed here (RuntimeError: a fault); please report it" in body["body"]


def test_a_cut_off_upload_prints_nothing(address: str, terminal: Path) -> None:
    host, _, port = urlsplit(address).netloc.partition(":")
    head = f"POST /api/upload?name=a.csv HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: 999\r\n"
    before = terminal.read_text()  # of other tests: all share one server
    for _ in range(3):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(f"{head}\r\na,b\n1,2\n".encode())
            time.sleep(0.05)
    time.sleep(0.3)
    assert terminal.read_text() == before


@pytest.mark.parametrize("name", ["x" * 300 + ".csv", "a\0.csv"])
def test_names_that_no_file_can_have_are_refused(name: str, tmp_path: Path) -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b"a,b\n1,2\n"}

    scope = {"type": "http", "method": "POST", "headers": []}
    with pytest.raises(FaultsError, match="cannot keep a file of that name: "):
        run(lambda: server._receive(Request(scope, receive), tmp_path / name))

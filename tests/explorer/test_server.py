"""The explorer's server: who is answered, and what is said of bad requests."""

import contextlib
import gzip
import http.client
import io
import json
import socket
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np
import pytest

import isoloss as il
from isoloss.explorer.serving import _listen
from isoloss.explorer.sizes import MOST_BYTES


def npz(header: str) -> bytes:
    """Return an NPZ file whose array X says of itself what it likes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        padded = header.ljust(117) + "\n"
        file.writestr("X.npy", b"\x93NUMPY\x01\x00\x76\x00" + padded.encode())
    return content.getvalue()


def archive(member: bytes) -> bytes:
    """Return an NPZ file whose X is no array."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("X", member)
    return content.getvalue()


ZEROS = bytes(MOST_BYTES + 1)  # few when compressed
HUGE = npz("{'descr': '<f8', 'fortran_order': False, 'shape': (3000000000, 1000), }")


def ask(
    address: str, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, named)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, content


def view(address: str, path: str) -> dict[str, Any]:
    status, _, content = ask(address, path)
    assert status == 200, content
    return json.loads(content)


def errors(address: str, path: str, **request: Any) -> dict[str, str]:
    status, _, content = ask(address, path, **request)
    assert status == 422, content
    return json.loads(content)["errors"]


def test_example_is_what_the_library_computes(address: str) -> None:
    query = "draw=1,2&lr=1.2&steps=7&level=0.05&alpha=0.5&start=0.5,-1&target=2,3"
    shown = view(address, f"/api/example?{query}")
    problem = il.Problem.from_spectra([1 / 3, 2 / 3], [0.5, 0.5], [0.5 - 2, -1 - 3])
    for name, schedule in (("flow", il.GradientFlow()), ("annealed", il.anneal(1.2, 7))):
        run = il.train(problem, schedule, train_loss=0.05)
        found = shown["runs"][name]
        assert found["test_loss"] == float(run.test_loss)
        assert found["train_loss"] == float(run.train_loss)
        assert found["end_steps"] == int(run.steps)
        np.testing.assert_allclose(np.subtract(found["end"], (2, 3)), run.residual(), atol=1e-14)
        # the path begins at the start and ends at the stop
        np.testing.assert_allclose(found["points"][0], (0.5, -1))
        np.testing.assert_allclose(found["test"][-1], float(run.test_loss), rtol=1e-12)
    # eq. (3) and (4): the band of a train loss ε is from 0.75 ε to 1.5 ε
    np.testing.assert_allclose(shown["slopes"], (0.75, 1.5), rtol=1e-15)


@pytest.mark.parametrize(("counts", "size"), [((2, 1), 2), ((1, 2), 1), ((3, 0), 4)])
def test_minibatches_of_the_example_by_hand(
    address: str, counts: tuple[int, int], size: int
) -> None:
    # E δ_i² is multiplied by 1 - 4ηp + 4η²(p² + p(1 - p)/B) in a step, and by exp(-4pt) in flow
    query = f"draw={counts[0]},{counts[1]}&batch={size}&lr=0.6&steps=3&level=1e-6"
    shown = view(address, f"/api/example?{query}")
    p, squares, residual = np.array(counts) / 3, np.array([9.0, 4.0]), np.array([-3.0, -2.0])
    run = shown["runs"]["annealed"]
    for step in range(4):
        assert run["train"][step] == pytest.approx(p @ squares, rel=1e-12)
        assert run["test"][step] == pytest.approx(0.5 * squares.sum(), rel=1e-12)
        assert run["points"][step] == pytest.approx(residual + np.array([3.0, 2.0]), rel=1e-12)
        squares = squares * (1 - 4 * 0.6 * p + 4 * 0.36 * (p**2 + p * (1 - p) / size))
        residual = residual * (1 - 1.2 * p)
    assert run["train_loss"] == 1e-6
    assert any(f"Minibatches of {size}" in note for note in shown["notes"])
    assert [bound["name"][-1] for bound in shown["bounds"]] == ["1"] * all(counts)
    top = max(p)
    stable = {mark["value"]: mark["label"] for mark in shown["marks"]}
    rate = min(stable, key=lambda value: abs(value - 1 / (top + (1 - top) / size)))
    assert rate == pytest.approx(1 / (top + (1 - top) / size), rel=1e-15)
    assert "stable in mean square" in stable[rate]
    if size == 1:  # drawing takes its time
        code, _, figure = ask(address, f"/export/isoloss-example.png?{query}")
        assert (code, figure[:4]) == (200, b"\x89PNG")
    code, _, script = ask(address, f"/export/isoloss-example.py?{query}")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(script.decode(), "script", "exec"), {})
    assert f"test loss {run['test_loss']!r}" in printed.getvalue()


def test_bounds_are_those_of_the_proposition(address: str) -> None:
    shown = view(address, "/api/example?instance=yes&alpha=0.2&lr=1.5&steps=10&level=0.01")
    assert shown["state"]["target"] == [100 / 0.2**0.5] * 2
    assert all(premise["met"] for premise in shown["premises"])
    assert [bound["bound"] for bound in shown["bounds"]] == pytest.approx(
        [1.5 * 0.01 * 0.8, 0.75 * 0.01], rel=1e-12
    )
    assert [bound["holds"] for bound in shown["bounds"]] == [True, True]
    # a small rate leaves the flat direction: 0.75 ε alone would not bound it
    slow = view(address, "/api/example?lr=0.01&steps=1&level=0.01")
    assert slow["bounds"][1]["bound"] == pytest.approx(
        0.75 * 0.01 + 0.5 * 2**2 * (1 - 0.02 / 3) ** 2, rel=1e-12
    )


@pytest.mark.parametrize(("steps", "words"), [(3, "identical up to sign"), (4, "the same point")])
def test_quarter_draw_says_what_the_ends_share(address: str, steps: int, words: str) -> None:
    shown = view(address, f"/api/example?draw=3,0&lr=1.5&steps={steps}&level=0.01")
    assert words in shown["notes"][0]
    assert shown["bounds"] == []
    assert shown["runs"]["flow"]["highest"] is None  # unbounded


def test_a_billion_diverging_steps_have_an_answer(address: str) -> None:
    shown = view(address, "/api/example?lr=2&steps=1000000000")
    annealed = shown["runs"]["annealed"]
    assert annealed["test_loss"] == pytest.approx(0.75 * 0.12, rel=1e-9)
    assert None in [x for x, _ in annealed["points"]]  # beyond float64
    assert annealed["points"][-1][0] == pytest.approx(3 - (0.12 / (2 / 3)) ** 0.5, rel=1e-9)


def test_spectrum_and_data_are_what_compare_computes(address: str) -> None:
    shown = view(
        address, "/api/spectrum?train=1,0.3&test=1,2&start=1,-2&schedule=gd(1,5)>flow&levels=4"
    )
    problem = il.Problem.from_spectra([1, 0.3], [1, 2], [1, -2])
    schedules = {"flow": il.GradientFlow(), "gd(1.0, 5) > flow": il.anneal(1.0, 5)}
    found = il.compare(problem, schedules, 4)
    assert [curve["name"] for curve in shown["curves"]] == list(schedules)
    assert tuple(shown["verdicts"]) == found.verdicts
    for curve, stops in zip(shown["curves"], found.schedules, strict=True):
        np.testing.assert_array_equal(curve["stops"]["test_loss"], stops.test_loss)
    # h at the stop: what is left of the start's residual
    at = shown["state"]["at"] - 1
    run = il.train(problem, il.anneal(1.0, 5), train_loss=found.levels[at])
    np.testing.assert_allclose(shown["filters"]["values"][1], run.residual() / [1, -2], rtol=1e-12)


def test_open_schedules_are_finished_and_cut_decays_told(address: str) -> None:
    spectrum = "train=1,0.3&test=1,2&start=1,-2&levels=3"
    texts = "schedule=cosine(0.9,...)&schedule=cosine(1e-9,...)&schedule=cosine(0.5,400)"
    shown = view(address, f"/api/spectrum?{spectrum}&{texts}&at=1")
    problem = il.Problem.from_spectra([1, 0.3], [1, 2], [1, -2])
    _, finished, never, _ = shown["curves"]
    assert finished["name"] == "cosine(0.9, ...)"
    for level, loss, steps in zip(
        shown["levels"], finished["stops"]["test_loss"], finished["stops"]["steps"], strict=True
    ):
        schedule = il.finish("cosine(0.9, ...)", problem, level)
        assert steps == schedule.steps
        assert loss == pytest.approx(float(il.train(problem, schedule).test_loss), rel=1e-10)
    assert never["stops"]["reached"] == [False] * 3
    assert any("give 'cosine(0.5, ...)'" in line for line in shown["setting"])
    assert len(shown["filters"]["values"]) == 4


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        (
            "example?lr=-1",
            "lr",
            "the learning rate η must be a number from 1e-09 to 1e+06; got '-1'",
        ),
        ("example?lr=", "lr", "must be a number from 1e-09 to 1e+06; there is none"),
        ("example?lr=nan", "lr", "; got 'nan'"),
        ("example?steps=2.5", "steps", "must be a whole number from 0 to 1000000000; got '2.5'"),
        ("example?level=0", "level", "must be a number from 1e-100 to 1e+100; got '0'"),
        ("example?alpha=1", "alpha", "α must be a number from 1e-06 to 0.999999; got '1'"),
        ("example?start=1,2,3", "start", "the start needs two coordinates; got 3"),
        ("example?target=1,x", "target.1", "a coordinate of the target must be a number from"),
        ("example?draw=2,2", "draw", "the draw '2,2' is not known (did you mean '2,1'?)"),
        ("spectrum?train=1,2", "train", "got 2 of train, 5 of test, 5 of start"),
        ("spectrum?train=1,-1&test=1,1&start=1,1", "train.1", "from 0 to 1e+12; got '-1'"),
        ("spectrum?train=0&test=1&start=1", "train", "at least one train eigenvalue"),
        ("spectrum?train=1&test=1&start=0", "start", "no direction with γ > 0 has a residual"),
        ("spectrum?schedule=flow&schedule=cosin(1,9)", "schedule.1", "did you mean 'cosine'?"),
        ("spectrum?schedule=cosine(1,9000000)", "schedule.0", "at most 1000000 steps of changing"),
        (
            "spectrum?schedule=cosine(1,9000000)>cosine(1,...)",
            "schedule.0",
            "at most 1000000 steps",
        ),
        ("example?batch=0", "batch", "the batch size B must be a whole number from 1 to 1000000"),
        ("example?batch=2&steps=20000", "steps", "at most 10000 steps of minibatches here; got"),
        ("example?batch=1&lr=3&steps=900", "batch", "training diverges: the train loss exceeds"),
        ("spectrum?schedule=gd(0.1,20000,batch_size=2)", "schedule.0", "at most 10000 steps with"),
        ("spectrum?schedule=cosine(1,...,batch_size=2)", "schedule.0", "a number of plain steps"),
        ("spectrum?schedule=gd(1,900,batch_size=1)", "", "gd(1.0, 900, batch_size=1): training"),
        ("data?data=digits&schedule=gd(0.1,9999,batch_size=8)", "", "or sampling=gaussian, which"),
        ("spectrum?" + "schedule=flow&" * 9, "schedule", "at most 8 schedules; got 9"),
        ("data?data=irs", "data", "(did you mean 'iris'?)"),
        ("data?target=progress", "target", "diabetes has no target 'progress'"),
        ("data?levels=0", "levels", "the levels must be a whole number from 1 to 100; got '0'"),
        ("data?ignore=bmj", "target", "diabetes has no column 'bmj' to ignore (did you mean"),
        ("data?data=file&file=0&name=a.csv", "file", "'a.csv', which this explorer does not hold"),
    ],
)
def test_bad_values_get_a_message_for_their_field(
    address: str, query: str, field: str, message: str
) -> None:
    assert message in errors(address, f"/api/{quote(query, safe='?&=,')}")[field]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"x,y\n1,2\n3\n", "data row 2 of 'a.csv' has 1 fields for 2 columns"),
        ("a.csv", b"", "'a.csv' is empty"),
        ("a.csv", b"x,y\n", "'a.csv' has no rows"),
        ("a.csv", b"x y z\n1  2\n 3 4\n", "cells are separated by blanks, and some seem to be"),
        (
            "a.csv",
            b"\xff\xfe\x00",
            "it begins with the byte-order mark of UTF-16",
        ),
        (
            "a.csv.gz",
            lambda: gzip.compress(ZEROS, 1),
            "'a.csv.gz' has more than 64 MiB when decompressed",
        ),
        ("a.npz", b"PK no", "'a.npz'"),
        ("../../etc/a.txt", b"x", "cannot tell what 'a.txt' holds"),
        ("", b"x", "'upload'"),
        ("a.npz", HUGE, "'a.npz'"),
        ("a.npz", archive(b"X = 1"), "'X' in 'a.npz' is not a NumPy array"),
        ("a.npz", lambda: archive(ZEROS), "'a.npz' has more than 64 MiB once it is read"),
    ],
)
def test_bad_files_get_a_message(
    address: str, name: str, content: bytes | Callable[[], bytes], message: str
) -> None:
    path = f"/api/upload?name={quote(name, safe='')}"
    body = content if isinstance(content, bytes) else content()  # long to make
    found = errors(address, path, method="POST", body=body)
    assert message in found["file"]
    assert "/tmp" not in found["file"]


def test_files_that_are_too_large_are_refused(address: str) -> None:
    found = errors(address, "/api/upload?name=a.csv", method="POST", body=bytes(MOST_BYTES + 1))
    assert found["file"] == "the file is larger than 64 MiB; use isoloss compare"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/", {"Host": "evil.example"}),
        ("/", {"Host": "127.0.0.1.evil.example:80"}),
        ("/api/example", {"Origin": "http://evil.example"}),
        ("/api/example", {"Origin": "null"}),
        ("/api/example", {"Origin": "http://[evil"}),
        ("/api/example", {"Origin": "http://127.0.0.1:1"}),  # another port is another origin
        ("/api/example", {"Sec_Fetch_Site": "cross-site"}),
        ("/export/isoloss-example.py", {"Sec_Fetch_Site": "same-site"}),
    ],
)
def test_foreign_hosts_and_origins_are_refused(
    address: str, path: str, headers: dict[str, str]
) -> None:
    status, _, content = ask(address, path, **headers)
    assert status == 403
    assert content.startswith(b"This explorer ")


def test_links_from_elsewhere_open_the_page(address: str) -> None:
    status, headers, content = ask(address, "/?tab=data", Sec_Fetch_Site="cross-site")
    assert status == 200
    assert b"isoloss explorer" in content
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers
    foreign = address.rstrip("/")
    assert ask(address, "/api/example", Origin=foreign)[0] == 200


def test_answers_are_sent_at_once() -> None:
    # asyncio turns Nagle's algorithm off only where the socket's protocol is named; it would hold
    # back the end of each answer for 40 ms
    with _listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize(
    "path",
    [
        "/api/nothing",
        "/export/isoloss-example.pdf",
        "/export/isoloss-example-filters.png",
        "/static/../x",
    ],
)
def test_what_is_not_there_is_404(address: str, path: str) -> None:
    assert ask(address, path)[0] == 404


@pytest.mark.parametrize("tab", ["example", "spectrum", "spectrum-filters", "data", "data-filters"])
def test_figures_are_exported(address: str, tab: str) -> None:
    status, headers, content = ask(address, f"/export/isoloss-{tab}.png")
    assert status == 200
    assert content.startswith(b"\x89PNG")
    assert headers["content-disposition"] == f'attachment; filename="isoloss-{tab}.png"'
    _, _, content = ask(address, f"/export/isoloss-{tab}.svg")
    assert b"<svg" in content[:1000]


def test_what_could_be_read_comes_with_the_message(address: str) -> None:
    status, _, content = ask(address, "/api/data?data=wine&test_size=2&levels=5&at=9&schedule=gd(1")
    assert status == 422
    state = json.loads(content)["state"]
    assert (state["data"], state["test_size"], state["levels"], state["at"]) == ("wine", 0.5, 5, 5)
    # the columns, where the target cannot be used: another one can be chosen
    rows = b"a,b,c\n" + b"".join(b"%d,%d,7\n" % (i, i * i % 11) for i in range(12))
    _, _, content = ask(address, "/api/upload?name=a.csv", "POST", rows)
    file = json.loads(content)["file"]
    status, _, content = ask(address, f"/api/data?data=file&file={file}&name=a.csv")
    assert status == 422
    answer = json.loads(content)
    assert answer["columns"] == ["a", "b", "c"]
    assert "constant" in answer["errors"]["target"]
    shown = view(address, f"/api/data?data=file&file={file}&target=b&ignore=c")
    assert "1 features" in shown["rows"][2]


def test_test_losses_that_are_all_zero_are_drawn(address: str) -> None:
    for file in ("isoloss-spectrum.png", "isoloss-spectrum-filters.svg"):
        status, _, content = ask(address, f"/export/{file}?train=1,0.5&test=0,0&start=1,1")
        assert status == 200, content


def test_wide_files_are_read_in_time_linear_in_their_columns(address: str) -> None:
    # 30,000 columns take a second; with a search for each name it would be a minute
    rows = (",".join(f"c{i}" for i in range(30_000)) + "\n" + "1," * 29_999 + "1\n").encode()
    status, _, content = ask(address, "/api/upload?name=wide.csv", "POST", rows)
    assert status == 200, content


def test_untrained_runs_are_not_compared(address: str) -> None:
    shown = view(address, "/api/example?level=100&start=1,1&target=0,0")
    assert shown["ratio"] is None
    assert shown["bounds"] == []
    assert [shown["runs"][name]["end_steps"] for name in ("flow", "annealed")] == [0, 0]
    assert any("there is nothing to compare" in note for note in shown["notes"])
    assert view(address, "/api/example?level=0.5&start=1,1&target=0,0")["ratio"] is not None

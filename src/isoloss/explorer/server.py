"""The page's server. It has no sessions: each address holds the whole state.

Only the page itself may send requests: those for other hosts or from other sites' pages are
refused, and the page loads nothing from elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import tempfile
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from importlib.resources import files
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isoloss.comparison import Comparison, filters
from isoloss.explorer import example, scripts, spectrum
from isoloss.explorer.queries import FaultsError, Fields
from isoloss.explorer.rows import RowsState, RowsView
from isoloss.explorer.sizes import MOST_BYTES
from isoloss.explorer.uploads import Uploads

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["create_app"]

Endpoint = Callable[[Request], Awaitable[Response]]

_AT_ONCE = 2  # concurrent answers that decompose data; others wait without a thread

# all threads and explorers of a process share Matplotlib's settings
_DRAWING = threading.Lock()

_STATIC = files("isoloss.explorer") / "static"
_TYPES = {"png": "image/png", "svg": "image/svg+xml", "py": "text/x-python"}
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


def create_app(hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")) -> Starlette:
    """Make the explorer's web application.

    Parameters
    ----------
    hosts : tuple of str
        The host names that it answers to; by default those of the loopback address.

    Returns
    -------
    Starlette
        An ASGI application.

    Examples
    --------
    >>> create_app().url_path_for("page")
    '/'
    """
    explorer = _Explorer()
    views, made = explorer.views(), explorer.files()
    return Starlette(
        routes=[
            Route("/", _page, name="page"),
            Route("/api/upload", explorer.upload, methods=["POST"]),
            *(Route(f"/api/{tab}", explorer.answer(tab, view)) for tab, view in views.items()),
            *(Route(f"/export/{file}", explorer.export(file, make)) for file, make in made.items()),
            Mount("/static", StaticFiles(packages=[("isoloss.explorer", "static")]), name="static"),
        ],
        middleware=[Middleware(_OwnPagesOnly, hosts=hosts)],
        exception_handlers={FaultsError: _tell},
    )


async def _page(_: Request) -> Response:
    return Response((_STATIC / "index.html").read_bytes(), media_type="text/html")


class _Explorer:
    """What answers share: the stored data, and the limit on concurrent computations."""

    def __init__(self) -> None:
        self.uploads = Uploads()
        self.rows = RowsView(self.uploads)
        self.reading = asyncio.Semaphore(1)
        self.computing = asyncio.Semaphore(_AT_ONCE)

    def views(self) -> dict[str, Callable[[Fields], Any]]:
        """Return, by the name of each tab, the function that computes what it shows."""
        return {
            "example": lambda fields: example.view(example.ExampleState.read(fields)),
            "spectrum": lambda fields: spectrum.view(spectrum.SpectrumState.read(fields)),
            "data": lambda fields: self.rows.view(RowsState.read(fields)),
        }

    def files(self) -> dict[str, Callable[[Fields], str | bytes]]:
        """Return, by the name of each exportable file, the function that makes its content."""
        made: dict[str, Callable[[Fields], str | bytes]] = {}
        for kind in _TYPES:
            made[f"isoloss-example.{kind}"] = partial(_example_file, kind)
            for part in ("", "-filters"):
                made[f"isoloss-spectrum{part}.{kind}"] = partial(_spectrum_file, kind, part)
                made[f"isoloss-data{part}.{kind}"] = partial(self._data_file, kind, part)
        return made

    def answer(self, tab: str, view: Callable[[Fields], Any]) -> Endpoint:
        """Return the endpoint that answers with the numbers of a tab."""
        limit = self.computing if tab == "data" else contextlib.nullcontext()

        async def answered(request: Request) -> Response:
            fields = Fields(request.query_params)
            async with limit:
                return await run_in_threadpool(lambda: _json(view(fields)))

        return answered

    def export(self, file: str, make: Callable[[Fields], str | bytes]) -> Endpoint:
        """Return the endpoint that answers with a file."""
        kind = _TYPES[file.rpartition(".")[2]]
        headers = {"content-disposition": f'attachment; filename="{file}"'}

        async def exported(request: Request) -> Response:
            async with self.computing:
                content = await run_in_threadpool(make, Fields(request.query_params))
            return Response(content, media_type=kind, headers=headers)

        return exported

    async def upload(self, request: Request) -> Response:
        name = request.query_params.get("name", "")
        plain = PurePath(name.replace("\\", "/")).name or "upload"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / plain
            try:
                await _receive(request, path)
            except ClientDisconnect:
                return Response(status_code=400)  # nobody receives it
            async with self.reading:  # one file at a time, to save memory
                digest, table = await run_in_threadpool(self.uploads.add, path)
        return _json({"file": digest, "name": table.name})

    def _data_file(self, kind: str, part: str, fields: Fields) -> str | bytes:
        state = RowsState.read(fields)
        rows, found = self.rows.compared(state)
        if kind == "py":
            return scripts.rows_script(state, rows.name, classes=rows.classes)
        return _compared(found, state.at, part, kind)


def _example_file(kind: str, fields: Fields) -> str | bytes:
    from isoloss.explorer.picture import example_figure

    state = example.ExampleState.read(fields)
    if kind == "py":
        return scripts.example_script(state)
    return _drawn(lambda: example_figure(state), kind)


def _spectrum_file(kind: str, part: str, fields: Fields) -> str | bytes:
    state = spectrum.SpectrumState.read(fields)
    found = spectrum.compared(state)
    return (
        scripts.spectrum_script(state) if kind == "py" else _compared(found, state.at, part, kind)
    )


async def _receive(request: Request, path: Path) -> None:
    """Write the request's body to a file, chunk by chunk."""
    sent = 0
    try:
        with path.open("wb") as file:
            async for chunk in request.stream():
                sent += len(chunk)
                if sent > MOST_BYTES:
                    most = f"{MOST_BYTES // 2**20} MiB"
                    message = f"the file is larger than {most}; use isoloss compare"
                    raise FaultsError({"file": message})
                file.write(chunk)
    except FaultsError:
        raise
    except (OSError, ValueError) as error:  # for example, the name is not valid for a file
        reason = getattr(error, "strerror", None) or error
        raise FaultsError({"file": f"cannot keep a file of that name: {reason}"}) from None


def _compared(found: Comparison, at: int, part: str, kind: str) -> bytes:
    from isoloss.comparison.filters_drawing import filters_figure

    return _drawn(lambda: filters_figure(filters(found, at - 1)) if part else found.figure(), kind)


def _drawn(make: Callable[[], Figure], kind: str) -> bytes:
    from isoloss.reports.plotting import render

    with _DRAWING:
        content = render(make(), kind)
    # A figure has reference cycles that hold megabytes. Python would collect them only after it has
    # made many more objects, and a server makes few.
    gc.collect()
    return content


async def _tell(_: Request, error: Exception) -> Response:
    assert isinstance(error, FaultsError)
    return _json({"errors": error.messages, **error.known}, 422)


def _fault_of_ours(error: Exception) -> Response:
    message = f"isoloss failed here ({type(error).__name__}: {error}); please report it"
    return _json({"errors": {"": message}}, 500)


def _json(shown: Any, status: int = 200) -> Response:
    """Return numbers and states as JSON; numbers that are not finite become null."""
    content = orjson.dumps(shown, np.ndarray.tolist, orjson.OPT_SERIALIZE_NUMPY)
    return Response(content, status, media_type="application/json")


class _OwnPagesOnly:
    """Refuse requests for other hosts (DNS rebinding) and from pages of other origins.

    Every answer gets the security headers, even if the server fails.
    """

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app = app
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        reason = self._refusal(Request(scope))
        app = self.app if reason is None else PlainTextResponse(reason, 403)

        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                added = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        try:
            await app(scope, receive, send_with_headers)
        except Exception as error:
            if not started:
                await _fault_of_ours(error)(scope, receive, send_with_headers)
            raise  # so that the terminal shows the traceback

    def _refusal(self, request: Request) -> str | None:
        headers = request.headers
        host = headers.get("host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name.lower() not in self.hosts:
            return "This explorer does not answer to that host name."
        origin = headers.get("origin")
        foreign = origin is not None and origin not in (f"http://{host}", f"https://{host}")
        # any site may link to the page, but only the page itself may request numbers
        opened = request.url.path == "/" and request.method in ("GET", "HEAD")
        if not opened:
            foreign |= headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        return "This explorer answers only its own page." if foreign else None

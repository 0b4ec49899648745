"""The page's server: no sessions; an address holds the whole state, and is answered by itself.

Only the page itself may ask: requests for another host, or from another site's page, are refused,
and nothing on the page comes from elsewhere.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import math
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
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

_AT_ONCE = 2  # answers for which data are decomposed; the others wait, and keep no thread

# Matplotlib's settings are one for all threads, and for all explorers of a process
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
        The names under which it may be asked; by default those of the loopback address.

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
    return Starlette(
        routes=[
            Route("/", explorer.page, name="page"),
            Route("/api/upload", explorer.upload, methods=["POST"]),
            Route("/api/{tab}", explorer.view),
            Route("/export/{file}", explorer.export),
            Mount("/static", StaticFiles(packages=[("isoloss.explorer", "static")]), name="static"),
        ],
        middleware=[Middleware(_OwnPagesOnly, hosts=hosts)],
        exception_handlers={FaultsError: _tell},
    )


class _Explorer:
    def __init__(self) -> None:
        self.uploads = Uploads()
        self.rows = RowsView(self.uploads)
        self.reading = asyncio.Semaphore(1)
        self.computing = asyncio.Semaphore(_AT_ONCE)

    async def page(self, _: Request) -> Response:
        content = (_STATIC / "index.html").read_bytes()
        return Response(content, media_type="text/html")

    async def view(self, request: Request) -> Response:
        if request.path_params["tab"] == "data":
            async with self.computing:
                return await run_in_threadpool(self._view, request)
        return await run_in_threadpool(self._view, request)

    def _view(self, request: Request) -> Response:
        fields = Fields(request.query_params)
        match request.path_params["tab"]:
            case "example":
                shown = example.view(example.ExampleState.read(fields))
            case "spectrum":
                shown = spectrum.view(spectrum.SpectrumState.read(fields))
            case "data":
                shown = self.rows.view(RowsState.read(fields))
            case _:
                return PlainTextResponse("Not Found", 404)
        return JSONResponse(_plain(shown))

    async def upload(self, request: Request) -> Response:
        name = request.query_params.get("name", "")
        plain = PurePath(name.replace("\\", "/")).name or "upload"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / plain
            try:
                await _receive(request, path)
            except ClientDisconnect:
                return Response(status_code=400)  # to nobody
            async with self.reading:  # of one file at a time: that takes more than its bytes
                digest, table = await run_in_threadpool(self.uploads.add, path)
        return JSONResponse({"file": digest, "name": table.name})

    async def export(self, request: Request) -> Response:
        async with self.computing:
            return await run_in_threadpool(self._export, request)

    def _export(self, request: Request) -> Response:
        file, fields = request.path_params["file"], Fields(request.query_params)
        stem, _, kind = file.rpartition(".")
        if kind not in _TYPES:
            return PlainTextResponse("Not Found", 404)
        made: str | Callable[[], Figure]
        match stem.removeprefix("isoloss-").partition("-"), kind:
            case ("example", _, ""), "py":
                made = scripts.example_script(example.ExampleState.read(fields))
            case ("example", _, ""), _:
                from isoloss.explorer.picture import example_figure

                made = partial(example_figure, example.ExampleState.read(fields))
            case ("spectrum", _, "" | "filters" as part), _:
                drawn = spectrum.SpectrumState.read(fields)
                script = partial(scripts.spectrum_script, drawn)
                made = _compared(spectrum.compared(drawn), drawn.at, part, kind, script)
            case ("data", _, "" | "filters" as part), _:
                state = RowsState.read(fields)
                rows, found = self.rows.compared(state)
                script = partial(scripts.rows_script, state, rows.name, classes=rows.classes)
                made = _compared(found, state.at, part, kind, script)
            case _:
                return PlainTextResponse("Not Found", 404)
        content = made if isinstance(made, str) else _drawn(made, kind)
        headers = {"content-disposition": f'attachment; filename="{file}"'}
        return Response(content, media_type=_TYPES[kind], headers=headers)


async def _receive(request: Request, path: Path) -> None:
    """Write what is sent to a file, in pieces."""
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
    except (OSError, ValueError) as error:  # as of a name that no file can have
        reason = getattr(error, "strerror", None) or error
        raise FaultsError({"file": f"cannot keep a file of that name: {reason}"}) from None


def _compared(
    found: Comparison, at: int, part: str, kind: str, script: Callable[[], str]
) -> str | Callable[[], Figure]:
    from isoloss.comparison.drawing import figure, filters_figure

    if kind == "py":
        return script()
    return partial(filters_figure, filters(found, at - 1)) if part else partial(figure, found)


def _drawn(make: Callable[[], Figure], kind: str) -> bytes:
    from isoloss.reports.plotting import render

    with _DRAWING:
        content = render(make(), kind)
    # A figure is a knot of references that holds megabytes. Python would look for it once it has
    # made many more objects, and a server makes few.
    gc.collect()
    return content


async def _tell(_: Request, error: Exception) -> Response:
    assert isinstance(error, FaultsError)
    return JSONResponse(_plain({"errors": error.messages, **error.known}), 422)


def _fault_of_ours(error: Exception) -> Response:
    message = f"isoloss failed here ({type(error).__name__}: {error}); please report it"
    return JSONResponse({"errors": {"": message}}, 500)


def _plain(value: Any) -> Any:
    """Return what JSON can hold: arrays as lists, and None for what is not finite."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    return value


class _OwnPagesOnly:
    """Refuses requests for other hosts (DNS rebinding) and from pages of other origins.

    Every answer gets the security headers, also those to faults of ours.
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
            raise  # so that the terminal shows where

    def _refusal(self, request: Request) -> str | None:
        headers = request.headers
        host = headers.get("host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name.lower() not in self.hosts:
            return "This explorer does not answer to that host name."
        origin = headers.get("origin")
        foreign = origin is not None and origin not in (f"http://{host}", f"https://{host}")
        # a link may lead here from anywhere, but only the page itself asks for numbers
        opened = request.url.path == "/" and request.method in ("GET", "HEAD")
        if not opened:
            foreign |= headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        return "This explorer answers only its own page." if foreign else None

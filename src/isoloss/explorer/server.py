"""The page's server: no sessions; an address holds the whole state, and is answered by itself.

Only the page itself may ask: requests for another host, or from another site's page, are refused,
and nothing on the page comes from elsewhere.
"""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isoloss.comparison import Comparison, filters
from isoloss.explorer import example, scripts, spectrum
from isoloss.explorer.queries import FaultsError, Fields
from isoloss.explorer.rows import RowsState, RowsView
from isoloss.explorer.uploads import MOST_BYTES, Uploads

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["create_app"]

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
        exception_handlers={FaultsError: _tell, Exception: _tell_fault_of_ours},
    )


class _Explorer:
    def __init__(self) -> None:
        self.uploads = Uploads()
        self.rows = RowsView(self.uploads)
        self.drawing = threading.Lock()  # Matplotlib's settings are one for all threads

    async def page(self, _: Request) -> Response:
        content = (_STATIC / "index.html").read_bytes()
        return Response(content, media_type="text/html")

    async def view(self, request: Request) -> Response:
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
        content = bytearray()
        async for chunk in request.stream():
            content += chunk
            if len(content) > MOST_BYTES:
                most = f"{MOST_BYTES // 2**20} MiB"
                raise FaultsError({"file": f"the file is larger than {most}; use isoloss compare"})
        name = request.query_params.get("name", "")
        digest, table = await run_in_threadpool(self.uploads.add, name, bytes(content))
        return JSONResponse({"file": digest, "name": table.name})

    async def export(self, request: Request) -> Response:
        def alone() -> Response:
            with self.drawing:
                return self._export(request)

        return await run_in_threadpool(alone)

    def _export(self, request: Request) -> Response:
        file, fields = request.path_params["file"], Fields(request.query_params)
        stem, _, kind = file.rpartition(".")
        if kind not in _TYPES:
            return PlainTextResponse("Not Found", 404)
        made: str | Figure
        match stem.removeprefix("isoloss-").partition("-"), kind:
            case ("example", _, ""), "py":
                made = scripts.example_script(example.ExampleState.read(fields))
            case ("example", _, ""), _:
                from isoloss.explorer.picture import example_figure

                made = example_figure(example.ExampleState.read(fields))
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
        headers = {"content-disposition": f'attachment; filename="{file}"'}
        if isinstance(made, str):
            return Response(made, media_type=_TYPES[kind], headers=headers)
        from isoloss.plots import render

        return Response(render(made, kind), media_type=_TYPES[kind], headers=headers)


def _compared(
    found: Comparison, at: int, part: str, kind: str, script: Callable[[], str]
) -> str | Figure:
    from isoloss.comparison.figure import figure, filters_figure

    if kind == "py":
        return script()
    return filters_figure(filters(found, at - 1)) if part else figure(found)


async def _tell(_: Request, error: Exception) -> Response:
    assert isinstance(error, FaultsError)
    return JSONResponse(_plain({"errors": error.messages, **error.known}), 422)


async def _tell_fault_of_ours(_: Request, error: Exception) -> Response:
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
    """Refuses requests for other hosts (DNS rebinding) and from pages of other origins."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app = app
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        reason = self._refusal(Request(scope))
        app = self.app if reason is None else PlainTextResponse(reason, 403)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await app(scope, receive, send_with_headers)

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

"""Start the explorer: a socket on this machine, the server and the browser."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
import webbrowser
from collections.abc import Callable

import uvicorn

from isoloss._messages.near_misses import suggest
from isoloss.datasets import SHIPPED
from isoloss.explorer.server import create_app

__all__ = ["serve"]

_TRIED = 20  # the number of ports to try, starting with the requested one


def serve(
    host: str = "127.0.0.1",
    port: int = 8642,
    *,
    data: str | None = None,
    browser: bool = True,
    ready: Callable[[str], None] = print,
) -> None:
    """Serve the explorer until it is interrupted.

    Parameters
    ----------
    host : str, default: "127.0.0.1"
        The address of this machine to listen on; with the default, other machines have no access.
    port : int, default: 8642
        The port, or the next free one if it is taken; 0 means any port.
    data : str, optional
        The name of a data set that scikit-learn ships, to open the page on.
    browser : bool, default: True
        Whether to open the page in the browser.
    ready : callable, default: print
        Called with the page's address once it can be opened.

    Raises
    ------
    ValueError
        If ``host`` is not a single address, no port is free there, or no shipped data set has the
        name.
    """
    if data is not None and data not in SHIPPED:
        raise ValueError(
            f"the explorer opens on one of {', '.join(SHIPPED)}; got {data!r}"
            f"{suggest(data, SHIPPED)}: choose a file of your own on the page, under 'Your data'"
        )
    address = _address(host)
    listener = _listen(address, port)
    bound = listener.getsockname()[1]
    shown = f"[{address}]" if ":" in address else address
    names = {"127.0.0.1", "localhost", "[::1]"} if address in ("127.0.0.1", "::1") else {shown}
    url = f"http://{shown}:{bound}/" + (f"?tab=data&data={data}" if data else "")
    config = uvicorn.Config(
        create_app(tuple(names)), log_level="warning", lifespan="off", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    ready(url)
    if browser:
        # in this thread, a text browser would block the server
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    server.run(sockets=[listener])


def _address(host: str) -> str:
    text = {"localhost": "127.0.0.1"}.get(host, host.strip("[]"))
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(
            f"host must be an address of this machine, such as 127.0.0.1; got {host!r}"
        ) from None
    if address.is_unspecified:
        raise ValueError(f"{host} means every address of this machine; give the one to listen at")
    return str(address)


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for tried in range(port, min(port + _TRIED, 2**16)):
        # naming the protocol makes asyncio send each answer at once instead of after 40 ms
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, tried))
            listener.listen(128)
        except OSError as error:
            listener.close()
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                continue
            raise ValueError(
                f"cannot listen at {address}: {error.strerror or error}; give an address of this "
                "machine"
            ) from None
        return listener
    raise ValueError(f"no port from {port} to {port + _TRIED - 1} is free at {address}")

"""``isoloss explore`` as a process: it starts, tells where, and stops."""

import re
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
from processes import run_isoloss

COMMAND = [sys.executable, "-c", "from isoloss.cli import app; app()", "explore", "--no-browser"]


def test_it_says_where_and_stops_cleanly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:  # the next port is taken instead
        port = taken.getsockname()[1]
        with subprocess.Popen(
            [*COMMAND, "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as server:
            assert server.stdout is not None
            line = server.stdout.readline()
            address = line.removeprefix("The explorer is at ").removesuffix(" (Ctrl-C stops it)\n")
            assert address.startswith("http://127.0.0.1:")
            assert port < int(address.rstrip("/").rpartition(":")[2]) < port + 20
            with urllib.request.urlopen(address) as page:
                assert b"<title>isoloss explorer</title>" in page.read()
            server.send_signal(signal.SIGINT)
            out, err = server.communicate(timeout=20)
    assert server.returncode == 0
    assert (out, err) == ("", "\nStopped\n")


def test_it_opens_on_a_shipped_data_set() -> None:
    with subprocess.Popen(
        [*COMMAND, "wine", "--port", "0"], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        try:
            line = server.stdout.readline()
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=20)
        finally:
            server.kill()  # a shell in the background ignores Ctrl-C, and so do its children
    assert re.fullmatch(
        r"The explorer is at http://127\.0\.0\.1:\d+/\?tab=data&data=wine .*\n", line
    )


def test_other_data_are_chosen_on_the_page() -> None:
    done = run_isoloss("explore", "--no-browser", "rows.csv")
    assert done.returncode == 2
    assert "got 'rows.csv': choose a file of your own on the page" in done.stderr


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("0.0.0.0", "0.0.0.0 means every address of this machine; give the one to listen at"),
        ("example.org", "host must be an address of this machine, such as 127.0.0.1"),
        ("192.0.2.1", "cannot listen at 192.0.2.1: "),
    ],
)
def test_impossible_hosts_get_one_line(host: str, message: str) -> None:
    done = run_isoloss("explore", "--no-browser", "--host", host)
    assert done.returncode == 2
    assert done.stderr.startswith(f"isoloss: error: {message}")
    assert done.stderr.count("\n") == 1

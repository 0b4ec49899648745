"""What 10,000 requests leave in the explorer's memory: `python benchmarks/explorer_memory.py`.

Pages, numbers, figures, scripts, uploads, files that are refused and faulty addresses are asked for
in turn, of 50 requests one a figure. The resident memory of the server is printed as it goes on; it
must become flat.
Needs Linux, which tells a process's memory under /proc.
"""

import http.client
import io
import subprocess
import sys
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

REQUESTS = 10_000
SHOWN = (0, 100, 2500, 7500)  # and every 1000


def main() -> None:
    command = [sys.executable, "-c", "from isoloss.cli import app; app()"]
    command += ["explore", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[4]
        try:
            measure(urlsplit(address).netloc, server.pid)
        finally:
            server.terminate()


def measure(host: str, pid: int) -> None:
    connection = http.client.HTTPConnection(host, timeout=120)
    counts: dict[int, int] = {}
    print(f"{'requests':>8} {'MiB':>5}")
    for i in range(REQUESTS + 1):
        if i in SHOWN or i % 1000 == 0:
            print(f"{i:8} {resident(pid):5.0f}", flush=True)
        method, path, body = request(i)
        connection.request(method, path, body)
        answer = connection.getresponse()
        answer.read()
        counts[answer.status] = counts.get(answer.status, 0) + 1
    print("answers:", ", ".join(f"{counts[status]} of {status}" for status in sorted(counts)))


def request(i: int) -> tuple[str, str, bytes | None]:
    """Return the method, the path and the body of one request."""
    turn, rest = i % 50, i // 50
    lr, kind = 0.1 + 0.001 * (i % 2000), ("png", "svg")[rest % 2]
    figures = (
        f"example.{kind}?lr={lr}",
        f"spectrum.{kind}?schedule=gd(1,{rest % 50 + 1})>flow",
        f"data-filters.{kind}?data=iris&seed={rest % 9}",
    )
    fixed = {
        0: ("GET", "/", None),
        1: ("GET", f"/export/isoloss-{figures[rest // 2 % 3]}", None),
        4: ("GET", f"/export/isoloss-data.py?data=wine&seed={rest % 9}", None),
        5: ("GET", f"/api/data?data=iris&seed={rest}", None),
        6: ("GET", f"/api/data?data=diabetes&test_size=0.{rest % 8 + 1}", None),
        7: ("POST", "/api/upload?name=a.csv", table(rest)),
        8: ("POST", "/api/upload?name=a.npz", bomb()),
        9: ("POST", "/api/upload?name=b.csv", b"1," * 3_000_000 if rest % 50 == 0 else b"a,b\n1"),
        10: ("GET", "/api/spectrum?schedule=cosine(1,100000000)", None),
        11: ("GET", f"/api/spectrum?schedule=cosine(1,{1000 + i})", None),
        12: ("GET", "/api/nothing", None),
        13: ("GET", "/static/main.js", None),
    }
    return fixed.get(turn, ("GET", f"/api/example?lr={lr}&steps={i}", None))


def table(seed: int) -> bytes:
    """Return a CSV file of 500 rows, another one for each seed."""
    rows = np.random.default_rng(seed).normal(size=(500, 8))
    lines = [",".join(map(repr, row)) for row in rows.tolist()]
    return "\n".join(["a,b,c,d,e,f,g,h", *lines]).encode()


@cache
def bomb() -> bytes:
    """Return a small NPZ file of many zeros."""
    content = io.BytesIO()
    np.savez_compressed(content, X=np.zeros((2**20, 64), np.int8), y=np.zeros(2**20, np.int8))
    return content.getvalue()


def resident(pid: int) -> float:
    """Return how much memory a process holds, in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


if __name__ == "__main__":
    main()

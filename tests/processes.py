"""The command line in processes of their own that need not import the heavy libraries anew.

Each is forked from one server that has imported them, so that a test pays for what it tests. The
tests of surroundings and of the first minutes start Python itself.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["run_isoloss"]

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload([
    "isoloss.cli", "isoloss.comparison", "isoloss.comparison.drawing", "isoloss.datasets",
    "isoloss.estimators", "isoloss.reports.page", "pandas", "skops.io",
])  # fmt: skip


def run_isoloss(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``isoloss`` with arguments, and return its status and what it wrote."""
    words = list(map(str, arguments))
    with tempfile.TemporaryDirectory() as folder:
        process = _SERVER.Process(target=_command, args=(words, str(cwd or Path.cwd()), folder))
        process.start()
        process.join(timeout=300)
        assert process.exitcode is not None, f"isoloss {' '.join(words)} did not end"
        out, err = ((Path(folder) / name).read_text("utf-8") for name in ("out", "err"))
    return subprocess.CompletedProcess(words, process.exitcode, out, err)


def _command(words: list[str], cwd: str, folder: str) -> None:
    for number, name in ((1, "out"), (2, "err")):
        descriptor = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT)
        os.dup2(descriptor, number)
    for stream in (sys.stdout, sys.stderr):
        assert isinstance(stream, io.TextIOWrapper)
        stream.reconfigure(encoding="utf-8")
    os.chdir(cwd)
    sys.argv = ["isoloss", *words]

    from isoloss.__main__ import main

    main()

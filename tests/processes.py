"""The command line in processes of their own that need not import the heavy libraries anew.

Each is forked from one server that has imported them, so that a test pays for what it tests. The
tests of surroundings, of the first minutes and of missing extras start Python itself, and at
least one test of each command does.
"""

from __future__ import annotations

import io
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path

import pytest

__all__ = ["load_libraries", "run_isoloss", "run_script"]

_SERVER = multiprocessing.get_context("forkserver")

Done = subprocess.CompletedProcess[str]


def load_libraries() -> None:
    """Start the server, warmed up. Dask, too, names modules: the last call before holds."""
    _SERVER.set_forkserver_preload(["warm_up"])
    # the server does not get our sys.path, and is silent about modules that it does not find
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
        forkserver.ensure_running()


def run_isoloss(*arguments: object, cwd: Path | None = None) -> Done:
    """Run ``isoloss`` with arguments, and return its status and what it wrote."""
    words = list(map(str, arguments))
    # joblib's workers never answer below a fork server: their own server is not started anew
    assert "--workers" not in words, "start a new process"
    return _forked(_command, words, cwd)


def run_script(*arguments: object, cwd: Path | None = None) -> Done:
    """Run a Python script with arguments, and return its status and what it wrote."""
    return _forked(_script, list(map(str, arguments)), cwd)


def _command(words: list[str]) -> None:
    sys.argv = ["isoloss", *words]

    from isoloss.__main__ import main

    main()


def _script(words: list[str]) -> None:
    sys.argv = words
    runpy.run_path(words[0], run_name="__main__")


def _forked(called: Callable[[list[str]], None], words: list[str], cwd: Path | None) -> Done:
    load_libraries()
    with tempfile.TemporaryDirectory() as folder:
        arguments = (called, words, str(cwd or Path.cwd()), folder)
        process = _SERVER.Process(target=_in_folder, args=arguments)
        process.start()
        process.join(timeout=300)
        assert process.exitcode is not None, f"{' '.join(words)} did not end"
        out, err = ((Path(folder) / name).read_text("utf-8") for name in ("out", "err"))
    return subprocess.CompletedProcess(words, process.exitcode, out, err)


def _in_folder(
    called: Callable[[list[str]], None], words: list[str], cwd: str, folder: str
) -> None:
    assert "warm_up" in sys.modules, "the server has not loaded the libraries"
    for number, name in ((1, "out"), (2, "err")):
        descriptor = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT)
        os.dup2(descriptor, number)
    for stream in (sys.stdout, sys.stderr):
        assert isinstance(stream, io.TextIOWrapper)
        stream.reconfigure(encoding="utf-8")
    os.environ.update(NO_COLOR="1", COLUMNS="80")
    os.chdir(cwd)
    called(words)

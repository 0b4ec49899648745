"""Commands in surroundings that are not ours: encodings, Matplotlib's settings, early Ctrl-C."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from isoloss.cli.encoding import spell_out_symbols

if TYPE_CHECKING:
    from conftest import Run

FEW = ("--repeats", "2", "--levels", "2")  # what takes time is not the point
ROWS = "".join(f"{i},{i * i % 7},{i * 3 % 11}\n" for i in range(40))


def _redirected(folder: Path, encoding: str, *arguments: str) -> tuple[int, str, str]:
    """Run a command with its output in files of an encoding; return status, output and errors."""
    files = [folder / name for name in ("out.txt", "err.txt")]
    with files[0].open("wb") as out, files[1].open("wb") as err:
        status = subprocess.run(
            [sys.executable, "-m", "isoloss", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "80"},
            stdout=out,
            stderr=err,
            check=False,
        ).returncode
    return status, *(path.read_text(encoding) for path in files)  # type: ignore[return-value]  # two


def test_symbols_are_spelt_out_in_a_file_whose_encoding_lacks_them(tmp_path: Path) -> None:
    certify = _redirected(tmp_path, "cp1252", "certify", "lemma2-literal", "--out", "c")
    verify = _redirected(tmp_path, "cp1252", "verify", "c/lemma2-literal.json")
    for status, text, errors in (certify, verify):
        assert (status, errors) == (0, "")
        assert "gamma = (1, 1/4)" in text
        assert "epsilon lambda_1/gamma_1 + c^K = 1" in text
        assert "?" not in text


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("utf-8", "‖Xβ̂‖ ≤ ελ_1/γ₁ · 10⁻⁵ (ηγ, 2γ, εK) 中"),
        ("cp932", "∥Xβ∥ <= ελ_1/γ1 * 10^-5 (ηγ, 2γ, εK) 中"),
        ("latin-1", "||X beta|| <= epsilon lambda_1/gamma1 · 10^-5"),
        ("ascii", "||X beta|| <= epsilon lambda_1/gamma1 * 10^-5 (eta gamma, 2 gamma, epsilon K) "),
    ],
)
def test_what_an_encoding_lacks_is_spelt_out(
    encoding: str, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", output)
    spell_out_symbols()
    output.write("‖Xβ̂‖ ≤ ελ_1/γ₁ · 10⁻⁵ (ηγ, 2γ, εK) 中")
    output.flush()
    assert output.buffer.getvalue().decode(encoding).startswith(written)  # type: ignore[attr-defined]  # BytesIO


def test_names_without_a_spelling_stay_distinct(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text(f"中,国,y\n{ROWS}", encoding="utf-8")
    status, text, errors = _redirected(
        tmp_path, "ascii", "compare", "d.csv", "--target", "国", *FEW
    )
    assert (status, errors) == (0, "")
    assert "\\u56fd" in text
    assert "\\u4e2d" not in text


def test_the_settings_of_matplotlib_are_not_the_commands(
    tmp_path: Path, run: Run, start: Run
) -> None:
    (tmp_path / "d.csv").write_text(f"a,b,y\n{ROWS}")
    (tmp_path / "settings").write_text("text.usetex: True\nlines.linewidth: 9\n")
    options = ("compare", "d.csv", *FEW, "--out")
    theirs = {
        "MPLBACKEND": "module://nowhere.backend_inline",
        "MATPLOTLIBRC": str(tmp_path / "settings"),
    }
    pictures = set()
    for name, done in (
        ("plain", run(*options, "plain")),
        ("theirs", start(*options, "theirs", **theirs)),
    ):
        assert (done.returncode, done.stderr) == (0, "")
        pictures.add((tmp_path / name / "comparison.svg").read_text())
    assert len(pictures) == 1


@pytest.mark.parametrize("module", ["typer", "rich"])
def test_ctrl_c_while_python_imports_is_one_line(module: str, tmp_path: Path) -> None:
    (tmp_path / f"{module}.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(20)\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "isoloss", "compare", "iris"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path[1:]])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "isoloss: stopped\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("arguments", [("--help",), ("certify", "list")])
def test_a_full_device_is_one_line(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "isoloss", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("isoloss: error: ")
    assert done.stderr.endswith("No space left on device\n")
    assert done.stderr.count("\n") == 1


def test_python_m_isoloss_is_the_command(start: Run) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "isoloss", "compare", "--help"],
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, start("compare", "--help").stdout)
    assert "Usage: isoloss compare" in done.stdout

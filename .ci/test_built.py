"""The built wheel and sdist, in a new environment, without the checkout and without any extra.

Not among the tests that ``pytest`` collects by itself, since it installs: ``.ci/run`` runs it, and
so does ``python -m pytest -n 0 .ci/test_built.py`` (which needs ``build``, pip and PyTorch).
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
import venv
import zipfile
from pathlib import Path, PurePosixPath

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEVELOPERS = {"dev", "docs", "lint", "test"}
STUDY = """
schedules = ["flow", "gd(1.0, 5) > flow"]
levels = [0.1]
draws = 3
sampler = { kind = "gaussian", n = 9, spectrum = [1.0, 0.5] }
"""
TORCH = """
import isoloss as il
try:
    from torch import nn, optim
    optimizer = optim.SGD(nn.Linear(2, 1).parameters(), lr=1.0)
except ImportError:
    optimizer = None
try:
    il.Schedule(il.GradientDescent(0.1, 3)).to_torch(optimizer)
    print("its rates are on the optimizer")
except ImportError as error:
    print(error)
"""
CHUNKS = """
import dask.array as da, numpy as np, isoloss as il
X = np.random.default_rng(0).normal(size=(40, 3))
found = il.Problem.from_data(da.from_array(X, chunks=(10, 3)), X.sum(1), X, X.sum(1))
print("chunks are read", found.curvature.shape)
"""
# What needs an extra: what is asked for, and what it prints where the extra is there.
ASKED: dict[str, tuple[list[str], str]] = {
    "proof": (["isoloss", "certify", "eq3"], "proved"),
    "parquet": (["isoloss", "compare", "rows.parquet", "--levels", "1"], "reaches 1 of 1"),
    "sweep": (["isoloss", "sweep", "study.toml", "--out", "new.nc", "--force"], "Wrote new.nc"),
    "explore": (["isoloss", "explore", "--no-browser", "--port", "0"], "The explorer is at"),
    "dask": (["isoloss", "sweep", "study.toml", "--cluster", "tcp://127.0.0.1:1"], ""),
    "torch": (["python", "-c", TORCH], "its rates are on the optimizer"),
}
Done = subprocess.CompletedProcess[str]


class Environment:
    """A new virtual environment, and a folder in which its programs run."""

    def __init__(self, place: Path) -> None:
        venv.create(place / "venv", with_pip=True)
        self.folder = place / "work"
        self.folder.mkdir()
        # one that the tests' own environment has, so that pip need not fetch another
        (place / "constraints").write_text(f"torch=={importlib.metadata.version('torch')}\n")
        self.variables = {
            name: value
            for name, value in os.environ.items()
            if name not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
        } | {
            "PATH": os.pathsep.join([str(place / "venv" / "bin"), os.environ["PATH"]]),
            "PIP_CONSTRAINT": str(place / "constraints"),
            "MPLBACKEND": "Agg",
            "COLUMNS": "80",
            "DASK_ISOLOSS__SCHEDULER_TIMEOUT": "200ms",
        }

    def run(self, command: list[str] | str) -> Done:
        """Run a program of the environment, or a line as a shell reads it."""
        return subprocess.run(
            command, cwd=self.folder, env=self.variables, shell=isinstance(command, str),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip

    def output(self, command: list[str] | str) -> str:
        """Run a program that must succeed, and return what it prints."""
        done = self.run(command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build the sdist, and the wheel from it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


@pytest.fixture(scope="module")
def environment(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    made = Environment(tmp_path_factory.mktemp("environment"))
    made.output(["python", "-m", "pip", "install", str(built["wheel"])])
    (made.folder / "study.toml").write_text(STUDY, encoding="utf-8")
    rows = pd.DataFrame({"a": range(30), "b": [i * i % 7 for i in range(30)]})
    rows.assign(y=rows.a * 0.5 + rows.b).astype(float).to_parquet(made.folder / "rows.parquet")
    return made


def package_files() -> set[str]:
    paths = (ROOT / "src" / "isoloss").rglob("*")
    files = {path.relative_to(ROOT / "src").as_posix() for path in paths if path.is_file()}
    return {name for name in files if PurePosixPath(name).suffix != ".pyc"}


def test_the_wheel_has_the_whole_package(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        (metadata,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
        extras = re.findall(r"^Provides-Extra: (\S+)$", wheel.read(metadata).decode(), re.MULTILINE)
    assert names == package_files()
    static = "isoloss/explorer/static"
    assert names >= {
        "isoloss/py.typed", "isoloss/reports/templates/report.html",
        f"{static}/index.html", f"{static}/main.js", f"{static}/vendor/d3.min.js",
    }  # fmt: skip
    assert set(extras) == set(PROJECT["optional-dependencies"]) == set(ASKED) | DEVELOPERS


def test_the_sdist_has_what_builds_and_tests_it(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert names >= {f"src/{name}" for name in package_files()}
    assert names >= {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff"}
    assert names >= {".ci/run", "tests/conftest.py", "tests/test_house.py", "docs/conf.py"}


def test_it_is_imported_from_where_it_is_installed(environment: Environment) -> None:
    code = (
        "import json, isoloss as il, importlib.metadata as m; from pathlib import Path; "
        "found = [getattr(il, name).__name__ for name in il.__all__]; "
        "print(json.dumps([il.__file__, il.__version__, m.version('isoloss'), len(found)]))"
    )
    file, version, recorded, count = json.loads(environment.output(["python", "-c", code]))
    assert Path(file).is_relative_to(environment.folder.parent / "venv")
    assert version == recorded
    assert count > 20
    assert environment.output(["isoloss", "--version"]) == f"isoloss {version}\n"
    assert environment.output(["python", "-m", "isoloss", "--version"]) == f"isoloss {version}\n"
    environment.output(["python", "-m", "pip", "check"])


def test_commands_need_no_extra(environment: Environment) -> None:
    done = environment.output(["isoloss", "compare", "iris", "--levels", "2", "--out", "out"])
    assert "Wrote report.html" in done
    assert "<svg" in (environment.folder / "out" / "report.html").read_text(encoding="utf-8")
    done = environment.output(["isoloss", "reproduce", "--out", "claims"])
    assert "Proofs were left out: they need python -m pip install" in done
    code = (
        "from isoloss.datasets import SHIPPED, load; print(*(load(n).frame.size for n in SHIPPED))"
    )
    sizes = environment.output(["python", "-c", code]).split()
    assert len(sizes) >= 5
    assert all(int(size) > 0 for size in sizes)


def named_command(done: Done, extra: str, wheel: Path) -> str:
    """Return the command that a one-line error names."""
    said = done.stderr if done.returncode else done.stdout
    assert said.count("\n") == 1, said
    assert "Traceback" not in said
    found = re.search(r'python -m pip install "[^"]+"', said)
    assert found is not None, said
    assert found[0] == f'python -m pip install "{wheel}[{extra}]"'
    return found[0]


@pytest.mark.parametrize("extra", [name for name in ASKED if name != "dask"])
def test_without_an_extra_one_line_names_the_command(
    extra: str, environment: Environment, built: dict[str, Path]
) -> None:
    done = environment.run(ASKED[extra][0])
    assert done.returncode == (0 if extra == "torch" else 2)
    named_command(done, extra, built["wheel"])


@pytest.mark.parametrize("extra", ASKED)
def test_the_named_command_installs_the_extra(
    extra: str, environment: Environment, built: dict[str, Path]
) -> None:
    command, printed = ASKED[extra]
    if extra == "dask":  # it is looked for where sweeps are there
        environment.output(["python", "-m", "pip", "install", f"{built['wheel']}[sweep]"])
    environment.output(named_command(environment.run(command), extra, built["wheel"]))
    if extra == "explore":
        page_is_served(environment, command, printed)
    elif extra == "dask":
        assert "there is no Dask scheduler at tcp://127.0.0.1:1" in environment.run(command).stderr
        assert "chunks are read (3,)" in environment.output(["python", "-c", CHUNKS])
    else:
        assert printed in environment.output(command)
    environment.output(["python", "-m", "pip", "check"])


def page_is_served(environment: Environment, command: list[str], printed: str) -> None:
    with subprocess.Popen(
        command,
        cwd=environment.folder,
        env=environment.variables,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            assert printed in line
            (address,) = re.findall(r"http://\S+/", line)
            for path, part in (
                ("", b"<title>isoloss explorer</title>"), ("static/main.js", b"import"),
                ("static/vendor/d3.min.js", b"d3"), ("api/example", b"train_loss"),
            ):  # fmt: skip
                with urllib.request.urlopen(address + path) as answer:
                    assert part in answer.read()
        finally:
            server.terminate()

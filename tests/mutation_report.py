"""Faults put into the prover and into the checker on purpose, and what notices them.

    python tests/mutation_report.py [prover | checker]

Each is one changed place in a copy of the package: a wrong sign, a dropped term, a bound on the
wrong side, a check left out (`mutations.toml`). With a fault in the prover, it makes certificates,
which the checker of the unchanged package judges, and the prover's tests run; with one in the
checker, the checker's tests run. Prints Markdown tables; the exit status is 1 if a fault goes
unnoticed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
ISOLOSS = [sys.executable, "-c", "from isoloss.cli import app; app()"]
FAULTS = tomllib.loads((ROOT / "tests" / "mutations.toml").read_text(encoding="utf-8"))
PROVER_TESTS = ["tests/proof"]
CHECKER_TESTS = ["tests/checker"]


def main() -> int:
    """Try each fault."""
    asked = sys.argv[1:] or ["prover", "checker"]
    missed = 0
    if "prover" in asked:
        print("| in | fault | the checker | the first test that fails |\n|---|---|---|---|")
        for module, old, new, what in FAULTS["prover"]:
            with tempfile.TemporaryDirectory() as folder:
                copy = faulty("proof", module, old, new, Path(folder))
                found = rejected(copy, Path(folder)), failing(copy, PROVER_TESTS)
            missed += not any(found)
            words = " | ".join(each or "–" for each in found)
            print(f"| {module} | {what} | {words} |", flush=True)
    if "checker" in asked:
        print("\n| in | fault | the first test that fails |\n|---|---|---|")
        for module, old, new, what in FAULTS["checker"]:
            with tempfile.TemporaryDirectory() as folder:
                test = failing(faulty("checker", module, old, new, Path(folder)), CHECKER_TESTS)
            missed += not test
            print(f"| {module} | {what} | {test or '–'} |", flush=True)
    return int(missed > 0)


def faulty(room: str, module: str, old: str, new: str, folder: Path) -> Path:
    """Return a copy of the package with a fault."""
    copy = folder / "src"
    shutil.copytree(ROOT / "src", copy)
    path = copy / "isoloss" / room / f"{module}.py"
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1, f"{module}: {old}"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return copy


def rejected(copy: Path, folder: Path) -> str:
    """Return which of the paper's certificates do not come out as they should."""
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    command = [*ISOLOSS, "certify", "all", "--out", str(folder / "proofs")]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=600
    )
    if done.returncode not in (0, 1):
        return "the prover stops"
    files = sorted((folder / "proofs").glob("*.json"))
    checked = subprocess.run(
        [*ISOLOSS, "verify", *map(str, files)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = checked.stdout.splitlines()
    false = sum(": rejected: " in line for line in lines)
    lost = sum(": undecided: " in line for line in lines)
    found = [f"rejects {false} of {len(files)}"] * bool(false)
    found += [f"{lost} no longer proved"] * bool(lost)
    return ", ".join(found)


def failing(copy: Path, files: list[str]) -> str:
    """Return the first of some tests that fails; to take far too long is to fail, too."""
    options = ["-q", "-x", "-n", "0", "-p", "no:cacheprovider"]
    try:
        done = run_tests(copy, [*options, *files])
    except subprocess.TimeoutExpired:
        return "takes for ever"
    if done.returncode not in (0, 1):
        raise RuntimeError(f"the tests do not run: {done.stdout[-500:]}{done.stderr[-500:]}")
    failed = re.search(r"^FAILED \S+::(test_\w+)", done.stdout, re.MULTILINE)
    return f"`{failed[1]}`" if failed else ""


def run_tests(copy: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run the tests with a copy of the package."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


if __name__ == "__main__":
    sys.exit(main())

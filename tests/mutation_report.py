"""Faults put into the prover on purpose, and what notices them.

    python tests/mutation_report.py

Each is one changed place in a copy of the package: a wrong sign, a dropped term, a bound on the
wrong side. Then the prover makes certificates, which the checker of the unchanged package judges,
and the prover's tests run. Prints a Markdown table; the exit status is 1 if a fault goes unnoticed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
ISOLOSS = [sys.executable, "-c", "from isoloss.cli import app; app()"]
MUTATIONS = [
    ("dynamics", "fmpq(1) - fmpq(2) * rate * g", "fmpq(1) + fmpq(2) * rate * g", "1 + 2ηγ"),
    ("dynamics", "fmpq(1) - fmpq(2) * rate * g", "fmpq(1) - rate * g", "1 - ηγ: a loss with ½"),
    ("dynamics", "fmpq(-4) * g * time", "fmpq(-2) * g * time", "exp(-2γt) for a square"),
    ("dynamics", "fmpq(-4) * g * time", "fmpq(4) * g * time", "a flow that grows"),
    ("dynamics", "_sum([_least(a, b) for a, b", "_sum([a for a, b", "steps bounded by the first"),
    ("dynamics", "_sum([_least(a, b) for a, b", "_sum([b for a, b", "steps bounded by the last"),
    ("dynamics", "low = start if start == 0 or above else None", "low = start",
     "no sign asked before"),
    ("dynamics", "high = end if below else None", "high = end", "no sign asked after"),
    ("dynamics", "early * (1 - margin)", "early * (1 + margin)", "the lower end too late"),
    ("dynamics", "[*terms, chief * loss, *others]", "[*terms, chief * loss]", "a term dropped"),
    ("dynamics", "terms = self.spectrum, [self.spectrum.noise]", "terms = self.spectrum, []",
     "noise dropped"),
    ("dynamics", "terms.append(_times(lam, _times(spectrum.squares[i], self.filters[i])))", "pass",
     "directions at rest dropped"),
    ("dynamics", "rest = loss - _sum(", "rest = loss + _sum(", "the rest with a wrong sign"),
    ("dynamics", "reached = less_equal(run.loss(), level)", "reached = less(run.loss(), level)",
     "below the level, not at it"),
    ("dynamics", "if reached is not False:\n                yield",
     "if reached:\n                yield",
     "steps that may be the first left out"),
    ("interval", "(self.low + other.low).lower()", "(self.low + other.low).mid()",
     "sums rounded to the middle"),
    ("interval", "return Interval(function(self.low).lower(), function(self.high).upper())",
     "return Interval(function(self.low).lower(), function(self.low).upper())",
     "the lower end twice"),
    ("interval", "interval = abs(interval)", "pass", "even powers of signed intervals"),
    ("interval", "return False if first.low >= second.high else None", "return False",
     "open comparisons are false"),
    ("interval", "if first.high < second.low:", "if first.low < second.high:", "overlap is less"),
    ("expressions", "left + right if isinstance(node.op, ast.Add) else left - right",
     "left + right", "minus is plus"),
    ("expressions", "decided = isinstance(node.op, ast.Or)",
     "decided = isinstance(node.op, ast.And)", "and is or"),
    ("boxes", "for part in ((low, middle), (middle, high)):",
     "for part in ((low, middle), (low, middle)):", "the same half twice"),
    ("boxes", 'left = tree.count("?")', "left = 0", "open boxes are forgotten"),
    ("boxes", "if truth is False:\n                point", "if not truth:\n                point",
     "any open point is a counterexample"),
    ("statement", "return found[0] if len(set(found)) == 1 else None", "return found[0]",
     "one way of stopping stands for all"),
    ("quantities", 'if used and "reached" not in used:', "if not used:",
     "levels need not be reached"),
    ("band", "extreme = _ENDS[end](ratios)", "extreme = max(ratios)", "the other end of the band"),
    ("lemma2", "gap = min((g[i] / slowest", "gap = max((g[i] / slowest", "the largest gap"),
    ("lemma2", "(1 - {a}) * test{bottom + 1}", "(1 + {a}) * test{bottom + 1}",
     "1 + α in the bound"),
    ("identity", "same = sympy.expand(polynomials[0] - polynomials[1]) == 0",
     "same = True", "every identity holds"),
]  # fmt: skip


def main() -> int:
    """Try each fault."""
    print("| in | fault | the checker | the first test that fails |\n|---|---|---|---|")
    missed = 0
    for module, old, new, what in MUTATIONS:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "src"
            shutil.copytree(ROOT / "src", copy)
            path = copy / "isoloss" / "proof" / f"{module}.py"
            text = path.read_text(encoding="utf-8")
            assert text.count(old) >= 1, f"{module}: {old}"
            path.write_text(text.replace(old, new), encoding="utf-8")
            by_checker = rejected(copy, Path(folder))
            by_tests = failing(copy)
        missed += not (by_checker or by_tests)
        words = [str(found) if found else "–" for found in (by_checker, by_tests)]
        print(f"| {module} | {what} | {' | '.join(words)} |", flush=True)
    return int(missed > 0)


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
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = checked.stdout.splitlines()
    false = sum(": rejected: " in line for line in lines)
    lost = sum(": undecided: " in line for line in lines)
    found = [f"rejects {false} of {len(files)}"] * bool(false)
    found += [f"{lost} no longer proved"] * bool(lost)
    return ", ".join(found)


def failing(copy: Path) -> str:
    """Return the first of the prover's tests that fails."""
    names = ("interval", "certify", "theorems", "boxes", "dynamics")
    files = [f"tests/proof/test_{name}.py" for name in names]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    failed = re.search(r"^FAILED \S+::(test_\w+)", done.stdout, re.MULTILINE)
    return f"`{failed[1]}`" if failed else ""


if __name__ == "__main__":
    sys.exit(main())

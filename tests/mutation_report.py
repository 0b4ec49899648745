"""Faults put into the prover and into the checker on purpose, and what notices them.

    python tests/mutation_report.py [prover | checker]

Each is one changed place in a copy of the package: a wrong sign, a dropped term, a bound on the
wrong side, a check left out. With a fault in the prover, it makes certificates, which the checker of
the unchanged package judges, and the prover's tests run; with one in the checker, the checker's
tests run. Prints Markdown tables; the exit status is 1 if a fault goes unnoticed.
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


PROVER_TESTS = [
    f"tests/proof/test_{n}.py" for n in ("interval", "certify", "theorems", "boxes", "dynamics")
]
CHECKER_MUTATIONS = [
    ("grammar", "ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand)", "ast.UnaryOp(operand=operand)", "any sign is one"),
    ("grammar", "ast.UnaryOp(op=ast.USub(), operand=operand)", "ast.UnaryOp(operand=operand)", "any sign in a polynomial"),
    ("grammar", "ast.UnaryOp(op=ast.Not(), operand=operand)", "ast.UnaryOp(operand=operand)", "any sign denies"),
    ("grammar", "args=[_, *_] as arguments, keywords=[])", "args=[_, *_] as arguments)", "keywords of calls ignored"),
    ("grammar", "isinstance(op, _ORDERS) for op in ops", "True for op in ops", "any comparison"),
    ("grammar", "if isinstance(op, _OPERATORS):", "if True:", "any operator"),
    ("grammar", "type(node.value) not in (int, float)", "False", "constants of any type"),
    ("grammar", "found.text[node.col_offset : node.end_col_offset]\n    try", "str(node.value)\n    try", "numbers rounded to floats"),
    ("grammar", "type(exponent.value) is not int or not 0 <= value <= _HIGHEST", "False", "any exponent"),
    ("grammar", "not text.isprintable() or \"#\" in text", "False", "comments"),
    ("grammar", "not _CHARACTERS.fullmatch(text)", "False", "letters that look alike"),
    ("grammar", "if not is_known(name):", "if False:", "unknown names"),
    ("grammar", "_depth(tree) > _DEEPEST", "False", "trees of any depth"),
    ("expressions", "decided = isinstance(op, ast.Or)", "decided = isinstance(op, ast.And)", "and is or"),
    ("expressions", "return None if found is None else not found", "return not found", "not open is true"),
    ("expressions", "False if False in verdicts else None if None in verdicts else True", "False if False in verdicts else True", "open is true"),
    ("expressions", "return False if a.below(b) or b.below(a) else None", "return not (a.below(b) or b.below(a))", "overlap is equality"),
    ("expressions", "return a - b", "return a + b", "minus is plus"),
    ("expressions", "return -found if isinstance(op, ast.USub) else found", "return found", "no sign"),
    ("expressions", "if least else max", "if least else min", "the lesser of two is the largest"),
    ("expressions", "elif not (smaller if least else greater)", "elif not smaller", "the least is the largest"),
    ("numbers", "return Range.of_balls(self.lo + other.lo, self.hi + other.hi)", "return Range.of_balls(self.lo + other.lo)", "the lower end twice"),
    ("numbers", "for a in (self.lo, self.hi) for b in (other.lo, other.hi)", "for a in (self.lo,) for b in (other.lo, other.hi)", "products of one end"),
    ("numbers", "lows, highs = [b.lower() for b in balls], [b.upper() for b in balls]", "lows = highs = [b.mid() for b in balls]", "rounding to the middle"),
    ("numbers", "if not (other.lo > 0 or other.hi < 0):", "if False:", "divisions by 0"),
    ("numbers", "if n % 2 == 0 and not self.lo >= 0:", "if False:", "even powers of signed ranges"),
    ("numbers", "return bool(self.lo <= other.lo and other.hi <= self.hi)", "return bool(self.lo <= other.lo)", "one end of an enclosure"),
    ("numbers", "return bool(self.lo <= other.lo and other.hi <= self.hi)", "return bool(self.lo <= other.hi and other.lo <= self.hi)", "enclosures that only touch"),
    ("numbers", "if self.hi < other.lo:", "if self.lo < other.hi:", "overlap is less"),
    ("numbers", "return False if self.lo >= other.hi else None", "return False", "open comparisons are false"),
    ("identity", "(first == second) is not (content[\"verdict\"] == \"proved\")", "False", "every identity holds"),
    ("identity", "content[\"variables\"] != names", "False", "variables as they are stated"),
    ("identity", "content[\"claim\"] != f\"{left.text} == {right.text}\"", "False", "a claim of another identity"),
    ("identity", "a + b if isinstance(node.op, ast.Add) else a - b", "a + b", "minus is plus in polynomials"),
    ("identity", "if terms > _MOST_TERMS:", "if False:", "terms without number"),
    ("runs", "_ONE - _TWO * rate * g", "_ONE - rate * g", "1 - ηγ: a loss with ½"),
    ("runs", "-(_FOUR * g * time)", "-(_TWO * g * time)", "exp(-2γt) for a square"),
    ("runs", "at_start != (end.reached and end.piece == -1)", "False", "a start at the level is passed"),
    ("runs", "if not end.reached and (end.piece != last or end.inside is not None):", "if False:", "a run may end early"),
    ("runs", "next(candidates(data.level, state, rate, before), None) is not None", "False", "any step is the first"),
    ("runs", "if not loss.at_most(data.level):", "if False:", "the last step need not reach"),
    ("runs", "total([_lesser(a, b) for a, b", "total([a for a, b", "steps bounded by the first"),
    ("runs", "total([_lesser(a, b) for a, b", "total([b for a, b", "steps bounded by the last"),
    ("runs", "if level is not None and not _stays_above(level, state, time):", "if False:", "flows that pass the level"),
    ("runs", "if not (low.lo >= 0 and level.below(total(state.parts(state.flowed(low))))):", "if False:", "no sign asked before"),
    ("runs", "if not total(state.parts(state.flowed(high))).below(level):", "if False:", "no sign asked after"),
    ("runs", "if time is not None and not total(state.parts(state.flowed(time))).at_most(level):", "if False:", "flows longer than they are"),
    ("runs", "if state.steps != end.steps:", "if False:", "any number of steps"),
    ("runs", "frozen, seen, all_seen = [data.noise], [], True", "frozen, seen, all_seen = [_ZERO], [], True", "noise dropped"),
    ("runs", "frozen.append(lam * square * h)", "pass", "directions at rest dropped"),
    ("runs", "all_seen = all_seen and part.is_zero", "pass", "a direction counted twice"),
    ("runs", "part * (ratio - chief)", "part * (ratio + chief)", "the rest with a wrong sign"),
    ("runs", "part.meet(loss - others)", "part.meet(loss + others)", "parts narrowed by a wrong sum"),
    ("stated", "enclosure is None or not isinstance(real, Range) or not enclosure.holds(real)", "enclosure is None", "enclosures are believed"),
    ("stated", "content[\"at_level\"] != at_level", "False", "schedules that must reach as stated"),
    ("stated", "if reached else False", "if True else False", "levels need not be reached"),
    ("stated", "number is not None and number.below(_ZERO)", "False", "negative rates"),
    ("stated", "any(v.below(_ZERO) for v in numbers)", "False", "negative curvatures"),
    ("names", "\"reached\" not in used[name]", "True", "what says reached must reach"),
    ("names", "if name in used and", "if name not in used and", "levels need not be reached"),
    ("outcomes", "ends.add(there)\n            if reached", "if reached", "a step that may be the first left out"),
    ("outcomes", "if at_start is not False:", "if at_start:", "a start that may be at the level"),
    ("outcomes", "if at_start:\n            return", "if at_start is not False:\n            return", "a start that may be above"),
    ("outcomes", "ends.add(state, reached=False)", "pass", "the schedule's end left out"),
    ("outcomes", "early = (middle, early[1]) if above", "early = (middle, early[1]) if above is not False", "times that are too late"),
    ("outcomes", "late = (late[0], middle) if below", "late = (late[0], middle) if below is not False", "times that are too early"),
    ("outcomes", "reached = True if limit is None else _loss(state, limit).at_most(level)", "reached = True", "flows without end"),
    ("families", "if not all(_ZERO.at_most(each)", "if not all(True", "problems that may be negative"),
    ("families", "if not _ZERO.at_most(amount):", "if False:", "rates that may be negative"),
    ("families", "if is_reserved(name, parameter=True):", "if False:", "parameters with the names of losses"),
    ("families", "amount * unit", "amount", "rates in another unit"),
    ("families", "math.prod(map(len, ends)) > _MOST_WAYS", "False", "ways without number"),
    ("boxes", "return found.pop() if len(found) == 1 else None", "return True in found", "one way stands for all"),
    ("boxes", "if statement.holds(box) is not True:", "if statement.holds(box) is False:", "open boxes are proved"),
    ("boxes", "is not False:\n        raise", "is True:\n        raise", "any open point is a counterexample"),
    ("boxes", "if waiting:\n        raise", "if False:\n        raise", "boxes left over are forgotten"),
    ("boxes", "halves = ((middle, high), (low, middle))", "halves = ((low, middle), (low, middle))", "the same half twice"),
    ("boxes", "if content[\"counterexample\"] is None or not inside", "if content[\"counterexample\"] is None", "points outside of the box"),
    ("boxes", "low > high for low, high in whole", "False for low, high in whole", "boxes without points"),
    ("boxes", "cuts == _MOST_CUTS", "False", "cuts without number"),
    ("reading", "if len(found) < len(pairs):", "if False:", "a key twice"),
    ("reading", "parse_float=_no_float, ", "", "floats"),
    ("reading", "if type(value) is not int or value < least:", "if not isinstance(value, int) or value < least:", "truth values for numbers"),
    ("reading", "value.keys() != fields.keys()", "False", "further fields"),
    ("reading", "set(content) != fields.keys() | _HEAD", "False", "further fields of a certificate"),
    ("reading", "if depth > _DEEPEST:", "if False:", "theorems of any depth"),
    ("check", "content[\"digest\"] != f\"sha256:{digest}\"", "False", "any digest"),
    ("check", "part.verdict != \"proved\" for part in parts[:-1]", "False for part in parts[:-1]", "parts that are not proved"),
    ("check", "content[\"verdict\"] != parts[-1].verdict", "False", "another verdict than the last part's"),
    ("check", "parts = tuple(_check(part) for part in content[\"parts\"])", "parts = tuple(Checked(p[\"verdict\"], \"\") for p in content[\"parts\"])", "parts are believed"),
    ("work", "if account.left < 0:", "if False:", "work without bound"),
]  # fmt: skip
CHECKER_TESTS = [f"tests/checker/test_{name}.py" for name in ("forged", "check", "soundness")]


def main() -> int:
    """Try each fault."""
    asked = sys.argv[1:] or ["prover", "checker"]
    missed = 0
    if "prover" in asked:
        print("| in | fault | the checker | the first test that fails |\n|---|---|---|---|")
        for module, old, new, what in MUTATIONS:
            with tempfile.TemporaryDirectory() as folder:
                copy = faulty("proof", module, old, new, Path(folder))
                found = rejected(copy, Path(folder)), failing(copy, PROVER_TESTS)
            missed += not any(found)
            words = " | ".join(each or "–" for each in found)
            print(f"| {module} | {what} | {words} |", flush=True)
    if "checker" in asked:
        print("\n| in | fault | the first test that fails |\n|---|---|---|")
        for module, old, new, what in CHECKER_MUTATIONS:
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
        capture_output=True, text=True, check=False,
    )  # fmt: skip
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

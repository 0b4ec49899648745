"""The proofs in Coq: they are accepted, assume nothing new, and are about the same definitions."""

import ast
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import isoloss as il
from isoloss.paper import minibatch_example
from isoloss.proof import ExactProblem, band, certify

ROOT = Path(__file__).parents[1]
FORMAL = ROOT / "formal"
SOURCES = {path.name: path.read_text(encoding="utf-8") for path in sorted(FORMAL.glob("*.v"))}
THEOREMS = re.findall(r"^Print Assumptions (\w+)\.$", SOURCES["Theorems.v"], re.MULTILINE)

# What Coq's own Reals are built on: nothing else may be assumed.
AXIOMS = {
    "ClassicalDedekindReals.sig_not_dec",
    "ClassicalDedekindReals.sig_forall_dec",
    "Classical_Prop.classic",
    "FunctionalExtensionality.functional_extensionality_dep",
}


def assumed(output: str) -> list[set[str]]:
    """Return the axioms that each `Print Assumptions` prints, in its order."""
    start = r"^(Axioms:|Closed under the global context)\n"
    line = r"(?!Axioms:|Closed|COQ|make| +=).*\n"
    blocks = re.findall(rf"{start}((?:{line})*)", output, re.MULTILINE)
    return [set(re.findall(r"^([A-Za-z_][\w.']*)", each, re.MULTILINE)) for _, each in blocks]


def printed(name: str, output: str) -> Any:
    """Return what Coq computes under a name, its rational numbers as texts such as "1/2"."""
    found = re.search(rf'^ *= \("{name}"%string, (.*)\)$', output, re.MULTILINE)
    assert found is not None, f"Coq printed no {name}"
    plain = found[1].replace("%nat", "").replace(";", ",")
    quoted = re.sub(r"(-?\d+(?:\.\d+)?)(?: # (\d+))?", _quote, plain)
    return ast.literal_eval(quoted)


def _quote(number: re.Match[str]) -> str:
    return f'"{Fraction(number[1]) / int(number[2] or 1)}"'


def check_instance(given: Any) -> None:
    """Prove by isoloss.proof what Coq has computed of an instance."""
    spectra, (rate, level), (count, steps), finish, losses, ends, (rest,) = given
    train, test, start = spectra
    problem = ExactProblem.from_spectra(train, test, start)
    reached = "reached" if Fraction(losses[0]) <= Fraction(level) else "not reached"
    parts = [f"part{i} == train{i} * ({x})**2" for i, x in enumerate(finish, start=1)]
    claims = [reached, f"steps == {steps}", *parts]
    claims += [f"{what}_loss == {x}" for what, x in zip(("train", "test"), losses, strict=True)]
    left = [
        f"(1 - 2 * train{i} / train1)**{2 * int(count)} * test{i} * square{i}"
        for i, curvature in enumerate(train, start=1)
        if curvature != train[0]
    ]
    claims.append(f"{' + '.join(left) or '0'} == {rest}")
    schedule = f"gd(({rate}) / max_lr, {count})"
    proof = certify(problem, schedule, level, " and ".join(claims), last_step="whole")
    assert proof.verdict == "proved", proof
    for end, ratio in zip(("lowest", "highest"), ends, strict=True):
        assert repr(band(train, test, end)).endswith(f"the {end} test loss is {ratio}·ε)")


def check_factors(given: Iterable[Any]) -> None:
    """Compare the factors of a minibatch step with training."""
    for size, (rate, *factors) in given:
        step = il.GradientDescent(
            float(Fraction(rate)), 1, batch_size=int(size), sampling="replacement"
        )
        run = il.train(minibatch_example((1.0, 1.0)), step)
        squares = 3 * run.train_loss - 2 * run.test_loss, 4 * run.test_loss - 3 * run.train_loss
        assert [float(x) for x in squares] == pytest.approx(
            [float(Fraction(x)) for x in factors], rel=1e-12
        )


@pytest.fixture
def coq() -> None:
    """Ask for Coq; without it the test is skipped, but in CI."""
    missing = [program for program in ("coqc", "coq_makefile", "make") if not shutil.which(program)]
    if missing:
        reason = f"needs {', '.join(missing)}: install the packages coq and make"
        if os.environ.get("ISOLOSS_NEEDS_COQ"):
            pytest.fail(f"CI {reason}")
        pytest.skip(reason)


@pytest.mark.slow
@pytest.mark.usefixtures("coq")
def test_coq_accepts_all_proofs(tmp_path: Path) -> None:
    # One test, since each worker that shares in it would build everything anew.
    copied = [*FORMAL.glob("*.v"), FORMAL / "_CoqProject", FORMAL / "Makefile"]
    for path in copied:
        shutil.copy(path, tmp_path)
    done = subprocess.run(
        ["make"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    axioms = assumed(done.stdout)
    assert len(axioms) == len(THEOREMS)
    for name, each in zip(THEOREMS, axioms, strict=True):
        assert each <= AXIOMS, name
    instances = printed("instances", done.stdout)
    assert len(instances) >= 5
    for instance in instances:
        check_instance(instance)
    check_factors(printed("batches", done.stdout))


def test_assumptions_are_read() -> None:
    output = (
        "COQC Theorems.v\nAxioms:\nA.b : forall P : Prop, P\nC.d\n  : forall x : R,\n    x = x\n"
        "Closed under the global context\nAxioms:\nE.f : False\nmake[1]: Leaving directory\n"
    )
    assert assumed(output) == [{"A.b", "C.d"}, set(), {"E.f"}]


def test_nothing_is_left_unproved() -> None:
    words = r"\b(Admitted|admit|Abort|Axiom|Axioms|Parameter|Parameters|Conjecture)\b"
    for name, text in SOURCES.items():
        assert not re.findall(words, code(text)), name


def test_the_page_shows_coq_as_it_is() -> None:
    page = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```coq\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) > 5
    for block in blocks:
        assert any(block in text for text in SOURCES.values()), block


def code(text: str) -> str:
    """Return Coq code without its comments, which may be nested."""
    inner = r"\(\*(?:(?!\(\*|\*\)).)*\*\)"
    while (less := re.sub(inner, "", text, flags=re.DOTALL)) != text:
        text = less
    return text


def test_every_file_is_built() -> None:
    listed = (FORMAL / "_CoqProject").read_text(encoding="utf-8").split()
    assert {name for name in listed if name.endswith(".v")} == set(SOURCES)


def test_every_file_is_short_and_says_what_it_is_about() -> None:
    for name, text in SOURCES.items():
        assert text.startswith("(** "), name
        lines = text.splitlines()
        assert max(map(len, lines)) <= 100, name
        assert len(lines) <= 300, name


def test_the_page_names_theorems_that_exist() -> None:
    # in the table of docs/paper.md: | statement | `theorem`, … | `File.v` |
    page = (ROOT / "docs" / "paper.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\|.*\| (.*`\w+`.*) \| `(\w+\.v)` \|$", page, re.MULTILINE)
    shown = {(theorem, file) for row, file in rows for theorem in re.findall(r"`(\w+)`", row)}
    assert len(shown) > 25
    for theorem, file in shown:
        assert re.search(rf"^Theorem {theorem}\b", SOURCES[file], re.MULTILINE), theorem
    together = re.search(r"Definition all_others :=(.*?)\.$", SOURCES["Theorems.v"], re.M | re.S)
    assert together is not None
    asked = {*THEOREMS, *re.findall(r"\w+", together[1])} - {"all_others"}
    assert {theorem for theorem, _ in shown} == asked  # what each assumes is printed

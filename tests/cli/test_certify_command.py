"""``isoloss certify`` and ``isoloss verify`` as processes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from isoloss._messages.extras import install_command
from isoloss.paper.proofs import EXPECTED, NAMES
from isoloss.proof import for_all, identity, theorem

if TYPE_CHECKING:
    from conftest import Run

OWN = ("--train", "2/3,1/3", "--test", "1/2,1/2", "--start", "10, 10", "--level", "0.01")


def test_all_certificates_are_written_and_verified(tmp_path: Path, run: Run) -> None:
    done = run("certify", "all", "--out", "proofs")
    assert (done.returncode, done.stderr) == (0, "")
    lines = dict(line.split() for line in done.stdout.splitlines()[:-1])
    assert lines == EXPECTED
    assert done.stdout.splitlines()[-1] == f"Wrote {len(NAMES)} certificates to proofs"
    files = list((tmp_path / "proofs").glob("*.json"))
    assert {file.stem for file in files} == set(NAMES)
    checked = run("verify", "proofs")
    assert (checked.returncode, checked.stderr) == (0, "")
    heads = [line for line in checked.stdout.splitlines() if not line.startswith("  ")]
    for file, line in zip(sorted(files), heads, strict=True):
        assert re.match(rf"proofs/{file.name}: {EXPECTED[file.stem]}( in \d parts?)?:", line)
    assert checked.stdout.count("  in words, which are for you to check: ") == len(NAMES) - 2


def test_a_changed_certificate_is_rejected(tmp_path: Path, run: Run) -> None:
    run("certify", "eq3", "--out", ".")
    file = tmp_path / "eq3.json"
    file.write_text(file.read_text().replace('"3/4', '"3/5', 1))
    other = tmp_path / "other.json"
    other.write_text("{")
    done = run("verify", file, other, tmp_path / "othr.json")
    assert done.returncode == 2
    first, second = done.stdout.splitlines()
    assert first == f"{file}: rejected: the digest does not match the content: the file was changed"
    assert second.startswith(f"{other}: rejected: this is not a JSON file")
    none = f"there is no file '{tmp_path / 'othr.json'}' (did you mean '{other}'?)"
    assert done.stderr == f"isoloss: error: {none}\n"
    assert run("verify", file).returncode == 1
    open_claim = ("--schedule", "flow", "--claim", "test_loss**2 == test_loss**2")
    run("certify", *OWN, *open_claim, "--out", "open")
    done = run("verify", "open")
    assert done.returncode == 1
    assert "open/claim.json: undecided: nothing is proved: the sides of the claim" in done.stdout


def test_what_proves_nothing_is_no_success(tmp_path: Path, run: Run) -> None:
    (tmp_path / "empty").mkdir()
    run("certify", "eq3", "--out", "some")
    done = run("verify", "empty", "some")
    assert done.returncode == 2
    assert done.stderr == "isoloss: error: there is no *.json file in empty\n"
    assert done.stdout.startswith("some/eq3.json: proved in 2 parts:\n  proved: test1 >= 3/4")
    done = run("verify", "some", "--max-work", "50")
    assert done.returncode == 1
    assert done.stdout == (
        "some/eq3.json: not checked: the check needs more than 50 operations, the limit; "
        "allow more with --max-work (in Python, max_work=)\n"
    )


def test_the_words_of_theorems_are_never_shown_as_proved(tmp_path: Path, run: Run) -> None:
    inner = theorem("n", "P is NP", [], [for_all({"x": (0, "1/8")}, "x * (1 - x) < 1/5")])
    outer = theorem("o", "so it is", [], [inner, identity("1", "1")])
    outer.save(tmp_path / "words\n.json: proved.json")
    assert run("verify", ".").stdout.splitlines() == [
        "'words\\n.json: proved.json': proved in 2 parts:",
        "  proved in 1 part:",
        "    proved: x * (1 - x) < 1/5",
        "      for 0 <= x <= 1/8",
        "    in words, which are for you to check: P is NP",
        "  proved: 1 == 1",
        "  in words, which are for you to check: so it is",
    ]


def test_the_counterexample_is_printed(tmp_path: Path, run: Run) -> None:
    done = run("certify", "lemma2-literal")
    assert done.returncode == 0
    first, *rest = done.stdout.splitlines()
    assert first.startswith("disproved: part 2 of Lemma 2 read literally: γ = (1, 1/4), λ = (1, 1)")
    assert "  proved: train1 * square1 >= level [annealed = gd(1, 1) > flow]" in rest
    assert "  disproved: annealed.test_loss <= level * test1 / train1" in rest[-2]
    assert rest[-1].startswith("  annealed at the level: train loss 1/2, test loss 1.86965791")
    assert list(tmp_path.iterdir()) == []


def test_a_claim_of_ones_own(tmp_path: Path, run: Run) -> None:
    schedules = ("--schedule", "annealed=gd(1, 10) > flow", "--schedule", "flow=flow")
    claim = "flow.test_loss > 1.99 * annealed.test_loss"
    done = run("certify", *OWN, *schedules, "--claim", claim, "--out", "new")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"proved: {claim}\n")
    assert (
        "annealed at the level: train loss 1/100, test loss 3/400, after 10 steps and flow"
        in done.stdout
    )
    content = json.loads((tmp_path / "new" / "claim.json").read_text())
    assert content["runs"]["annealed"]["schedule"] == [["gd", "3/2", 10], ["flow", None]]
    assert run("verify", "new/claim.json").returncode == 0
    for claim, verdict in (
        ("test_loss < 3/4 * level", "disproved"),
        ("test_loss**3 == test_loss**2 * test_loss", "undecided"),
    ):
        option = "flow" if verdict == "undecided" else "gd(1, 10) > flow"
        done = run("certify", *OWN, "--schedule", option, "--claim", claim)
        assert done.returncode == 1
        assert done.stdout.startswith(f"{verdict}: {claim}\n")


def test_a_claim_of_ones_own_says_what_becomes_of_the_last_step(tmp_path: Path, run: Run) -> None:
    # One step leaves 50/3 + 75/4 of 100; a second at rate s, 425/12 - 625/9·s + 1025/27·s².
    gd = ("--train", "2/3,1/3", "--test", "1/2,1/2", "--start", "10,10", "--level", "30")
    gd = (*gd, "--schedule", "gd(1/4, 9)")
    done = run("certify", *gd, "--claim", "train_loss == level", "--out", "proofs")
    assert (done.returncode, done.stderr) == (0, "")
    rate = (625 / 9 - (390625 / 81 - 4 * 1025 / 27 * 65 / 12) ** 0.5) / (2050 / 27)
    assert f", after 2 steps, the last at rate {rate:.10f}" in done.stdout
    shown = run("verify", "proofs").stdout
    assert "level 30 (last step exact); gd(3/8, 9)" in shown
    done = run("certify", *gd, "--claim", "train_loss < level", "--last-step", "whole")
    assert done.returncode == 0
    assert "the last at rate" not in done.stdout


def test_names_are_listed(tmp_path: Path, run: Run) -> None:
    done = run("certify", "list")
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(NAMES)
    assert "eq4                      one problem  on {L̂ = ε}, for every ε > 0, the highest" in (
        done.stdout
    )
    for alias in ("lemma2-annealed-literal", "lemma2-flow"):
        assert run("certify", alias).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give a statement's name, 'all' or 'list'; or --claim and its data"),
        (("eq3", "--claim", "level > 0"), "--claim is for a claim of your own: give one of them"),
        ((*OWN, "--schedule", "flow"), "a claim of your own needs --claim"),
        ((*OWN[:-2], "--schedule", "flow", "--claim", "level > 0"), "give --level"),
        (("lema2",), "there is no statement 'lema2' (did you mean 'lemma2'?)"),
        (("--claim", "level > 0"), "a claim of your own needs --train and --test and --start"),
        ((*OWN, "--schedule", "flow", "--claim", "tst_loss > 0"), "did you mean 'test_loss'"),
        ((*OWN, "--schedule", "fow", "--claim", "level > 0"), "or flow (did you mean 'flow'?)"),
        (
            (*OWN, "--schedule", "flow", "--schedule", "flow", "--claim", "level > 0"),
            "two schedules have no name; name them, as in NAME=TEXT",
        ),
        (
            (
                "--train",
                "a",
                "--test",
                "1",
                "--start",
                "1",
                "--schedule",
                "flow",
                "--claim",
                "1 > 0",
            ),
            "train[0] must be a number",
        ),
        (("eq3", "--out", "/proc/none"), "cannot write"),
    ],
)
def test_errors_are_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, run: Run
) -> None:
    done = run("certify", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.startswith("isoloss: error: ")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_without_python_flint_a_line_says_what_to_install(tmp_path: Path) -> None:
    hidden = "import sys; sys.modules['flint'] = None; from isoloss.cli import app; "
    # one process for both, which take no time but their imports
    both = (
        "\nfor words in (['certify', 'eq3'], ['verify', 'x.json']):"
        "\n    try:"
        "\n        app(words)"
        "\n    except SystemExit as end:"
        "\n        print(words[0], end.code, flush=True)"
    )
    # the figures are the same without proofs
    undrawn = (
        "from isoloss.reports import plotting; plotting.render = lambda *_: b'<svg></svg>'; "
        "app(['reproduce', '--out', 'r'])"
    )

    def started(code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", hidden + code],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    done = started(both)
    assert done.stdout.splitlines() == ["certify 2", "verify 2"]
    assert done.stderr.count(install_command("proof")) == 2
    assert "Traceback" not in done.stderr
    done = started(undrawn)
    assert done.returncode == 0, done.stderr
    assert f"Proofs were left out: they need {install_command('proof')}." in done.stdout
    rows = json.loads((tmp_path / "r" / "claims.json").read_text(encoding="utf-8"))["claims"]
    assert [row["proof"] for row in rows] == [None] * 22

"""``isoloss reproduce`` as a process."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from judged import judged_claims
from rich.cells import cell_len

from isoloss.checker import check
from isoloss.cli.claims_output import show

if TYPE_CHECKING:
    from conftest import Run


def test_it_shows_the_paper_and_writes_it_down(tmp_path: Path, run: Run) -> None:
    done = run("reproduce", "--seed", 3)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    out = tmp_path / "isoloss-reproduce"
    names = {path.name for path in out.iterdir()} - {".isoloss"}
    pictures = {
        f"{stem}.{kind}"
        for stem in ("figure1", "losses", "batches")
        for kind in ("png", "pdf", "svg")
    }
    assert names == {"report.html", "claims.json", "certificates"} | pictures
    rows = json.loads((out / "claims.json").read_text(encoding="utf-8"))["claims"]
    assert len(rows) == 22
    lines = done.stdout.splitlines()
    for row in rows:
        assert row["as_expected"]
        assert row["verdict"] == row["expected"]
        (line,) = [line for line in lines if line.startswith(row["id"] + " ")]
        assert row["verdict"] in line
        assert row["computed"] in line
        if row["proof"] is not None:
            assert f"{row['proof']['verdict']} for {row['proof']['scope']}" in line
            certificate = json.loads((out / row["proof"]["certificate"]).read_text())
            assert check(certificate).verdict == row["proof"]["verdict"]
    assert sum(row["proof"] is not None for row in rows) == 21
    beyond = [row for row in rows if row["place"].startswith("beyond the paper")]
    assert [row["id"] for row in beyond] == [row["id"] for row in rows][-5:]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert all(row["id"] in page for row in rows)
    assert '<a href="certificates/proposition1-flow.json">proved</a> for all' in page
    # again, with the same result, into a folder that another has made
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "theirs.txt").write_text("x")
    refused = run("reproduce", "--seed", 3, "--out", theirs)
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert [path.name for path in theirs.iterdir()] == ["theirs.txt"]
    assert run("reproduce", "--seed", 3, "--out", theirs, "--force").returncode == 0
    assert (theirs / "theirs.txt").read_text() == "x"
    assert (theirs / "report.html").read_text(encoding="utf-8") == page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--alpha", "2"), "alpha must be between 0 and 1; got 2"),
        (("--epsilon", "0"), "epsilon must be between 0 and 1; got 0"),
        (("--epsilon", "nan"), "epsilon"),
        (("--steps", "0"), "steps must be at least 1; got 0"),
        (("--steps", "x"), "'--steps'"),
        (("--seed", "-1"), "seed must be at least 0"),
    ],
)
def test_bad_parameters_write_nothing(
    arguments: tuple[str, ...], message: str, tmp_path: Path, run: Run
) -> None:
    done = run("reproduce", *arguments, "--out", "new")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("width", [80, 120])
def test_a_terminal_gets_a_table_that_fits(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    found = list(judged_claims().values())
    show(found, {}, Path("out"))
    colourful = capsys.readouterr().out
    assert "\x1b[32m" in colourful  # green
    assert "\x1b[33m" in colourful  # a failure that is expected
    lines = re.sub(r"\x1b\[[\d;]*m", "", colourful).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert [line.split()[0] for line in lines if line[:3].strip() and line[:2] == "  "] == [
        claim.id for claim in found
    ]
    assert lines[-1] == "Open out/report.html; next, on real data: isoloss compare diabetes"

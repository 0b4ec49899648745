"""Theorems made of parts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from isoloss.checker import verify
from isoloss.proof import Certificate, ExactProblem, certify, identity, theorem
from isoloss.proof.certificates import digest


def test_a_theorem_needs_all_parts_before_its_last() -> None:
    good = identity("a", "a")
    problem = ExactProblem.from_spectra([1], [1], [1])
    bad = certify(problem, "flow", "1/2", "test_loss > 1")
    assert theorem("t", "a statement", [], [good, bad]).verdict == "disproved"
    found = theorem("t", "a statement", [], [bad, good])
    assert found.verdict == "undecided"
    assert found.reason == "a part is disproved: test_loss > 1"
    for parts in ([], [3], good):
        with pytest.raises(TypeError, match="the parts of a theorem are certificates"):
            theorem("t", "a statement", "words", parts)  # type: ignore[arg-type]  # wrong on purpose
    assert theorem("t", "a statement", "words", [good]).content["argument"] == ["words"]
    assert repr(found) == "Certificate(undecided: a statement (a part is disproved: test_loss > 1))"


def test_a_file_that_does_not_say_what_becomes_of_the_last_step_is_about_whole_ones(
    tmp_path: Path,
) -> None:
    problem = ExactProblem.from_squares([1], [1], [4])
    proof = certify(problem, "gd(1/4, 3)", 2, "train_loss == 1", last_step="whole")
    content = json.loads(proof.to_json())
    del content["last_step"], content["runs"][""]["last_rate"], content["digest"]
    path = tmp_path / "old.json"
    path.write_text(json.dumps({**content, "digest": digest(content)}))
    assert str(Certificate.load(path)) == str(proof)
    found = verify(path)
    assert found.verdict == "proved"
    assert "level 2 (last step whole)" in found.given

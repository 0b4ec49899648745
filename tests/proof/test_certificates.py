"""Theorems made of parts."""

from __future__ import annotations

import pytest

from isoloss.proof import ExactProblem, certify, identity, theorem


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

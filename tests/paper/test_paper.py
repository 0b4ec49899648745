"""The claims as a whole, and the numbers in them against formulas by hand."""

import dataclasses
import functools
import math

import numpy as np
import pytest
from judged import judged_claims

from isoloss.paper import EXPLICIT, FAILS, HOLDS, claims, instances

IDS = [
    "eq1",
    "eq2",
    "table-good",
    "table-bad",
    "eq3",
    "eq4",
    "proposition1-flow",
    "proposition1-annealed",
    "proposition1-quarter",
    "lemma2-flow",
    "lemma2-annealed",
    "lemma2-annealed-literal",
    "lemma2-proof-steps",
    "oscillation",
    "needs-early-stopping",
    "needs-mismatch",
    "needs-large-rate",
    "minibatch-stability",
    "minibatch-single",
    "minibatch-limit",
    "minibatch-window",
    "minibatch-run-by-run",
]


def test_every_claim_is_there_and_as_expected() -> None:
    assert list(judged_claims()) == IDS
    expected = {"lemma2-annealed": EXPLICIT, "lemma2-annealed-literal": FAILS}
    for name, claim in judged_claims().items():
        assert claim.verdict == claim.expected == expected.get(name, HOLDS)
        assert claim.as_expected


@functools.cache
def drawn(seed: int) -> list[instances.Lemma2]:
    """Return the random instances: of the parameters, they depend on the seed alone."""
    return list(instances.random_instances(seed))


@pytest.mark.parametrize(
    ("alpha", "epsilon", "steps"),
    [(1e-6, 1e-9, 1), (0.999, 0.999, 3), (0.5, 1e-200, 10**6), (1e-12, 0.5, 10**9)],
)
def test_they_hold_for_other_parameters(
    alpha: float, epsilon: float, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = drawn(5)
    monkeypatch.setattr(instances, "random_instances", {5: found}.__getitem__)
    wrong = [
        claim.id
        for claim in claims(alpha=alpha, epsilon=epsilon, steps=steps, seed=5)
        if not claim.as_expected
    ]
    assert wrong == []


def test_the_numbers_are_the_papers() -> None:
    flow = judged_claims()["proposition1-flow"]
    # On the level set flow has r = δ_1²/δ_2² decaying: L_D/ε = (r/2 + 1/2)/(2r/3 + 1/3) → 3/2.
    assert 1.4995 <= flow.numbers["lowest"] <= flow.numbers["highest"] <= 1.5
    assert flow.parameters["probability"] == "3/4"
    annealed = judged_claims()["proposition1-annealed"].numbers
    assert annealed["lowest"] == pytest.approx(0.75, rel=1e-13)
    assert annealed["highest"] == pytest.approx(0.75, rel=1e-13)
    assert annealed["largest_ratio"] == pytest.approx(2.0, rel=1e-3)
    quarter = judged_claims()["proposition1-quarter"]
    assert "mirrored for K = 1, 2001" in quarter.computed
    failures = judged_claims()["lemma2-annealed-literal"].numbers
    assert failures["instances"] > 5000
    assert failures["failures_literal"] > 0.2 * failures["instances"]
    assert failures["failures_explicit"] == failures["failures_flow"] == 0


def test_a_claim_with_a_wrong_side_fails() -> None:
    for name, good in (("eq3", HOLDS), ("lemma2-annealed", EXPLICIT)):
        claim = judged_claims()[name]
        assert dataclasses.replace(claim, margin=1e-9).verdict == good
        for margin in (-1e-9, math.nan):
            wrong = dataclasses.replace(claim, margin=margin)
            assert wrong.verdict == FAILS
            assert not wrong.as_expected


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"alpha": 0.0}, "alpha must be between 0 and 1; got 0"),
        ({"alpha": 1.5}, "alpha"),
        ({"epsilon": 1.0}, "epsilon must be between 0 and 1; got 1"),
        ({"epsilon": math.nan}, "epsilon"),
        ({"steps": 0}, "steps must be at least 1; got 0"),
        ({"seed": -1}, "seed"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        claims(**parameters)  # type: ignore[arg-type]  # options as a dict


def test_the_seed_decides_the_instances() -> None:
    other = {claim.id: claim for claim in claims(seed=1)}
    same = {claim.id: claim for claim in claims(seed=0)}
    assert same["lemma2-flow"].numbers == judged_claims()["lemma2-flow"].numbers
    assert other["lemma2-flow"].numbers != judged_claims()["lemma2-flow"].numbers
    assert np.isfinite([claim.margin for claim in other.values()]).all()

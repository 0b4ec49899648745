"""The paper's certificates: their verdicts, and the reductions that they are built on."""

from __future__ import annotations

import mpmath as mp
import pytest
from judged import judged_claims

import isoloss as il
from isoloss.paper.proofs import (
    EXPECTED,
    INSTANCES,
    NAMES,
    certificate,
    certificates,
    name_of,
)
from isoloss.paper.two_dimensions import draws, example, proposition_target


def test_every_statement_comes_to_its_verdict() -> None:
    found = {name: proof.verdict for name, proof in certificates()}
    assert found == EXPECTED
    assert list(found) == list(NAMES)
    assert set(NAMES) > INSTANCES


def test_all_claims_but_one_have_a_certificate() -> None:
    without = [claim for claim in judged_claims() if name_of(claim) is None]
    assert without == ["needs-large-rate"]
    with pytest.raises(KeyError):
        certificate("needs-large-rate")


@pytest.mark.parametrize("alpha", [0.999, 0.3, 1e-6])
@pytest.mark.parametrize("epsilon", [0.999, 0.01, 1e-9])
def test_the_reduction_of_proposition_1_is_the_training(alpha: float, epsilon: float) -> None:
    # x = exp(-4t/3): S = A/3·(2x² + x), L = A/2·(x² + x), in the words of the certificate
    flow = il.train(example(target=proposition_target(alpha)), il.GradientFlow(), epsilon)
    x, size = mp.exp(-4 * mp.mpf(float(flow.time)) / 3), mp.mpf(10) ** 4 / alpha
    assert float(size / 3 * (2 * x**2 + x)) == pytest.approx(epsilon, rel=1e-10)
    assert float(size / 2 * (x**2 + x)) == pytest.approx(float(flow.test_loss), rel=1e-10)
    assert 0 < x < 1
    # the slack s > 0 and both terms of the last line
    slack = alpha - mp.mpf(10) ** 4 / 3 * x * (2 * x + 1)
    assert slack > 0
    gap = flow.test_loss - 1.5 * (1 - alpha) * epsilon
    terms = slack * (2 * x + 1) + x * (mp.mpf(10) ** 4 / 3 * (2 * x + 1) ** 2 - 1)
    assert float(size / 2 * x * terms) == pytest.approx(float(gap), rel=1e-8)


def test_the_draw_with_the_directions_exchanged_is_the_same() -> None:
    both = [draw for draw in draws() if all(draw.counts)]
    problems = [example(draw.counts, proposition_target(0.1)) for draw in both]
    runs = [il.train(problem, il.GradientFlow(), 0.1).test_loss for problem in problems]
    assert len(runs) == 2
    assert float(runs[0]) == pytest.approx(float(runs[1]), rel=1e-13)


def test_the_whole_proof_of_proposition_1_is_said_and_counted() -> None:
    proof = certificate("proposition1-flow")
    assert proof.boxes > 30
    claimed = [part["claim"] for part in proof.content["parts"]]
    assert claimed[-1] == "10000/3 * (2*x + 1)**2 >= 1"
    quarter = certificate("proposition1-quarter").content["parts"][1:]
    assert [run["runs"]["annealed"]["steps"] for run in quarter] == [1, 2, 2000, 2001]

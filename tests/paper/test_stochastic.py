"""Minibatches in the paper's example, against all batches, exact recursions and real runs."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import mpmath as mp
import numpy as np
import pytest

import isoloss as il
from isoloss.paper import stochastic
from isoloss.paper.claim import FAILS, HOLDS, Claim
from isoloss.paper.stochastic import (
    annealed,
    minibatch_example,
    minibatch_max_lr,
    stochastic_claims,
    stopped_each,
)

Squares = tuple[Fraction, Fraction]


def by_id(seed: int = 0) -> dict[str, Claim]:
    return {claim.id: claim for claim in stochastic_claims(0.01, 10, seed)}


def factors(lr: Fraction, size: int) -> Squares:
    """Return what a step multiplies E δ_1² and E δ_2² by: the mean over all batches of rows."""
    batches = list(itertools.product((0, 0, 1), repeat=size))
    sums = [
        sum((1 - 2 * lr * Fraction(batch.count(i), size)) ** 2 for batch in batches) for i in (0, 1)
    ]
    return sums[0] / len(batches), sums[1] / len(batches)


def loss_at(steep: mp.mpf, flat: mp.mpf, level: mp.mpf) -> mp.mpf:
    """Return the test loss that flow from squares δ_1², δ_2² has at a train loss."""
    time = mp.findroot(
        lambda t: mp.log((2 * steep * mp.exp(-8 * t / 3) + flat * mp.exp(-4 * t / 3)) / 3 / level),
        mp.mpf(1),
    )
    return (steep * mp.exp(-8 * time / 3) + flat * mp.exp(-4 * time / 3)) / 2


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_the_largest_stable_rate_and_what_it_leaves(size: int) -> None:
    lr = Fraction(3 * size, 2 * size + 1)
    assert minibatch_max_lr(size) == pytest.approx(float(lr), rel=1e-15)
    assert factors(lr, size) == (1, Fraction(8 * size + 1, (2 * size + 1) ** 2))
    assert factors(lr * Fraction(99, 100), size)[0] < 1 < factors(lr * Fraction(101, 100), size)[0]


@pytest.mark.parametrize(("size", "lr"), [(1, "1/2"), (1, "5/4"), (2, "6/5"), (3, "1/3")])
def test_expected_losses_are_those_of_all_batches(size: int, lr: str) -> None:
    rate, squares = Fraction(lr), (Fraction(10**4), Fraction(10**4))
    for _ in range(7):
        squares = tuple(a * f for a, f in zip(squares, factors(rate, size), strict=True))
    with mp.workdps(30):
        steep, flat = (mp.mpf(each.numerator) / each.denominator for each in squares)
        expected = loss_at(steep, flat, mp.mpf(1) / 2)
    run = il.train(minibatch_example(), annealed(float(rate), 7, size), 0.5)
    assert float(run.test_loss) == pytest.approx(float(expected), rel=1e-12)


def test_the_claims_hold_and_carry_the_exact_numbers() -> None:
    found = by_id()
    assert all(claim.verdict == HOLDS for claim in found.values())
    assert all(claim.place.startswith("beyond the paper") for claim in found.values())
    limit = found["minibatch-limit"].numbers
    for size in (2, 3, 10, 100):
        exact = Fraction(8 * size + 1, (2 * size + 1) ** 2)
        assert limit[f"factor_{size}"] == pytest.approx(float(exact), rel=1e-12)
    single = found["minibatch-single"]
    assert single.numbers["lowest"] == pytest.approx(1.0, abs=1e-12)
    assert single.numbers["highest"] > 1.3
    assert single.numbers["shortened"] > 50


def test_where_annealing_helps() -> None:
    numbers = by_id()["minibatch-window"].numbers
    ends = {2: (0.75, 2.25), 3: (0.76077, 2.83923), 10: (0.82295, 4.17705)}
    for size, (low, high) in ends.items():
        assert numbers[f"low_{size}"] == pytest.approx(low, rel=1e-5)
        assert numbers[f"high_{size}"] == pytest.approx(high, rel=1e-5)
        for share, helps in ((0.99, False), (1.01, True)):
            for end, inside in ((low, helps), (high, not helps)):
                steep, flat = by_counts(share * end, size)
                assert (steep > flat**2) is inside
    assert by_counts(0.7, 3) == pytest.approx([float(f) for f in factors(Fraction(7, 10), 3)])


def by_counts(lr: float, size: int) -> list[float]:
    """Return the factors as sums over how often e1 is in the batch."""
    weights = [math.comb(size, k) * 2**k / 3**size for k in range(size + 1)]
    shares = np.arange(size + 1) / size
    return [float(weights @ (1 - 2 * lr * share) ** 2) for share in (shares, 1 - shares)]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("minibatch_max_lr", lambda size: 3.003 / (2 + 1 / size)),
        ("annealed", lambda lr, steps, size: annealed(lr, steps, None)),
        ("stopped_each", lambda rng, steps, runs: 1 + 0.3 * rng.normal(size=runs)),
    ],
)
def test_claims_about_other_steps_fail(
    name: str, wrong: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stochastic, name, wrong)
    assert FAILS in {claim.verdict for claim in by_id().values()}


def real_run(rng: np.random.Generator, steps: int) -> float:
    """Train on one row at a time at η = 3/2, then flow to train loss 1/2; return the test loss."""
    rows, delta = np.eye(2)[[0, 0, 1]], np.array([-100.0, -100.0])
    for _ in range(steps):
        row = rows[rng.integers(3)]
        delta -= 1.5 * 2 * row * (row @ delta)
        assert (2 * delta[0] ** 2 + delta[1] ** 2) / 3 > 0.5
    start = il.Problem.from_data(rows, np.zeros(3), np.eye(2), np.zeros(2), start=delta)
    return float(il.train(start, il.GradientFlow(), 0.5).test_loss)


def exact_ratio(steps: int) -> float:
    """Return the mean test loss of all runs over that of flow: e1 is drawn k times of K."""
    with mp.workdps(30):
        flow = loss_at(mp.mpf(10**4), mp.mpf(10**4), mp.mpf(1) / 2)
        mean = sum(
            mp.binomial(steps, k)
            * mp.mpf(2) ** k
            / mp.mpf(3) ** steps
            * loss_at(mp.mpf(4) ** k * 10**4, mp.mpf(4) ** (steps - k) * 10**4, mp.mpf(1) / 2)
            for k in range(steps + 1)
        )
        return float(mean / flow)


def test_runs_stopped_each_by_itself_are_real_ones() -> None:
    expected, flow = exact_ratio(20), 0.7498876
    assert expected == pytest.approx(0.91933, abs=1e-5)
    rng = np.random.default_rng(0)
    real = np.array([real_run(rng, 20) for _ in range(300)]) / flow
    assert abs(real.mean() - expected) < 4 * real.std(ddof=1) / 300**0.5
    simulated = stopped_each(rng, 20, 50_000)
    assert abs(simulated.mean() - expected) < 4 * simulated.std(ddof=1) / 50_000**0.5
    assert simulated.std(ddof=1) == pytest.approx(real.std(ddof=1), rel=0.25)


def test_the_seed_decides_the_simulated_runs() -> None:
    one, other = by_id(seed=1), by_id(seed=2)
    assert one["minibatch-run-by-run"].numbers != other["minibatch-run-by-run"].numbers
    assert one["minibatch-limit"].numbers == other["minibatch-limit"].numbers

"""Intervals against formulas by hand, SciPy's own, and draws with a known truth."""

import math

import numpy as np
import pytest
import scipy.stats

from isoloss.comparison import bootstrap_intervals, resampled_intervals


def test_the_corrected_interval_by_hand() -> None:
    # mean 0.2, s² = 0.02/3; variance of the mean (1/4 + 1/2) s² = 0.005; t_3(0.975) = 3.18245
    found = resampled_intervals([0.1, 0.3, 0.2, 0.2], test_per_train=0.5)
    assert float(found.estimate) == pytest.approx(0.2, rel=1e-14)
    half = 3.182446305284263 * math.sqrt(0.005)
    assert float(found.high) == pytest.approx(0.2 + half, rel=1e-12)
    assert float(found.low) == pytest.approx(0.2 - half, rel=1e-12)


def test_independent_data_sets_have_the_usual_interval_with_bonferronis_correction() -> None:
    values = np.random.default_rng(0).normal(size=(12, 2, 3))
    found = resampled_intervals(values, 0.0, confidence=0.9)
    for place in np.ndindex(2, 3):
        usual = scipy.stats.ttest_1samp(values[:, *place], 0).confidence_interval(1 - 0.1 / 6)
        assert (found.low[place], found.high[place]) == pytest.approx(usual, rel=1e-12)
    wider = resampled_intervals(values[:, 0, 0], 0.0, confidence=0.9, comparisons=6)
    assert float(wider.high) == pytest.approx(found.high[0, 0], rel=1e-12)


def test_scales_at_the_ends_of_float64() -> None:
    values = np.array([1.0, 3.0, 2.0, 2.0])
    found = resampled_intervals(values, 0.5)
    for scale in (1e-300, 5e307):
        there = resampled_intervals(scale * values, 0.5)
        assert float(there.estimate) == pytest.approx(scale * 2.0)
        if scale < 1:
            assert float(there.high) == pytest.approx(scale * float(found.high))
    same = resampled_intervals(np.zeros((3, 2)), 1.0)
    assert not same.low.any()
    assert not same.high.any()


def test_splits_of_one_data_set_are_covered() -> None:
    # The mean of one sample, estimated from test rows of random splits: what is shared between
    # splits is the sample, so that naive intervals miss often.
    rng, missed, naive = np.random.default_rng(1), 0, 0
    for _ in range(400):
        sample = rng.normal(size=40)
        means = [rng.permutation(sample)[:20].mean() for _ in range(15)]
        found = resampled_intervals(means, 1.0)
        missed += not found.low <= 0 <= found.high
        plain = resampled_intervals(means, 0.0)
        naive += not plain.low <= 0 <= plain.high
    assert missed / 400 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)
    assert naive / 400 > 0.3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.1], 1.0), "at least 2 splits; got 1"),
        ((0.1, 1.0), "at least 2 splits; got 1"),
        (([0.1, math.nan], 1.0), "differences must be finite"),
        (([0.1, math.inf], 1.0), "differences must be finite"),
        (([0.1, 0.2], -1.0), "test_per_train must be finite and at least 0; got -1.0"),
        (([0.1, 0.2], math.nan), "test_per_train must be finite"),
    ],
)
def test_what_has_no_corrected_interval(arguments: tuple[object, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resampled_intervals(*arguments)  # type: ignore[arg-type]  # wrong on purpose


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="confidence must be between 0 and 1"):
        resampled_intervals([0.1, 0.2], 1.0, confidence=1)
    with pytest.raises(ValueError, match="comparisons must be a whole number of at least 3"):
        resampled_intervals(np.zeros((2, 3)), 1.0, comparisons=2)
    losses = np.ones((5, 2))
    with pytest.raises(ValueError, match="draws must be a whole number of at least 19"):
        bootstrap_intervals(losses, losses, draws=18)
    with pytest.raises(ValueError, match=r"one shape \(rows, models\); got \(5, 2\) and \(5, 1\)"):
        bootstrap_intervals(losses, losses[:, :1])
    with pytest.raises(ValueError, match="at least 2 test rows; got 1"):
        bootstrap_intervals(losses[:1], losses[:1])
    with pytest.raises(ValueError, match="at least 0, as squared errors are"):
        bootstrap_intervals(-losses, losses)
    with pytest.raises(ValueError, match="a reference whose loss is above 0"):
        bootstrap_intervals(losses, 0 * losses)
    with pytest.raises(ValueError, match="losses must be finite"):
        bootstrap_intervals(np.nan * losses, losses)
    with pytest.raises(TypeError, match="truth value"):
        resampled_intervals([True, False], 1.0)


def plain_bootstrap(losses: np.ndarray, reference: np.ndarray, draws: int) -> np.ndarray:
    """Return half widths from a loop over draws, with each ratio's own standard error."""
    rng, rows = np.random.default_rng(9), len(losses)

    def estimate(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ratio = ours.mean(0) / theirs.mean(0)
        spread = (ours - ratio * theirs) / theirs.mean(0)
        return ratio, np.sqrt((spread**2).mean(0) / rows)

    ratio, error = estimate(losses, reference)
    largest = []
    for _ in range(draws):
        drawn = rng.integers(rows, size=rows)
        again, own = estimate(losses[drawn], reference[drawn])
        largest.append(np.abs((again - ratio) / own).max())
    return error * np.quantile(largest, 0.95)


def test_the_bootstrap_against_a_loop() -> None:
    rng = np.random.default_rng(3)
    common = rng.normal(size=(60, 1))
    losses = (common + 0.5 * rng.normal(size=(60, 4))) ** 2
    reference = (common + 0.3 * rng.normal(size=(60, 4))) ** 2
    found = bootstrap_intervals(losses, reference)
    np.testing.assert_allclose(found.estimate, losses.mean(0) / reference.mean(0) - 1, rtol=1e-12)
    half = (found.high - found.low) / 2
    # the quantile of 2,000 draws is known to some 3 %
    np.testing.assert_allclose(half, plain_bootstrap(losses, reference, 2000), rtol=0.1)
    again = bootstrap_intervals(1e300 * losses, 1e300 * reference)
    np.testing.assert_allclose(again.low, found.low, rtol=1e-9)


def test_the_bootstrap_covers_all_models_together() -> None:
    rng, missed, repeats = np.random.default_rng(4), 0, 200
    for seed in range(repeats):
        common = rng.normal(size=(80, 1))
        losses = (common + np.sqrt([0.1, 0.5, 1.0]) * rng.normal(size=(80, 3))) ** 2
        found = bootstrap_intervals(losses, np.repeat(common**2, 3, axis=1), draws=199, seed=seed)
        truth = np.array([0.1, 0.5, 1.0])  # E(z + e)² / E z² - 1
        missed += not ((found.low <= truth) & (truth <= found.high)).all()
    assert missed / repeats <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / repeats)


def test_what_does_not_vary_has_no_width_and_few_rows_have_an_infinite_one() -> None:
    reference = np.random.default_rng(5).chisquare(1, size=(30, 2))
    found = bootstrap_intervals(reference * [1.1, 1.0], reference)
    np.testing.assert_allclose(found.low, [0.1, 0.0], atol=1e-12)
    np.testing.assert_allclose(found.high, [0.1, 0.0], atol=1e-12)
    mixed = bootstrap_intervals(reference * [1.1, 1.0] + [0.0, 0.1], reference)
    assert mixed.high[0] - mixed.low[0] < 1e-12 < mixed.high[1] - mixed.low[1] < math.inf
    few = bootstrap_intervals([[1.0], [2.0]], [[1.0], [1.0]])
    assert (few.low[0], few.high[0]) == (-math.inf, math.inf)

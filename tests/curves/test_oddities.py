import numpy as np
import pytest

from isoloss.curves.oddities import gap, missing, rounding, smoothing, spikes

NAN = float("nan")
RNG = np.random.default_rng(1)
T = np.arange(1.0, 2001)
LAW = 2 + 3 * T**-0.4


def noisy(scale: float = 0.02) -> np.ndarray:
    return LAW + scale * np.random.default_rng(1).normal(size=T.size)


def exponential(losses: np.ndarray, weight: float) -> np.ndarray:
    found = losses.copy()
    for i in range(1, losses.size):
        found[i] = weight * found[i - 1] + (1 - weight) * losses[i]
    return found


@pytest.mark.parametrize("length", [1, 3, 8])
def test_spikes_are_found_and_nothing_else(length: int) -> None:
    losses = noisy()
    assert not spikes(losses).any()
    places = np.concatenate([np.arange(300, 300 + length), np.arange(1500, 1500 + length)])
    losses[places] += 0.5
    losses[100] = NAN
    np.testing.assert_array_equal(np.flatnonzero(spikes(losses)), places)
    losses[700] -= 0.5  # a fall is no spike
    assert spikes(losses).sum() == places.size


def test_jumps_and_decays_are_no_spikes() -> None:
    losses = noisy(0.01)
    losses[1000:] -= 0.3
    losses[1500:] += 0.5
    assert not spikes(losses).any()
    assert not spikes(LAW).any()
    assert not spikes(LAW.round(2)).any()
    assert not spikes(np.array([3.0, 9.0, 2.0])).any()


def test_smoothing_is_found() -> None:
    assert not smoothing(noisy())
    for weight in (0.6, 0.9, 0.99):
        assert "as if the curve had been smoothed" in smoothing(exponential(noisy(), weight))
    mean = np.convolve(noisy(), np.ones(20) / 20, "valid")
    assert "independent noise gives -0.67" in smoothing(mean)
    apart = noisy().reshape(-1, 4).mean(axis=1)  # means of rows that share none
    assert not smoothing(apart)
    spiky = noisy()
    spiky[1500] = 9
    assert not smoothing(spiky)
    jump = noisy()
    jump[1500:] -= 3
    assert not smoothing(jump)
    assert not smoothing(np.full(1000, 2.0))
    assert not smoothing(exponential(noisy(), 0.9)[:300])  # too few to tell


def test_smoothing_is_seldom_said_of_independent_noise() -> None:
    draws = [LAW[-600:] + 0.02 * RNG.normal(size=600) for _ in range(300)]
    assert not any(smoothing(each) for each in draws)  # at 4 standard errors, 1 in 30,000


def test_gaps() -> None:
    step = np.arange(0.0, 1000, 5)
    assert not gap(step)
    assert gap(np.concatenate([step, step + 1200])) == (
        "There is no row between steps 995 and 1200, 9.3% of the run."
    )
    assert not gap(np.concatenate([step, step + 1050]))  # 2.5 % of the run
    assert not gap(np.array([1.0, 2.0, 1000.0]))
    assert not gap(np.repeat(step[:15], 2))  # losses and rates in rows of their own


def test_missing_losses() -> None:
    step = np.arange(1.0, 6)
    loss, lr = np.array([3, NAN, 2, NAN, 1]), np.full(5, 0.1)
    said = "2 of 5 rows have no loss (empty or NaN), first at step 2."
    assert missing(step, loss, None, None) == said
    assert missing(step, loss, None, lr) == said
    assert not missing(step, loss, np.array([NAN, 3, NAN, 3, NAN]), lr)
    assert not missing(step, loss, None, np.where(np.isnan(loss), NAN, 0.1))
    assert not missing(step, loss, None, np.where(np.isnan(loss), 0.1, NAN))  # Lightning's rates
    assert not missing(step, np.ones(5), None, None)


def test_a_diverged_run() -> None:
    loss = np.array([3, 2, NAN, NAN, NAN])
    found = missing(np.arange(1.0, 6), loss, None, np.full(5, 0.1))
    assert found == "No row after step 2 has a loss: did the run diverge there?"


def test_rounding_that_hides_the_noise_is_said() -> None:
    assert not rounding(noisy())
    assert not rounding(noisy().round(2))  # as much as the noise
    coarse = noisy().round(1)
    assert "neighbouring losses are equal, as if they had been rounded" in rounding(coarse)
    assert not rounding(np.full(1000, 2.0))  # constant, which is said elsewhere
    assert not rounding(coarse[:100])  # too few to tell

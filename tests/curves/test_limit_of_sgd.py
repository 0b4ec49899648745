"""The law with c = 0 is the limit of SGD on least squares with a power-law spectrum.

The limit is one of small rates η at fixed S ∝ Σ η, with label noise σ² ∝ 1/η: noise then stays as
large as it is, and rises above the excess. Everything that the law leaves out is linear in η: steps
1 − 2ηγ in place of exponentials, and minibatch noise that is proportional to σ² plus the excess.
"""

import numpy as np
import pytest
from scipy.special import gamma, zeta

import isoloss as il
from isoloss import families
from isoloss.curves.filtered_runs import FilteredRuns
from isoloss.curves.law_parameters import LawParameters, log_loss
from isoloss.curves.spectrum import CURVATURES, kernel, weights

REFERENCE, STEPS, BATCH, LABEL_NOISE = 2e-3, 2000, 4, 40.0
SIGNAL, ALPHA = 1.0, 0.5
UNIT = 4000 * REFERENCE  # λ = UNIT·γ: a thousand steps at the reference rate shrink γδ² by e^(−λ)
ROWS, COMPARED = 400, 8  # the more rows, the shorter the law's blocks of constant rate

SCHEDULES = {
    "constant": lambda lr, steps: il.Schedule(families.constant(lr, steps)),
    "cosine": lambda lr, steps: il.Schedule(families.cosine(lr, steps)),
    "step": lambda lr, steps: il.Schedule(
        il.GradientDescent(np.where(np.arange(steps) < 0.75 * steps, lr, lr / 10))
    ),
}


def signal_by_direction():
    """Return excess losses whose filter is SIGNAL·S^(−ALPHA) for S ≥ 1, on the law's own grid."""
    spacing = np.log(CURVATURES[1] / CURVATURES[0])
    found = SIGNAL * spacing * CURVATURES**ALPHA / gamma(ALPHA)
    found[0] /= -np.expm1(-ALPHA * spacing)  # with all below it, which has no time to shrink
    return np.where(CURVATURES < 30, found, 0)


def law_of_train_loss(label_noise):
    """Return a problem with curvatures i^(−5), roughly, and the noise that the law gives it."""
    grid = CURVATURES < 200
    counts = np.rint((CURVATURES[grid] / CURVATURES[grid][-1]) ** (-1 / 5)).astype(int)
    curvature = np.repeat(CURVATURES[grid], counts) / UNIT
    start = np.sqrt(np.repeat(signal_by_direction()[grid] / counts, counts) / curvature)
    problem = il.Problem.from_spectra(curvature, curvature, start, train_noise=label_noise)

    def law(runs):
        time, noise = runs.at(0.0, 1.0)
        of_reference = REFERENCE * label_noise / BATCH * counts * CURVATURES[grid] / UNIT
        return label_noise + SIGNAL * time**-ALPHA + noise[:, grid] @ of_reference

    return problem, law


def law_of_test_loss(label_noise):
    """Return a problem whose test covariance weights noise as the law does, and the closed form."""
    floor, cutoff, exponent, largest_noise = 2.0, 10.0, 0.4, 0.5
    grid = CURVATURES / cutoff < 30
    test = weights(cutoff, exponent)[grid] * largest_noise * BATCH / (REFERENCE * LABEL_NOISE)
    start = np.sqrt(signal_by_direction()[grid] / test)
    problem = il.Problem.from_spectra(
        CURVATURES[grid] / UNIT, test, start, noise=floor, train_noise=label_noise
    )
    noise = largest_noise * label_noise / LABEL_NOISE
    parameters = LawParameters(floor, SIGNAL, ALPHA, noise, exponent, 0.0, cutoff, 1.0)
    return problem, lambda runs: np.exp(log_loss(parameters, runs))


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("law_of", [law_of_train_loss, law_of_test_loss])
def test_sgd_and_the_law_come_together_linearly(law_of, name):
    errors = []
    for halvings in range(4):
        scale = 2**halvings
        schedule = SCHEDULES[name](REFERENCE / scale, STEPS * scale)
        rates = schedule.learning_rates()
        rows = np.arange(1, ROWS + 1) * (rates.size // ROWS)
        problem, law = law_of(LABEL_NOISE * scale)
        predicted = law(FilteredRuns([(rates, rows)], REFERENCE, np.array([0.0])))
        noisy = schedule.with_settings(batch_size=BATCH, sampling="gaussian")
        path = il.train(problem, noisy).path(COMPARED)
        trained = path.train_loss if law_of is law_of_train_loss else path.test_loss
        compared = np.searchsorted(rows, path.steps[1:])
        assert (rows[compared] == path.steps[1:]).all()
        errors.append(trained[1:] - predicted[compared])
    # The signal is a power law of S from about 1 on, which is half of the constant run.
    late = np.cumsum(rates)[path.steps[1:] - 1] / REFERENCE / 1000 > 0.9
    errors = np.array(errors)[:, late]
    assert errors.shape[1] >= 3
    assert (np.abs(errors[0]) > 1e-3).all()  # the two do differ
    ratios = errors[:-1] / errors[1:]
    np.testing.assert_allclose(ratios[-1], 2, atol=0.025)
    # What is left is of second order: it halves too, and extrapolating it leaves 2.
    np.testing.assert_allclose(2 * ratios[2] - ratios[1], 2, atol=0.005)


def test_noise_below_the_excess_is_more_than_the_law_says():
    # Minibatch noise is proportional to σ² plus the excess. With a fixed σ², no small rate helps.
    added = []
    for scale in (1, 2, 4, 8):
        problem, law = law_of_train_loss(1.0)
        schedule = SCHEDULES["constant"](REFERENCE / scale, STEPS * scale)
        noisy = schedule.with_settings(batch_size=BATCH, sampling="gaussian")
        rates, rows = schedule.learning_rates(), np.arange(1, 9) * STEPS * scale // 8
        predicted = law(FilteredRuns([(rates, rows)], REFERENCE, np.array([0.0])))[-1]
        noise = predicted - 1.0 - SIGNAL * (STEPS / 1000) ** -ALPHA
        runs = il.train(problem, [noisy, schedule]).train_loss
        added.append((runs[0] - runs[1]) / noise)
    assert min(added) > 1.5
    assert added[2] / added[3] == pytest.approx(1, abs=0.02)


DECAY_OF_CURVATURE, DECAY_OF_SIGNAL, DIRECTIONS = 2.5, 1.75, 600
INDEX = np.arange(1, DIRECTIONS + 1)
TOP = 0.5  # the largest curvature
WINDOW = np.geomspace(300, 3000, 5)  # of λ₁S, where many directions are learned and many are not


def test_a_power_law_of_curvatures_gives_the_signal_its_exponent_and_size():
    curvature = TOP * INDEX**-DECAY_OF_CURVATURE
    start = np.sqrt(INDEX**-DECAY_OF_SIGNAL / curvature)
    problem = il.Problem.from_spectra(curvature, curvature, start)
    exponent = (DECAY_OF_SIGNAL - 1) / DECAY_OF_CURVATURE
    size = gamma(exponent) / DECAY_OF_CURVATURE
    frozen = zeta(DECAY_OF_SIGNAL, DIRECTIONS + 1)  # in directions that the problem does not have
    for passed in WINDOW:
        flow = il.train(problem, il.GradientFlow(passed / (4 * TOP)))
        # What is left: the frozen directions shrink by up to λ_d S in a power law without an end.
        allowed = 1e-5 + frozen * passed * DIRECTIONS**-DECAY_OF_CURVATURE
        assert flow.train_loss == pytest.approx(size * passed**-exponent - frozen, abs=allowed)


def test_noise_that_is_no_longer_fed_falls_as_the_kernel_does():
    curvature = TOP * INDEX**-DECAY_OF_CURVATURE
    problem = il.Problem.from_spectra(curvature, curvature, np.zeros(DIRECTIONS), train_noise=1.0)
    rate, batch = 1e-5, 8
    fed = il.GradientDescent(rate, 10**15, batch_size=batch, sampling="gaussian")
    noise = il.train(problem, fed).train_loss - 1.0
    assert noise == pytest.approx(rate * curvature.sum() / batch, rel=1e-5)

    exponent = 1 - 1 / DECAY_OF_CURVATURE
    trace = zeta(DECAY_OF_CURVATURE)
    # λ₁ = 1: S is in units of one over the largest
    cutoff = (DECAY_OF_CURVATURE * trace / gamma(exponent)) ** (1 / exponent)
    frozen = zeta(DECAY_OF_CURVATURE, DIRECTIONS + 1)
    for passed in WINDOW:
        flow = fed + il.GradientFlow(passed / (4 * TOP))
        left = (il.train(problem, flow).train_loss - 1.0) * batch / (rate * TOP * trace)
        power = (cutoff * passed) ** -exponent
        assert left == pytest.approx(power - frozen / trace, rel=1e-4)
        away = exponent / (cutoff * passed)  # a spectrum ends in its own way at high curvatures
        assert kernel(passed, cutoff, exponent) == pytest.approx(power, rel=1.01 * away)

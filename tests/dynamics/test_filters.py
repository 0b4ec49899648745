"""What a phase does to one direction, in every shape: exact factors, signs and magnitudes."""

import math

import numpy as np
import pytest
import reference

import isoloss as il

SPECTRA = {
    "one curvature": [0.00728516],
    "a batch of one": [[0.00728516]],
    "a batch of three": [[0.00728516], [0.00728517], [0.1]],
    "two": [0.00728516, 0.1],
    "equal": [0.00728516] * 3,
    "many": [0.00728516, *np.geomspace(0.0073, 0.02, 300)],
}


@pytest.mark.parametrize("offset", [0.0, 1e-13, -1e-12, 1e-9, 1e-4])
@pytest.mark.parametrize("others", [[], [0.0], [1e-3, 0.7], list(np.linspace(0.4, 0, 60))])
@pytest.mark.parametrize("name", SPECTRA)
def test_a_factor_near_zero_keeps_its_digits(name: str, others: list, offset: float) -> None:
    # 1 - 2ηγ of these very binary numbers: not zero, though float64 may make it so.
    train = np.array(SPECTRA[name])
    lr = 0.5 / 0.00728516 * (1 + offset)
    rates = [lr, *(lr * x for x in others)]
    run = il.train(il.Problem.from_spectra(train, [1.0], [1.0]), il.GradientDescent(rates))
    got = np.asarray(run.residual()).ravel()
    for value, gamma in zip(got, train.ravel(), strict=True):
        wanted = reference.from_spectra([gamma], [1.0], [1.0]).run([("rates", rates)]).h[0]
        assert reference.relative(value, wanted) < 1e-12


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 10**6, 10**6 + 1, 10**9])
@pytest.mark.parametrize("lr", [0.0, 0.4, 0.5, 0.5 * (1 + 1e-15), 1.0, 1.0 + 1e-9, 3.0, 1e200])
def test_powers_have_the_sign_and_size_of_the_factor(lr: float, steps: int) -> None:
    problem = il.Problem.from_spectra([1.0, 1 / 3], [1.0, 1.0], [1.0, -2.0])
    got = np.asarray(il.train(problem, il.GradientDescent(lr, steps)).residual())
    wanted = reference.from_spectra([1.0, 1 / 3], [1.0, 1.0], [1.0, -2.0])
    h = wanted.run([("gd", lr, steps)]).h
    for value, exact in zip(got, (h[0], -2 * h[1]), strict=True):
        if abs(exact) < reference.mp.mpf("1e-300"):
            assert abs(value) < 1e-299
        elif abs(exact) > reference.mp.mpf("1e308"):
            assert value == (math.inf if exact > 0 else -math.inf)
        else:
            assert reference.relative(value, exact) < 1e-12


@pytest.mark.parametrize("rates", [[0.5, 0.5, 0.5], [2.0, 0.4, 0.0, 0.9], [0.3]])
def test_the_order_of_phases_does_not_matter_to_the_end(rates: list) -> None:
    problem = il.Problem.from_spectra([1.0, 0.2, 0.0], [1.0, 1.0, 1.0], [1.0, -2.0, 3.0])
    one, two, three = il.GradientDescent(rates), il.GradientFlow(0.7), il.GradientDescent(0.9, 4)
    wanted = np.asarray(il.train(problem, il.Schedule(one, two, three)).residual())
    for order in ((two, one, three), (three, two, one), (three, one, two)):
        got = np.asarray(il.train(problem, il.Schedule(*order)).residual())
        np.testing.assert_allclose(got, wanted, rtol=1e-13, atol=1e-30)


def test_a_diverging_direction_returns_with_the_sign_of_its_steps() -> None:
    # The 1/4 draw: a factor -2 a step; the flow brings back the size, not the sign.
    problem = il.Problem.from_spectra([1.0, 0.0], [0.5, 0.5], [-10.0, -10.0])
    for steps in (0, 1, 2000, 2001, 10**6, 10**9, 10**9 + 1):
        run = il.train(problem, il.anneal(1.5, steps), train_loss=0.1)
        sign = -1.0 if steps % 2 == 0 else 1.0
        np.testing.assert_allclose(run.residual(), [sign * math.sqrt(0.1), -10.0], rtol=1e-12)
        assert float(run.test_loss) == pytest.approx(50.05, rel=1e-14)
        # 2^K e^(-2t) · 10 = √0.1
        wanted = 0.5 * (steps * math.log(2.0) + math.log(10.0 / math.sqrt(0.1)))
        assert float(run.time) == pytest.approx(wanted, rel=1e-13)

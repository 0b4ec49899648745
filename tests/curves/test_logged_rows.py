import numpy as np
import pytest
from curve_runs import PEAK, drawn

from isoloss import curves
from isoloss.curves.logged_rows import chosen_rows, row_noise
from isoloss.schedules.families import cosine, warmup_stable_decay


def test_rows_from_the_first_eighth_of_the_shortest_run_are_left_out():
    runs = [drawn(cosine(PEAK, steps), "") for steps in (4000, 8000)]
    found, first, dropped = chosen_rows(runs, "loss", None)
    assert (first, dropped) == (500, 8)
    assert [each.step[0] for each in found] == [500, 500]


def test_rows_before_the_first_rate_are_left_out():
    rates = np.concatenate([np.zeros(300), np.full(700, PEAK)])
    run = curves.LossCurve(np.arange(100, 1001, 100), np.linspace(3, 2, 10), rates)
    found, _, dropped = chosen_rows([run], "loss", 0)
    assert found[0].step[0] == 400
    assert dropped == 3


def test_noise_of_rows_is_told_from_their_trend():
    rng = np.random.default_rng(0)
    trend = 3 / np.sqrt(np.arange(100, 1100))
    assert row_noise(trend + 0.01 * rng.normal(size=1000)) == pytest.approx(0.01, rel=0.15)
    assert row_noise(trend[:2]) == 0


def test_averages_are_finer_where_the_rate_changes_and_keep_a_jump():
    run = drawn(warmup_stable_decay(PEAK, 10_000, warmup=0, decay=1000), "", every=1)
    (found,), _, _ = chosen_rows([run], "loss", 100)
    assert 150 <= found.step.size <= 200
    assert (np.diff(found.step) > 0).all()
    late = np.diff(found.step[found.step > 9000]).mean()
    before = np.diff(found.step[(found.step > 5000) & (found.step < 9000)]).mean()
    assert late < before / 3
    exact = np.interp(found.step, run.step, np.log(run.loss))
    np.testing.assert_allclose(found.log_loss, exact, atol=2e-3)

import numpy as np
import pytest
from curve_runs import PEAK, TRUE, drawn, three_runs

from isoloss import curves
from isoloss.schedules.families import constant, cosine, warmup_stable_decay


def test_a_law_forecasts_runs_that_follow_it(law):
    for schedule in [
        cosine(PEAK, 16_000),
        warmup_stable_decay(PEAK, 12_000, warmup=200, decay=6000),
    ]:
        truth = drawn(schedule, "", noise=0)
        found = law.predict(schedule, at=truth.step)
        late = truth.step >= 1000
        np.testing.assert_allclose(found.loss[late], truth.loss[late], rtol=2e-3)
        assert found.low[-1] < truth.loss[-1] < found.high[-1]


def test_without_priors_noiseless_runs_give_the_parameters_back():
    runs = [*three_runs(noise=0), drawn(constant(2 * PEAK, 4000), "high", noise=0)]
    law = curves.fit(runs, priors=None, after=500)
    assert law.reference == 2 * PEAK
    found = vars(law.parameters)
    # in the units of the new reference, S is half as large, and c four times
    for name, expected in {
        "floor": TRUE.floor,
        "signal_exponent": TRUE.signal_exponent,
        "norm_growth": 4 * TRUE.norm_growth,
        "norm_exponent": TRUE.norm_exponent,
    }.items():
        assert found[name] == pytest.approx(expected, rel=0.02), name


def test_fixed_parameters_stay(runs):
    law = curves.fit(runs, fixed={"cutoff": 300, "norm_exponent": 1.4})
    assert law.parameters.cutoff == pytest.approx(300, rel=1e-14)
    assert law.parameters.norm_exponent == pytest.approx(1.4, rel=1e-14)
    assert np.diag(law.covariance)[6] == 0
    assert np.diag(law.covariance)[0] > 0


def test_without_weight_decay_the_norm_is_constant():
    run = drawn(cosine(PEAK, 4000), "sgd", decay=0.0)
    law = curves.fit(run)
    assert law.parameters.norm_growth == 0
    assert "The weight norm is taken to be constant (c = 0)." in law.notes
    assert curves.fit(run, weight_norm=True).parameters.norm_growth > 0


def test_an_outlier_hardly_moves_the_fit(runs, law):
    loss = runs[0].loss.copy()
    loss[40] *= 3
    spiked = curves.LossCurve(runs[0].step, loss, runs[0].rates, weight_decay=0.1)
    other = curves.fit([spiked, *runs[1:]])
    assert other.parameters.floor == pytest.approx(law.parameters.floor, rel=5e-3)


@pytest.mark.parametrize("unit", [1e150, 1e-300])
def test_losses_in_another_unit_give_the_law_in_that_unit(runs, law, unit):
    scaled = [
        curves.LossCurve(each.step, unit * each.loss, each.rates, weight_decay=0.1) for each in runs
    ]
    other = curves.fit(scaled)
    assert other.parameters.floor == pytest.approx(unit * law.parameters.floor, rel=1e-6)
    expected = unit * np.array(law.predict("cosine(1, 9000)").final)
    np.testing.assert_allclose(other.predict("cosine(1, 9000)").final, expected, rtol=1e-6)


def test_what_a_run_does_not_tell_does_not_blur_what_it_tells():
    # A constant rate determines neither the floor nor the noise, but it does their sum.
    law = curves.fit(drawn(constant(PEAK, 8000), "", decay=0.0), weight_norm=False)
    assert np.diag(law.covariance)[3] > 0.2
    loss, low, high = law.predict("constant(1, 10000)").final
    assert 0.005 < (high - low) / loss < 0.02


def test_rates_in_another_unit_give_the_same_forecast(runs, law):
    scaled = [
        curves.LossCurve(each.step, each.loss, 1e-3 * each.rates, weight_decay=100.0)
        for each in runs
    ]
    other = curves.fit(scaled, priors=None, fixed={"cutoff": 250, "norm_exponent": 1.45})
    own = curves.fit(runs, priors=None, fixed={"cutoff": 250, "norm_exponent": 1.45})
    assert other.predict("cosine(1, 9000)").final == pytest.approx(
        own.predict("cosine(1, 9000)").final, rel=1e-5
    )


def test_many_rows_are_averaged():
    every = [drawn(cosine(PEAK, 8000), "", every=step, seed=5) for step in (5, 100)]
    found = [curves.fit(run).predict("constant(1, 9000)").final[0] for run in every]
    assert found[0] == pytest.approx(found[1], rel=4e-3)


def test_early_rows_are_left_out_and_said(runs, law):
    assert law.notes == (
        "27 rows before step 1000 were left out: the early descent follows no power law.",
    )
    assert curves.fit(runs, after=0).notes == ()


def test_test_losses_are_fitted_where_all_runs_have_them():
    run = drawn(cosine(PEAK, 4000), "")
    both = curves.LossCurve(
        run.step, run.loss, run.rates, test_loss=1.1 * run.loss, weight_decay=0.1
    )
    assert curves.fit(both).target == "test_loss"
    assert curves.fit([both, run]).target == "loss"
    with pytest.raises(ValueError, match=r"target must be 'loss' or 'test_loss'; got 'test'"):
        curves.fit(both, target="test")


def test_assumed_weight_decay_is_said():
    run = drawn(cosine(PEAK, 4000), "")
    silent = curves.LossCurve(run.step, run.loss, run.rates)
    law = curves.fit(silent, after=0)
    note = law.notes[0]
    assert note.startswith(
        "The runs do not record their weight decay; it is taken to be 0.1000. If"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"runs": []}, "give at least one run"),
        ({"fixed": {"cutof": 3}}, r"'cutof' is not one \(did you mean 'cutoff'"),
        ({"fixed": {"floor": 0}}, "fixed parameters must be positive numbers; got floor = 0"),
        ({"after": 7900}, "'constant' has 2 rows from step 7900 on; a law needs at least 5"),
        ({"after": -1}, "after"),
    ],
)
def test_bad_arguments_are_refused(runs, change, message):
    with pytest.raises(ValueError, match=message):
        curves.fit(**{"runs": runs} | change)


def test_bad_runs_are_refused(runs):
    with pytest.raises(
        TypeError, match=r"runs must be LossCurves, as curves\.read returns them; got 3"
    ):
        curves.fit([3])
    step, rates = runs[0].step, runs[0].rates
    negative = curves.LossCurve(step, runs[0].loss - 3, rates, name="shifted")
    with pytest.raises(
        ValueError, match=r"'shifted' has the loss -.*the law describes losses above 0"
    ):
        curves.fit(negative)
    sizes = [curves.LossCurve(step, runs[0].loss, rates, batch_size=size) for size in (16, 32)]
    with pytest.raises(ValueError, match="the runs have batch sizes 16, 32"):
        curves.fit(sizes)
    decays = [curves.LossCurve(step, runs[0].loss, rates, weight_decay=d) for d in (0.1, 0.2, None)]
    with pytest.raises(ValueError, match=r"some runs have weight decay 0.1000, 0.2000, and others"):
        curves.fit(decays)


def test_constant_loss_is_a_law_without_signal():
    run = drawn(constant(PEAK, 4000), "")
    with pytest.warns(UserWarning, match="same"):
        flat = curves.LossCurve(run.step, np.full(run.step.size, 2.0), run.rates, weight_decay=0.1)
    loss, low, high = curves.fit(flat).predict("constant(1, 8000)").final
    assert low < 2 < high
    assert loss == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"priors": {"cutof": 1}}, ValueError, "priors has 'cutof' .did you mean 'cutoff'"),
        ({"priors": {"cutoff": 300.0}}, TypeError, r"priors\['cutoff'\] must be a Prior; got 300"),
        ({"priors": "none"}, TypeError, "priors must map names of parameters to Prior; got 'none'"),
        ({"fixed": {"floor": "2"}}, TypeError, "floor must be numbers; got '2'"),
        ({"fixed": {1: 2.0}}, ValueError, "fixed must name parameters of the law; 1 is not one"),
        ({"runs": None}, TypeError, r"runs must be LossCurves, as .* returns them; got None"),
    ],
)
def test_arguments_of_other_kinds_are_refused(runs, given, error, message):
    with pytest.raises(error, match=message):
        curves.fit(**{"runs": runs} | given)


def test_schedules_that_tell_little_are_said():
    constant, wsd, _ = three_runs()
    (note,) = curves.fit(constant, after=0).notes
    assert note.startswith("There is one run only, so its loss cannot be split into signal and")
    slow = drawn(warmup_stable_decay(PEAK / 2, 8000, warmup=200, decay=0), "slow")
    (note,) = curves.fit([constant, slow], after=0).notes
    assert note.startswith("No run changes its rate after the warm-up")
    assert curves.fit([constant, wsd], after=0).notes == ()


def test_rates_in_another_unit_are_doubted():
    def in_percent(run):
        return curves.LossCurve(run.step, run.loss, 100 * run.rates, weight_decay=0.1)

    runs = three_runs()
    (note,) = curves.fit([in_percent(run) for run in runs], after=0).notes
    assert note.startswith("The largest rate is 0.1000, and AdamW's are rarely above 0.01")
    both = curves.fit([in_percent(runs[0]), *runs[1:]], after=0).notes
    assert "differ by a factor of 200: are all in the same unit?" in both[-1]

import json
import math

import numpy as np
import pytest
from curve_runs import PEAK, TRUE, drawn, three_runs

from isoloss import GradientDescent, GradientFlow, curves
from isoloss.schedules.families import constant, cosine, warmup, warmup_stable_decay


def test_predictions_of_text_schedule_rates_and_run_agree(law):
    schedule = cosine(PEAK, 5000)
    run = drawn(schedule, "logged")
    expected = law.predict(schedule).final
    assert law.predict("cosine(1, 5000)").final == pytest.approx(expected, rel=1e-12)
    assert law.predict(schedule.learning_rates()).final == pytest.approx(expected, rel=1e-12)
    assert law.predict(run).final == pytest.approx(expected, rel=1e-12)
    assert law.predict(run).name == "logged"
    assert law.predict(list(schedule.learning_rates()), name="mine").name == "mine"


def test_asked_steps_are_those_of_the_whole_prediction(law):
    whole = law.predict("cosine(1, 5000)")
    part = law.predict("cosine(1, 5000)", at=[1250, 5000])
    assert part.step.tolist() == [1250, 5000]
    assert part.loss[0] == pytest.approx(np.interp(1250, whole.step, whole.loss), rel=1e-4)


def test_intervals_widen_with_their_confidence_the_horizon_and_the_peak(law):
    def width(schedule, **settings):
        loss, low, high = law.predict(schedule, **settings).final
        assert low < loss < high
        return math.log(high / low)

    assert width("constant(1, 8000)", confidence=0.99) > 1.5 * width(
        "constant(1, 8000)", confidence=0.9
    )
    assert width("constant(1, 80000)") > 3 * width("constant(1, 8000)")
    assert width("constant(3, 8000)") > 3 * width("constant(1, 8000)")
    assert width("constant(0.1, 8000)") > 3 * width("constant(0.5, 8000)")


def test_what_leaves_the_fitted_range_is_said(law):
    assert law.predict("constant(1, 8000)").notes == ()
    high, long = law.predict("constant(2, 16000)").notes
    assert "0.002000 is 2.00 times the largest fitted one" in high
    assert "2.00 times as long as the longest fitted one" in long
    (low,) = law.predict("constant(0.25, 8000)").notes
    assert "The smallest fitted peak is 2.00 times the peak" in low


def test_a_forecast_goes_on_from_a_run(law, runs):
    half_way = runs[0].until(3000)
    rest = law.best_schedule(1000, after=half_way)
    whole = np.concatenate([half_way.rates, rest.learning_rates()])
    found = law.predict(rest, after=half_way)
    assert found.final == law.predict(whole).final
    np.testing.assert_array_equal(found.rates, whole)
    compared = law.compare({"rest": rest, "none": "constant(1, 1000)"}, after=half_way)
    assert compared.forecasts["rest"].final == found.final
    with pytest.raises(TypeError, match="after must be the LossCurve of a run; got 3"):
        law.predict(rest, after=3)


def test_another_weight_decay_than_the_fitted_one_is_said(law):
    other = law.predict("cosine(1, 4000)", weight_decay=0.2)
    assert "have weight decay 0.1, not 0.2: how the loss depends on it" in other.notes[-1]
    assert law.predict("cosine(1, 4000)", weight_decay=0.1).notes == ()


def test_intervals_hold_for_new_runs_of_the_law():
    # Their misfit is only noise, so that 90 % intervals hold more often.
    held = 0
    for seed in range(20):
        law = curves.fit(three_runs(noise=1e-3, every=400) if seed == 0 else _seeded(seed))
        new = drawn(cosine(PEAK, 10_000), "", noise=1e-3, seed=1000 + seed)
        _, low, high = law.predict(new).final
        held += low < new.loss[-1] < high
    assert held >= 17  # at a true rate of 0.9, fewer happen in 13 % of cases


def _seeded(seed):
    return [
        drawn(constant(PEAK, 8000), "", noise=1e-3, every=400, seed=10 * seed),
        drawn(
            warmup_stable_decay(PEAK, 8000, warmup=0, decay=1600),
            "",
            noise=1e-3,
            every=400,
            seed=10 * seed + 1,
        ),
    ]


_COOLED = "warmup_stable_decay(1, 8000, warmup=0, decay=1600)"


def test_comparison_orders_schedules_and_pairs_their_differences(law):
    found = law.compare({"constant": "constant(1, 8000)", "cooled": _COOLED, "again": _COOLED})
    assert found.best == "cooled"
    assert found.differences["cooled"] == (0, 0, 0)
    loss, low, high = found.differences["constant"]
    assert loss == pytest.approx(
        found.forecasts["constant"].final[0] - found.forecasts["cooled"].final[0]
    )
    assert 0 < low < loss < high
    # nothing but the misfits of two runs lies between equal schedules
    _, low, high = found.differences["again"]
    size = law.misfit.of_new_run(law.fitted, PEAK, np.array([8000]))[0]
    half = law._quantile(0.9) * math.sqrt(2) * size * found.forecasts["cooled"].final[0]
    assert (high - low) / 2 == pytest.approx(half, rel=1e-9)
    text = str(found)
    assert text.splitlines()[1].startswith("cooled")
    assert "the best" in text
    assert repr(found) == "ForecastComparison(3 schedules, best 'cooled')"
    assert list(law.compare(["cosine(1, 500)"]).forecasts) == ["cosine(1, 500)"]
    with pytest.raises(ValueError, match="give at least one schedule"):
        law.compare({})


def test_best_schedule_beats_named_ones(law):
    best = law.best_schedule(8000, warmup=200)
    rates = best.learning_rates()
    assert rates.max() <= PEAK
    assert rates[0] == 0
    np.testing.assert_allclose(np.diff(rates[:200]), rates[200] / 200, rtol=0.01)
    others = {
        f"{share}%": warmup_stable_decay(PEAK, 8000, warmup=200, decay=80 * share)
        for share in (5, 10, 20, 40, 60, 90)
    }
    others["cosine"] = warmup(PEAK, 200) + cosine(PEAK, 7800)
    found = law.compare({"best": best} | others)
    assert found.best == "best"


def test_long_best_schedules_beat_a_cosine(law):
    best, cosine_ = law.best_schedule(1_000_000), "cosine(1, 1000000)"
    assert law.compare({"best": best, "cosine": cosine_}).best == "best"


def test_best_schedule_keeps_its_bounds(law):
    rates = law.best_schedule(3000, max_lr=2 * PEAK, min_lr=PEAK / 4).learning_rates()
    assert rates.max() == pytest.approx(2 * PEAK, rel=1e-12)
    assert rates.min() == pytest.approx(PEAK / 4, rel=1e-12)
    assert law.best_schedule(1).steps == 1


def test_best_schedule_continues_a_run(law, runs):
    first = runs[0]
    rest = law.best_schedule(2000, after=first)
    assert rest.steps == 2000

    def final(rates):
        return law.predict(np.concatenate([first.rates, rates])).final[0]

    linear = PEAK * np.linspace(1, 0, 2000)
    assert final(rest.learning_rates()) < final(linear) < final(np.full(2000, PEAK))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps"),
        ({"steps": 100, "max_lr": 0}, "rates need 0 <= min_lr < max_lr; got 0.0 and 0"),
        ({"steps": 100, "min_lr": 1}, "rates need 0 <= min_lr < max_lr; got 1 and 0.001"),
        ({"steps": 100, "warmup": 100}, "the warm-up must end within 100 steps; got 100"),
    ],
)
def test_bad_searches_are_refused(law, settings, message):
    with pytest.raises(ValueError, match=message):
        law.best_schedule(**settings)


@pytest.mark.parametrize(
    ("schedule", "settings", "message"),
    [
        ([0.0, 0.0], {}, "every learning rate is 0"),
        ([], {}, "the schedule has no step"),
        ("constant(1, 9, weight_decay=0.1)", {}, "a law takes that of the fitted runs, or the"),
        ("constant(1, 9, batch_size=8)", {}, "has a batch size; a law predicts runs with that"),
        ("cosine(1, ...)", {}, r"'cosine\(1, \.\.\.\)' has '\.\.\.' for its steps"),
        ([1e-3, -1e-3], {}, "lr must not be negative"),
        ("gd(1, 10) > flow", {}, "gradient flow, which no optimizer runs; a law predicts steps"),
        (GradientDescent(1e-3, 10) + GradientFlow(1.0), {}, "gradient flow"),
        (
            "constant(1, 10)",
            {"confidence": 1},
            "confidence must be between 0 and 1, such as 0.9; got 1",
        ),
        ("constant(1, 10)", {"at": [11]}, "at must be increasing steps from 1, .* to 10, the last"),
        ("constant(1, 10)", {"at": [5, 5]}, "at must be increasing"),
    ],
)
def test_bad_predictions_are_refused(law, schedule, settings, message):
    with pytest.raises(ValueError, match=message):
        law.predict(schedule, **settings)


def test_runs_of_several_weight_decays_need_one_for_a_forecast():
    law = curves.fit(
        [drawn(cosine(PEAK, 4000), "", decay=0.1), drawn(cosine(PEAK, 4000), "", decay=0.2)]
    )
    with pytest.raises(ValueError, match="different weight decays; give weight_decay"):
        law.predict("cosine(1, 4000)")
    truth = drawn(cosine(PEAK, 6000), "", decay=0.2, noise=0).loss[-1]
    loss = law.predict("cosine(1, 6000)", weight_decay=0.2).final[0]
    assert loss == pytest.approx(truth, rel=5e-3)


def test_json_round_trip(law, tmp_path):
    path = law.save(tmp_path / "law.json")
    again = curves.Law.load(path)
    assert again == law
    assert hash(again) == hash(law)
    assert again.predict("cosine(1, 4000)").final == law.predict("cosine(1, 4000)").final
    with pytest.raises(FileExistsError, match="exists; choose another name, or set overwrite"):
        law.save(path)
    law.save(path, overwrite=True)
    fields = json.loads(path.read_text())
    del fields["misfit"]
    for content, message in [
        ("{", "is not a JSON file"),
        ("[]", "is not a law"),
        ("{}", "its format is not 'isoloss.curves.Law'"),
        (json.dumps(fields), "it lacks misfit"),
    ]:
        path.write_text(content)
        with pytest.raises(ValueError, match=message):
            curves.Law.load(path)


def test_summary_tells_what_is_not_known():
    law = curves.fit(drawn(constant(PEAK, 8000), "only"))
    text = law.summary()
    assert "The loss of 1 run of up to 8000 steps, peak rates 0.001000:" in text
    untold = next(line for line in text.splitlines() if line.startswith("The runs say little"))
    assert "norm_growth" in untold
    assert "floor  " in text
    assert law.notes[0] in text


def test_next_run_tells_a_run_that_teaches(law):
    only = curves.fit(drawn(constant(PEAK, 8000), "only"))
    found = only.next_run(8000, warmup=200)
    assert "cool-down" in found.name
    assert found.afterwards < 0.5 * found.now
    assert found.schedule.steps <= 8000
    assert next(iter(found.others)) == found.name
    assert found.others["constant, at the largest peak"] > 1.5 * found.afterwards
    assert repr(found).startswith(f"NextRun({found.name!r}, uncertainty of the fit from")
    # the law of three runs knows more, and what it is asked may be another run
    assert law.next_run(8000, warmup=200).now < only.next_run(8000).now
    assert law.next_run(8000, schedule="constant(1, 8000)", max_lr=2 * PEAK).now < 2e-3


def test_forecast_and_law_print_what_they_are(law):
    assert repr(law).startswith("Law(loss of 3 runs: ")
    forecast = law.predict("constant(1, 8000)")
    assert repr(forecast).startswith("Forecast('constant(1, 8000)', ")
    assert "at step 8000, 90% interval" in repr(forecast)
    assert TRUE.floor < forecast.final[0]


def test_schedules_that_print_alike_are_all_compared(law):
    rates = [np.full(1000, PEAK), np.full(1000, PEAK / 2)]
    found = law.compare(rates)
    assert list(found.forecasts) == ["1000 rates (1)", "1000 rates (2)"]
    assert [each.final for each in found.forecasts.values()] == [
        law.predict(each).final for each in rates
    ]
    for alone in ("cosine(1, 5000)", cosine(PEAK, 5000), drawn(cosine(PEAK, 5000), "run")):
        (only,) = law.compare(alone).forecasts.values()
        assert only.final == law.predict(alone).final


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda law: law.predict(_COOLED, weight_decay=-1), ValueError, "weight_decay must be"),
        (lambda law: law.predict(_COOLED, weight_decay=np.nan), ValueError, "weight_decay must"),
        (lambda law: law.predict(_COOLED, weight_decay="0.1"), TypeError, "weight_decay must be"),
        (lambda law: law.predict([1e300] * 9), ValueError, r"no finite loss for rates of up to 1e"),
        (lambda law: law.predict("gd(1, 1000000000000)"), ValueError, "1000000000000 steps; a law"),
        (
            lambda law: law.predict(_COOLED, confidence="0.9"),
            TypeError,
            "confidence must be numbers",
        ),
        (lambda law: law.predict(_COOLED, at=[]), ValueError, "at is empty"),
        (lambda law: law.best_schedule(10**9), ValueError, r"steps must be at most 1e\+08; got"),
        (lambda law: law.best_schedule(99, max_lr="1"), TypeError, "max_lr must be numbers"),
        (lambda law: law.best_schedule(99, after="run"), TypeError, "after must be the LossCurve"),
        (lambda law: law.next_run(10**9), ValueError, r"budget must be at most 1e\+08; got"),
        (lambda law: law.next_run(99, max_lr=0), ValueError, "max_lr must be a rate above 0; got"),
    ],
)
def test_absurd_questions_are_refused(law, ask, error, message):
    with pytest.raises(error, match=message):
        ask(law)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": 0}, "its reference is 0, which no fit gives"),
        ({"noise": -1}, "its noise of a row is -1"),
        ({"noise": None}, "its noise of a row is None"),
        ({"target": "val"}, "its target is 'val'"),
        ({"weight_decay": -1}, "weight_decay must be a number of at least 0"),
        ({"misfit": {"size": math.nan, "freedom": 3}}, "its misfit's size is nan"),
        ({"misfit": {"size": 0.1, "freedom": 0}}, "its misfit's freedom is 0"),
        (
            {"fitted": {"lowest_peak": 1, "highest_peak": 1, "steps": 0, "first_step": 1}},
            "its fitted steps is 0",
        ),
        ({"covariance": [[math.nan] * 8] * 8}, "its covariance is not that of a fit"),
        ({"prior_spreads": [1]}, "it has 1 prior_spreads, and needs 8"),
        ({"runs": [1]}, "its runs and notes must be texts"),
    ],
)
def test_records_that_no_fit_gives_are_refused(law, change, message):
    with pytest.raises(ValueError, match=message):
        curves.Law.from_dict(law.to_dict() | change)

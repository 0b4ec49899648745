"""Schedules at equal train loss, against plain training loops, scikit-learn and hand counts."""

import itertools
import math
import re
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

import isoloss as il
from isoloss.comparison import Comparison, CutDecayWarning, Stops, compare, tables
from isoloss.datasets import Split, load, split
from isoloss.levels import ridge
from isoloss.schedules.text import Spec

TEXTS = ("flow", "gd(0.1, 1000000)", "gd(1.0, 10) > flow", "gd(0.9, 30)", "gd(0.1, 5)")


def problem_of(data: Split) -> il.Problem:
    return il.Problem.from_data(data.X, data.y, data.X_test, data.y_test)


@pytest.fixture(scope="module", params=["diabetes", "iris"])
def data(request: pytest.FixtureRequest) -> Split:
    return split(load(request.param))


@pytest.fixture(scope="module")
def found(data: Split) -> Comparison:
    problem = problem_of(data)
    schedules = {text: Spec.parse(text).at(float(problem.max_lr)) for text in TEXTS}
    return compare(problem, schedules, test_error=data.test_error if data.classes else None)


def losses(data: Split, coef: np.ndarray) -> tuple[float, float]:
    train = ((data.X @ coef - data.y) ** 2).sum(axis=1).mean()
    return train, ((data.X_test @ coef - data.y_test) ** 2).sum(axis=1).mean()


def shortened(data: Split, before: np.ndarray, after: np.ndarray, level: float) -> np.ndarray:
    """Return the first point between two that has a train loss, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(100):
        share = (low + high) / 2
        above = losses(data, before + share * (after - before))[0] > level
        low, high = (share, high) if above else (low, share)
    return np.asarray(before + high * (after - before))


def euler_flow(data: Split, coef: np.ndarray, level: float) -> np.ndarray:
    """Gradient flow by tiny steps, the last one shortened to end at the level."""
    gram, cross = data.X.T @ data.X / len(data.X), data.X.T @ data.y / len(data.X)
    lr = 2e-4 / np.linalg.eigvalsh(gram)[-1]
    while losses(data, coef)[0] > level:
        before, coef = coef, coef - 2 * lr * (gram @ coef - cross)
    high, low = losses(data, before)[0], losses(data, coef)[0]
    return np.asarray(before + (coef - before) * (high - level) / (high - low))


def test_levels_are_evenly_spaced_in_the_log_of_the_excess(found: Comparison) -> None:
    floor, start = float(found.problem.min_train_loss), float(found.problem.start_train_loss)
    shares = (found.levels - floor) / (start - floor)
    np.testing.assert_allclose(shares, 10.0 ** (-np.arange(1, 13) / 4), rtol=1e-9)


@pytest.mark.parametrize("text", ["gd(0.1, 1000000)", "gd(0.9, 30)", "gd(0.1, 5)"])
def test_constant_rates_stop_where_a_plain_loop_does(
    data: Split, found: Comparison, text: str
) -> None:
    stops = found.schedules[TEXTS.index(text)]
    (phase,) = stops.schedule.phases
    assert isinstance(phase, il.GradientDescent)
    after, step = np.zeros((data.X.shape[1], data.y.shape[1])), 0
    for i, level in enumerate(stops.levels):
        while losses(data, after)[0] > level and step < phase.steps:
            before, step = after, step + 1
            after = before - 2 * phase.lr * data.X.T @ (data.X @ before - data.y) / len(data.X)
        reached = losses(data, after)[0] <= level
        assert stops.reached[i] == reached
        assert stops.steps[i] == step
        coef = shortened(data, before, after, level) if reached else after
        train, test = losses(data, coef)
        assert stops.train_loss[i] == pytest.approx(train, rel=1e-12)
        assert stops.test_loss[i] == pytest.approx(test, rel=1e-9)
        if reached:
            assert stops.train_loss[i] == level
        if stops.test_error is not None:
            wrong = (data.X_test @ coef + data.offset).argmax(1) != data.y_test.argmax(1)
            assert stops.test_error[i] == wrong.mean()


def test_flow_is_the_limit_of_small_steps(data: Split, found: Comparison) -> None:
    stops = found.schedules[TEXTS.index("gd(0.9, 30)")]
    coef = np.zeros((data.X.shape[1], data.y.shape[1]))
    for i in range(3):
        coef = euler_flow(data, coef, stops.train_loss[i])
        assert stops.flow_test_loss[i] == pytest.approx(losses(data, coef)[1], rel=1e-3)


def test_an_annealed_stop_is_its_steps_then_the_flow(data: Split, found: Comparison) -> None:
    stops = found.schedules[TEXTS.index("gd(1.0, 10) > flow")]
    i = int(np.flatnonzero(stops.time > 0)[0])
    coef = np.zeros((data.X.shape[1], data.y.shape[1]))
    rate = float(found.problem.max_lr)
    for _ in range(10):
        coef = coef - 2 * rate * data.X.T @ (data.X @ coef - data.y) / len(data.X)
    coef = euler_flow(data, coef, stops.levels[i])
    assert stops.test_loss[i] == pytest.approx(losses(data, coef)[1], rel=1e-3)


def test_ridge_is_scikit_learns(data: Split, found: Comparison) -> None:
    for stops in found.schedules:
        for i in np.flatnonzero(stops.reached):
            model = Ridge(alpha=len(data.X) * stops.ridge_alpha[i], solver="svd")
            coef = model.fit(data.X, data.y + data.offset).coef_.reshape(-1, data.X.shape[1]).T
            train, test = losses(data, coef)
            assert train == pytest.approx(stops.train_loss[i], rel=1e-9)
            assert test == pytest.approx(stops.ridge_test_loss[i], rel=1e-8)
            if stops.ridge_test_error is not None:
                wrong = model.predict(data.X_test).argmax(1) != data.y_test.argmax(1)
                assert stops.ridge_test_error[i] == wrong.mean()


def test_everything_lies_in_the_band(found: Comparison) -> None:
    for stops in found.schedules:
        at = stops.reached
        for losses_there in (stops.test_loss, stops.flow_test_loss, stops.ridge_test_loss):
            assert (losses_there[at] >= stops.lowest[at] * (1 - 1e-9)).all()
            assert (losses_there[at] <= stops.highest[at] * (1 + 1e-9)).all()
        assert np.isnan(stops.flow_test_loss[~at]).all()


def test_the_best_stop_is_as_good_as_every_other(found: Comparison) -> None:
    for stops, curve, best in zip(found.schedules, found.curves, found.best, strict=True):
        assert best.test_loss <= stops.test_loss[stops.reached].min() * (1 + 1e-9)
        assert best.test_loss <= curve.test_loss.min() * (1 + 1e-9)
        again = il.train(found.problem, stops.schedule, best.train_loss * (1 + 1e-12))
        assert best.test_loss == pytest.approx(float(again.test_loss), rel=1e-6)
        assert (best.test_error is None) == (stops.test_error is None)
    assert found.ridge_best.test_loss <= np.nanmin(found.flow.ridge_test_loss) * (1 + 1e-9)


def test_rows_hold_every_level_of_every_schedule(found: Comparison) -> None:
    rows = found.rows()
    assert len(rows) == len(TEXTS) * 12
    last = rows[-1]
    assert (last["schedule"], last["reached"], last["effect"]) == (
        "gd(0.1, 5)",
        False,
        "not reached",
    )
    assert last["flow_test_loss"] is None
    assert last["steps"] == 5


@given(
    st.lists(st.floats(1e-8, 1e8), min_size=1, max_size=6),
    st.floats(1e-12, 1 - 1e-9),
    st.floats(1e-3, 1e3),
)
def test_ridge_hits_every_train_loss(spectrum: list[float], share: float, size: float) -> None:
    problem = il.Problem.from_spectra(spectrum, np.ones(len(spectrum)), [size])
    excess = share * float(problem.start_train_loss)
    solution = ridge(problem, excess)
    assert solution.train_loss == pytest.approx(excess, rel=1e-11)
    by_hand = np.sum((solution.alpha / (np.array(spectrum) + solution.alpha) * size) ** 2)
    assert solution.test_loss == pytest.approx(by_hand, rel=1e-9)


def test_ridge_at_the_ends() -> None:
    problem = il.Problem.from_spectra([2.0, 1.0, 0.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0])
    found = ridge(problem, [0.0, 3.0, 4.0])
    np.testing.assert_array_equal(found.alpha, [0.0, np.inf, np.nan])
    np.testing.assert_allclose(found.test_loss[:2], [1.0, 3.0])
    with pytest.raises(ValueError, match="must not be negative"):
        ridge(problem, -1.0)


def test_interpolating_data() -> None:
    rng = np.random.default_rng(5)
    arrays = [rng.standard_normal(shape) for shape in ((8, 20), (8,), (30, 20), (30,))]
    problem = il.Problem.from_data(*arrays)
    found = compare(problem, {"annealed": il.anneal(float(problem.max_lr), 5)})
    stops = found.schedules[0]
    assert stops.reached.all()
    assert np.isinf(stops.highest).all()
    assert (stops.lowest <= stops.test_loss).all()
    assert found.figure().axes


@pytest.mark.parametrize("noise", [0.0, 1.0])
def test_a_step_onto_the_minimum(noise: float) -> None:
    # one feature: a single step at half the largest stable rate ends there, and is shortened
    x = np.linspace(-1, 2, 9)[:, None]
    y = 3 * x[:, 0] + noise * np.cos(9 * x[:, 0])
    problem = il.Problem.from_data(x, y, x + 1, y)
    lr = float(problem.max_lr) / 2
    found = compare(problem, {"once": il.GradientDescent(lr, 3)}, 4)
    best = np.linalg.lstsq(x, y)[0]
    stops = found.schedules[0]
    assert stops.reached.all()
    np.testing.assert_array_equal(stops.steps, 1)
    np.testing.assert_array_equal(stops.train_loss, stops.levels)
    start = float(problem.start_train_loss - problem.min_train_loss)
    left = np.sqrt((stops.levels - float(problem.min_train_loss)) / start)
    coef = best * (1 - left)
    expected = ((((x + 1) * coef) - y[:, None]) ** 2).mean(0)
    for losses_there in (stops.test_loss, stops.flow_test_loss, stops.ridge_test_loss):
        np.testing.assert_allclose(losses_there, expected, rtol=1e-9)
    assert found.verdicts[0].startswith("At equal train loss, once makes no difference")
    assert found.figure().axes


def test_the_end_of_the_flow_counts_among_the_best_stops() -> None:
    problem = il.Problem.from_data(np.eye(3), [1.0, 2.0, 3.0], np.eye(3), [1.0, 2.0, 3.0])
    found = compare(problem, {"flow": il.GradientFlow()}, 2)
    assert math.isinf(found.best[0].time)
    assert found.best[0].test_loss == pytest.approx(0, abs=1e-25)
    assert "after endless flow" in found.best_stops[0]
    assert found.ridge_best.alpha == 0.0


def stops_with(ratios: list[float], reached: int) -> Stops:
    count = len(ratios)
    levels = np.linspace(count, 1, count)
    blank = np.zeros(count)
    nan = np.where(np.arange(count) < reached, 1.0, np.nan)
    return Stops(
        name="s",
        schedule=il.anneal(1.0, 1),
        levels=levels,
        reached=np.arange(count) < reached,
        steps=blank.astype(np.int64),
        time=blank,
        train_loss=levels,
        test_loss=np.array(ratios),
        ratio=np.array(ratios) * nan,
        flow_test_loss=nan,
        ridge_alpha=nan,
        ridge_test_loss=nan,
        lowest=nan,
        highest=nan,
        test_error=None,
        flow_test_error=None,
        ridge_test_error=None,
    )


@pytest.mark.parametrize(
    ("ratios", "reached", "sentence"),
    [
        (
            [1.0, 1.002, 0.999],
            3,
            "At equal train loss, s makes no difference at all 3 levels (within 0.2%).",
        ),
        (
            [0.5, 0.9, 0.8],
            3,
            "At equal train loss, s helps at all 3 levels (test loss 10% to 50% lower than "
            "gradient flow's; train loss 3.000 to 1.000, most at 3.000).",
        ),
        (
            [1.0, 1.0, 2.5],
            3,
            "At equal train loss, s hurts at 1 of 3 levels (test loss 150% higher than gradient "
            "flow's; train loss 1.000) and makes no difference at 2 of 3 levels (within 0.01%).",
        ),
        (
            [0.9, 1.1, 1.0, 7.0],
            3,
            "At equal train loss, s is mixed: it helps at 1 of 4 levels (test loss 10% lower than "
            "gradient flow's; train loss 4.000), hurts at 1 of 4 levels (test loss 10% higher "
            "than gradient flow's; train loss 3.000) and makes no difference at 1 of 4 levels "
            "(within 0.01%); it does not reach the last level (train loss 1.000).",
        ),
        ([7.0, 7.0], 0, "s reaches none of the 2 levels: its train loss ends at 1.000."),
    ],
)
def test_the_sentences(ratios: list[float], reached: int, sentence: str) -> None:
    problem = il.Problem.from_spectra([1.0], [1.0], [1.0])
    whole = compare(problem, {"flow": il.GradientFlow()}, 2)
    assert whole.verdicts == ("flow is the reference that the others are compared with.",)
    assert Comparison(
        problem,
        whole.levels,
        (stops_with(ratios, reached),),
        whole.flow,
        (),
        whole.flow_curve,
        whole.best,
        whole.ridge_best,
    ).verdicts == (sentence,)


def test_the_papers_example_is_judged_as_the_paper_does() -> None:
    problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    found = compare(problem, {"annealed": il.anneal(1.5, 10)}, levels=[1e-3, 1e-2])
    np.testing.assert_allclose(found.schedules[0].ratio, 0.5, rtol=1e-3)
    assert found.verdicts[0].startswith("At equal train loss, annealed helps at both levels")
    assert found.levels.tolist() == [1e-2, 1e-3]


def test_tables_say_what_the_arrays_say(found: Comparison) -> None:
    for stops, table in zip(found.schedules, tables(found), strict=True):
        assert len(table.rows) == 12
        assert ("test error" in table.heads) == (stops.test_error is not None)
        column = [row[table.heads.index("test loss")] for row in table.rows]
        np.testing.assert_allclose([float(cell) for cell in column], stops.test_loss, rtol=1e-4)
        dashes = [row[table.heads.index("ridge")] == "-" for row in table.rows]
        np.testing.assert_array_equal(dashes, ~stops.reached)


def test_a_diverging_schedule_is_no_trouble() -> None:
    problem = il.Problem.from_spectra([1.0, 0.5], [1.0, 2.0], [1.0, 1.0])
    found = compare(problem, {"wild": il.GradientDescent(9.0, 10**6)})
    assert not found.schedules[0].reached.any()
    assert found.best[0].steps == 0
    assert math.isinf(found.schedules[0].train_loss[0])
    assert "reaches none of the 12 levels" in found.verdicts[0]
    assert found.figure().axes


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"schedules": {}}, ValueError, "at least one schedule"),
        ({"levels": 0}, ValueError, "levels must be a whole number from 1"),
        ({"levels": [0.5, 2.0]}, ValueError, "levels must be between"),
        ({"levels": [0.0]}, ValueError, "levels must be between"),
        ({"levels": [math.nan]}, ValueError, "levels must be finite"),
        ({"levels": [1.0], "unit": "excess"}, ValueError, "levels must be between"),
        ({"unit": "share"}, ValueError, "unit must be one of absolute, start, excess"),
        ({"levels": [True]}, TypeError, "levels must be numbers"),
        ({"problem": "digits"}, TypeError, "needs a Problem"),
        (
            {"problem": il.Problem.from_spectra([[1.0], [2.0]], [1.0], [1.0])},
            TypeError,
            "this is a batch",
        ),
        ({"problem": il.Problem.from_spectra([1.0], [1.0], [0.0])}, ValueError, "cannot lower"),
    ],
)
def test_what_cannot_be_compared(
    change: dict[str, object], error: type[Exception], message: str
) -> None:
    arguments: dict[str, object] = {
        "problem": il.Problem.from_spectra([1.0], [1.0], [1.0]),
        "schedules": {"flow": il.GradientFlow()},
    }
    with pytest.raises(error, match=message):
        compare(**(arguments | change))  # type: ignore[arg-type]  # options as a dict


def test_the_figure_names_everything(found: Comparison) -> None:
    drawing = found.figure()
    labels = [text.get_text() for text in drawing.legends[0].get_texts()]
    assert set(TEXTS) < set(labels)
    assert {"ridge"} < set(labels)
    assert "train loss" in drawing.axes[1].get_xlabel()
    assert drawing.axes[0].get_ylabel() == "test loss"


def test_a_step_that_passes_many_levels_stops_at_each() -> None:
    problem = il.Problem.from_spectra([1.0, 0.5], [1.0, 3.0], [1.0, 1.0])
    found = il.compare(problem, {"steps": il.GradientDescent(0.75, 9)}, [1.2, 1.0, 0.8, 0.1, 0.01])
    assert found.schedules[0].train_loss.tolist() == [1.2, 1.0, 0.8, 0.1, 0.01]
    assert found.schedules[0].steps.tolist() == [1, 1, 1, 2, 4]


@pytest.mark.filterwarnings("ignore::isoloss.comparison.CutDecayWarning")
def test_schedules_that_print_the_same_are_told_apart() -> None:
    problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    one, other = il.families.step_decay(1, 100, 50), il.families.step_decay(1, 100, 60)
    assert repr(one) == repr(other)
    again = il.Schedule(*one.phases) if isinstance(one, il.Schedule) else il.Schedule(one)
    found = compare(problem, [one, other, il.GradientFlow(), again])
    schedules = [stops.schedule for stops in found.schedules]
    assert schedules == [il.Schedule(each) for each in (one, other, il.GradientFlow())]
    names = [f"{one!r} (1)", f"{one!r} (2)", "GradientFlow()"]
    assert [stops.name for stops in found.schedules] == names
    assert [curve.name for curve in found.curves] == names
    for stops, schedule in zip(found.schedules, schedules, strict=True):
        run = il.train(problem, schedule, train_loss=found.levels)
        np.testing.assert_array_equal(stops.test_loss, run.test_loss)


def test_diabetes_at_train_loss_2870() -> None:
    """A cosine that is cut helps or hurts by chance; finished, it is what flow is."""
    data = split(load("diabetes"))
    problem, level = problem_of(data), 2870.0
    gram, cross = data.X.T @ data.X / len(data.X), data.X.T @ data.y / len(data.X)

    def loop(rates: np.ndarray) -> Iterator[np.ndarray]:
        yield (coef := np.zeros((data.X.shape[1], 1)))
        for lr in rates:
            yield (coef := coef - 2 * lr * (gram @ coef - cross))

    cut = {}
    for steps in (400, 500):
        rates = il.families.cosine(float(problem.max_lr), steps).learning_rates()
        pairs = itertools.pairwise(loop(rates))
        before, after = next(pair for pair in pairs if losses(data, pair[1])[0] <= level)
        cut[steps] = losses(data, shortened(data, before, after, level))[1]
        cut[f"{steps} whole"] = losses(data, after)[1]
    # with its last step whole, the one of 400 steps ends below the level, and hurts
    assert cut["400 whole"] == pytest.approx(3003.4849, abs=1e-4)
    assert cut[400] == pytest.approx(2898.1285, abs=1e-4)
    assert cut[500] == pytest.approx(3021.6096, abs=1e-4)
    with pytest.warns(CutDecayWarning, match=re.escape("give 'cosine(1, ...)'")):
        found = compare(problem, ["cosine(1, 400)", "cosine(1, 500)"], levels=[level])
    for stops, expected in zip(found.schedules, (cut[400], cut[500]), strict=True):
        assert stops.test_loss[0] == pytest.approx(expected, rel=1e-10)

    flow_loss = losses(data, euler_flow(data, np.zeros((data.X.shape[1], 1)), level))[1]
    assert flow_loss == pytest.approx(2929.7, abs=0.05)
    texts = ["cosine(1, ...)", "warmup_stable_decay(1, ...)", "one_cycle(1, ...)"]
    for stops in compare(problem, texts, levels=[level]).schedules:
        assert isinstance(stops.schedule, tuple)
        *_, end = loop(stops.schedule[0].learning_rates())
        train_loss, test_loss = losses(data, end)
        assert train_loss == pytest.approx(level, rel=1e-12)
        assert stops.test_loss[0] == pytest.approx(test_loss, rel=1e-10)
        assert test_loss == pytest.approx(flow_loss, rel=2e-3)

"""ScheduledRegressor against plain training loops, an ODE solver and scikit-learn's own models."""

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import mean_squared_error, r2_score
from sklearn.metrics.pairwise import rbf_kernel

import isoloss as il
from isoloss.estimators import ScheduledRegressor

RNG = np.random.default_rng(11)
X = RNG.standard_normal((40, 6)) * np.geomspace(1, 0.3, 6) + np.arange(6)
Y = X @ RNG.standard_normal((6, 2)) + RNG.standard_normal((40, 2)) + [3.0, -1.0]
X_NEW = RNG.standard_normal((9, 6)) + np.arange(6)
WEIGHT = RNG.uniform(0.1, 5, 40)


@pytest.mark.parametrize("schedule", ["gd(0.2, 90)", "cosine(0.4, 60)", "heavy_ball(0.1, 0.5, 90)"])
def test_a_model_stops_at_the_train_loss_exactly_or_after_a_whole_step(schedule: str) -> None:
    for level in (0.6, 0.45):
        exact, whole = (
            ScheduledRegressor(schedule, level, train_loss_unit="start", last_step=rule).fit(X, Y)
            for rule in ("exact", "whole")
        )
        assert exact.train_loss_ == pytest.approx(level * exact.start_train_loss_, rel=1e-12)
        assert whole.train_loss_ < 0.9999 * exact.train_loss_
        errors = ((X @ exact.coef_.T + exact.intercept_ - Y) ** 2).sum(axis=1)
        assert errors.mean() == pytest.approx(exact.train_loss_, rel=1e-12)
        assert exact.n_steps_ == whole.n_steps_
    with pytest.raises(ValueError, match="last_step must be 'exact' or 'whole'; got 'half'"):
        ScheduledRegressor(last_step="half").fit(X, Y)  # type: ignore[arg-type]  # on purpose


class Trained(NamedTuple):
    """Where a plain loop ends."""

    steps: int
    coef: np.ndarray
    intercept: np.ndarray
    loss: float


class Data(NamedTuple):
    """Rows (n, d), targets (n, m) and shares of the weight, centred for an intercept."""

    X: np.ndarray
    y: np.ndarray
    share: np.ndarray
    mean_x: np.ndarray
    mean_y: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, weight: np.ndarray | None, intercept: bool) -> "Data":
        share = np.ones(len(X)) if weight is None else weight
        share, y = share / share.sum(), y.reshape(len(X), -1)
        mean_x, mean_y = (share @ X, share @ y) if intercept else (np.zeros(6), 0 * y[0])
        return cls(X - mean_x, y - mean_y, share, mean_x, mean_y)

    @property
    def max_lr(self) -> float:
        return float(1 / np.linalg.norm(self.X * np.sqrt(self.share)[:, None], 2) ** 2)

    def level(self, above: float, excess: float) -> float:
        """Return the smallest train loss plus a fraction of what ``above`` exceeds it by."""
        root = np.sqrt(self.share)[:, None]
        floor = self.loss(np.linalg.lstsq(self.X * root, self.y * root)[0])
        return floor + excess * (above - floor)

    def loss(self, coef: np.ndarray) -> float:
        return float((self.share @ (self.X @ coef - self.y) ** 2).sum())

    def gradient(self, coef: np.ndarray) -> np.ndarray:
        return 2 * self.X.T @ (self.share[:, None] * (self.X @ coef - self.y))

    def loop(
        self, rates: np.ndarray, momentum: float = 0, nesterov: bool = False, level: float = -1
    ) -> Trained:
        coef, velocity, step = np.zeros((6, self.y.shape[1])), 0.0, 0
        while step < len(rates) and self.loss(coef) > level:
            gradient = self.gradient(coef)
            velocity = momentum * velocity + gradient
            move = gradient + momentum * velocity if nesterov else velocity
            before, coef, step = coef, coef - rates[step] * move, step + 1
            if self.loss(coef) <= level:
                coef = self.shortened(before, coef, level)
                break
        return Trained(step, coef, self.mean_y - self.mean_x @ coef, self.loss(coef))

    def shortened(self, before: np.ndarray, after: np.ndarray, level: float) -> np.ndarray:
        """Return the first point on a step that has the train loss, by bisection."""
        low, high = 0.0, 1.0
        for _ in range(100):
            share = (low + high) / 2
            above = self.loss(before + share * (after - before)) > level
            low, high = (share, high) if above else (low, share)
        return before + high * (after - before)

    def flow(self, coef: np.ndarray, time: float, level: float = -1) -> tuple[float, np.ndarray]:
        shape = coef.shape

        def event(_: float, flat: np.ndarray) -> float:
            return self.loss(flat.reshape(shape)) - level

        event.terminal = True  # type: ignore[attr-defined]  # how SciPy is told to stop
        path = solve_ivp(
            lambda _, flat: -self.gradient(flat.reshape(shape)).ravel(),
            (0, time),
            coef.ravel(),
            "DOP853",
            events=event,
            rtol=1e-12,
            atol=1e-13,
        )
        return float(path.t[-1]), path.y[:, -1].reshape(shape)


SETTINGS = {
    "plain": (Y[:, 0], None, True),
    "weighted": (Y[:, 0], WEIGHT, True),
    "no intercept": (Y[:, 1], WEIGHT, False),
    "two outputs": (Y, WEIGHT, True),
}
with_settings = pytest.mark.parametrize(
    ("y", "weight", "intercept"), SETTINGS.values(), ids=SETTINGS.keys()
)


def check(model: ScheduledRegressor, y: np.ndarray, wanted: Trained, rel: float) -> None:
    """Compare a model with the end of a loop, whose parameters always have an axis of outputs."""
    assert model.coef_.shape == (6,) if y.ndim == 1 else (y.shape[1], 6)
    np.testing.assert_allclose(model.coef_.reshape(-1, 6).T, wanted.coef, rel, 1e-14)
    np.testing.assert_allclose(np.ravel(model.intercept_), wanted.intercept, rel, 1e-14)
    predicted = (X_NEW @ wanted.coef + wanted.intercept).reshape(9, *y.shape[1:])
    np.testing.assert_allclose(model.predict(X_NEW), predicted, rel, 1e-14)
    assert model.train_loss_ == pytest.approx(wanted.loss, rel=rel)
    assert model.n_steps_ == wanted.steps


@with_settings
@pytest.mark.parametrize(
    ("schedule", "rates", "rule"),
    [
        ("gd(0.9, 50)", np.full(50, 0.9), {}),
        ("gd(1.2, 2) > gd(0.3, 40)", np.repeat([1.2, 0.3], [2, 40]), {}),
        ("cosine(1.0, 40)", 0.5 + 0.5 * np.cos(np.pi * np.arange(40) / 40), {}),
        ("heavy_ball(0.5, 0.9, 40)", np.full(40, 0.5), {"momentum": 0.9}),
        ("nesterov(0.5, 0.9, 40)", np.full(40, 0.5), {"momentum": 0.9, "nesterov": True}),
        (il.GradientDescent, RNG.uniform(0, 1.1, 60), {}),
    ],
)
def test_steps_are_a_plain_loop(
    schedule: Any, rates: np.ndarray, rule: dict[str, Any], y: Any, weight: Any, intercept: bool
) -> None:
    data = Data.of(y, weight, intercept)
    rates = data.max_lr * rates
    if not isinstance(schedule, str):  # absolute rates
        schedule = schedule(rates)
    model = ScheduledRegressor(schedule, fit_intercept=intercept).fit(X, y, weight)
    check(model, y, data.loop(rates, **rule), 1e-10)
    assert model.max_lr_ == pytest.approx(data.max_lr, rel=1e-12)
    assert model.start_train_loss_ == pytest.approx(data.loss(np.zeros((6, 1))), rel=1e-12)
    np.testing.assert_allclose(model.schedule_.learning_rates(), rates, rtol=1e-12)

    level = data.level(model.start_train_loss_, 0.1)
    stopped = data.loop(rates, level=level, **rule)
    assert 0 < stopped.steps < len(rates)
    model.set_params(train_loss=0.1, train_loss_unit="excess").fit(X, y, weight)
    check(model, y, stopped, 1e-10)
    assert model.flow_time_ == 0


@with_settings
@pytest.mark.parametrize("until", ["time", "level"])
def test_a_flow_is_the_ode(y: Any, weight: Any, intercept: bool, until: str) -> None:
    data = Data.of(y, weight, intercept)
    stepped = data.loop(np.full(5, 0.9 * data.max_lr))
    if until == "time":
        text, time, level = "gd(0.9, 5) > flow(3.5)", 3.5 * data.max_lr, None
    else:
        text, time, level = "gd(0.9, 5) > flow", 1e3, data.level(stepped.loss, 0.4)
    model = ScheduledRegressor(text, level, fit_intercept=intercept).fit(X, y, weight)
    time, coef = data.flow(stepped.coef, time, level or -1)
    ended = Trained(5, coef, data.mean_y - data.mean_x @ coef, data.loss(coef))
    check(model, y, ended, 1e-8)
    assert model.flow_time_ == pytest.approx(time, rel=1e-9)
    if level is not None:
        assert model.train_loss_ == pytest.approx(level, rel=1e-14)


@pytest.mark.parametrize(
    "rows",
    [X, X[:5], X[:, :1], np.hstack([X, X[:, :3] - X[:, 3:]]), np.c_[X[:, 0], np.full(40, 0.1)]],
    ids=["tall", "more features than rows", "one feature", "collinear", "constant column"],
)
@pytest.mark.parametrize("intercept", [True, False])
def test_an_endless_flow_is_least_squares(rows: np.ndarray, intercept: bool) -> None:
    y, weight = Y[: len(rows)], WEIGHT[: len(rows)]
    model = ScheduledRegressor(fit_intercept=intercept).fit(rows, y, weight)
    same = LinearRegression(fit_intercept=intercept).fit(rows, y, weight)
    np.testing.assert_allclose(model.coef_, same.coef_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.intercept_, same.intercept_, rtol=1e-9, atol=1e-12)
    left = np.average(((y - same.predict(rows)) ** 2).sum(1), weights=weight)
    for loss in (model.train_loss_, model.min_train_loss_):
        assert loss == pytest.approx(left, rel=1e-12, abs=1e-25)
    assert model.flow_time_ == math.inf
    if rows.shape[1] == 2 and intercept:
        assert model.coef_[:, 1].tolist() == [0, 0]


def test_an_endless_kernel_flow_interpolates() -> None:
    assert np.linalg.cond(rbf_kernel(X, gamma=1.0)) < 1e3
    model = ScheduledRegressor(kernel="rbf", gamma=1.0).fit(X, Y)
    np.testing.assert_allclose(model.predict(X), Y, rtol=1e-11, atol=1e-12)
    model.set_params(fit_intercept=False).fit(X, Y)
    same = KernelRidge(alpha=1e-14, kernel="rbf", gamma=1.0).fit(X, Y)
    np.testing.assert_allclose(model.dual_coef_, same.dual_coef_, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(model.predict(X_NEW), same.predict(X_NEW), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("y", [Y[:, 0], Y], ids=["one output", "two outputs"])
def test_a_level_has_three_units(y: np.ndarray) -> None:
    start = np.var(y, axis=0).sum()
    best = LinearRegression().fit(X, y)
    floor = mean_squared_error(y, best.predict(X)) * (y.size / 40)
    level = floor + 0.05 * (start - floor)
    for unit, loss in (("absolute", level), ("start", level / start), ("excess", 0.05)):
        model = ScheduledRegressor("flow", loss, train_loss_unit=unit).fit(X, y)
        reached = ((y - model.predict(X)) ** 2).sum() / 40
        assert reached == pytest.approx(level, rel=1e-12)
        assert model.train_loss_ == pytest.approx(level, rel=1e-12)
        assert model.start_train_loss_ == pytest.approx(start, rel=1e-12)
        assert model.min_train_loss_ == pytest.approx(floor, rel=1e-12)
        if y.ndim == 1:
            assert model.score(X, y) == pytest.approx(1 - level / start, rel=1e-12)
            assert r2_score(y, model.predict(X)) == pytest.approx(1 - level / start, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.1, 10.0, 1e3])
def test_the_train_loss_of_ridge_by_another_way(alpha: float) -> None:
    ridge = Ridge(alpha).fit(X, Y[:, 0])
    level = mean_squared_error(Y[:, 0], ridge.predict(X))
    model = ScheduledRegressor("flow", level).fit(X, Y[:, 0])
    assert mean_squared_error(Y[:, 0], model.predict(X)) == pytest.approx(level, rel=1e-12)
    # for equal train losses the flow's norm is the larger one: ridge's is the least of all
    assert np.linalg.norm(model.coef_) > np.linalg.norm(ridge.coef_) * (1 + 1e-6)


@pytest.mark.parametrize("unit", ["absolute", "start", "excess"])
@pytest.mark.parametrize("kernel", [None, "rbf"])
def test_a_level_that_a_step_meets_exactly_stops_it(unit: str, kernel: str | None) -> None:
    for seed in range(10):
        y = np.random.default_rng(seed).standard_normal(40)
        seven = ScheduledRegressor("gd(0.9, 7)", kernel=kernel).fit(X, y)
        start = seven.start_train_loss_ if unit == "absolute" else 1.0
        model = ScheduledRegressor("gd(0.9, 50)", start, train_loss_unit=unit, kernel=kernel)
        assert model.fit(X, y).n_steps_ == 0, seed
        np.testing.assert_allclose(model.predict(X_NEW), y.mean(), rtol=1e-13)
        model.set_params(train_loss=seven.train_loss_, train_loss_unit="absolute").fit(X, y)
        assert model.n_steps_ == 7, seed


@pytest.mark.parametrize(
    ("schedule", "loss", "unit"),
    [
        ("flow", 1e-3, "absolute"),  # below the reachable
        ("gd(0.9, 5)", 0.1, "start"),
        ("flow(2)", 0.01, "excess"),
        ("gd(1.1, 30)", 0.1, "start"),
    ],
)
def test_a_level_out_of_reach_is_warned_of(schedule: str, loss: float, unit: str) -> None:
    model = ScheduledRegressor(schedule, loss, train_loss_unit=unit)
    with pytest.warns(ConvergenceWarning, match=r"ends at train loss .* above the level") as caught:
        model.fit(X, Y[:, 0])
    assert caught[0].filename == __file__
    ended = ScheduledRegressor(schedule).fit(X, Y[:, 0])
    np.testing.assert_array_equal(model.coef_, ended.coef_)
    assert (model.n_steps_, model.flow_time_) == (ended.n_steps_, ended.flow_time_)
    level = {"absolute": loss, "start": loss * np.var(Y[:, 0])}.get(unit)
    assert level is None or f"above the level {level:.6g} " in str(caught[0].message)


def test_models_that_are_hardly_meant_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="above the train loss at the start, .* is untrained"):
        untrained = ScheduledRegressor("flow", 50.0).fit(X, Y[:, 0])
    assert not untrained.coef_.any()
    with pytest.warns(ConvergenceWarning, match="far above that at the start, .* lower its rates"):
        ScheduledRegressor("gd(2.5, 30)").fit(X, Y[:, 0])
    with pytest.raises(ValueError, match="'rates' is a family of schedules; ScheduleSearchCV"):
        ScheduledRegressor("rates").fit(X, Y[:, 0])


@pytest.mark.parametrize("kernel", [None, "rbf"])
@pytest.mark.parametrize("schedule", ["gd(3.0, 5000)", il.GradientDescent(50.0, 5000)])
def test_a_divergence_names_the_largest_stable_rate(schedule: Any, kernel: str | None) -> None:
    root = np.linalg.cholesky(rbf_kernel(X)) if kernel else X
    rate = 40 / np.linalg.norm(root - root.mean(0), 2) ** 2
    with pytest.raises(ValueError, match=f"diverges beyond float64; .* is {rate:.6g}, written"):
        ScheduledRegressor(schedule, kernel=kernel).fit(X, Y)


seeds = st.integers(0, 2**32 - 1)
kernels = st.sampled_from([None, "laplacian", "poly"])
SCHEDULE = "gd(1.1, 4) > heavy_ball(0.3, 0.8, 6) > flow(4)"


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n, d, m = rng.integers(3, 20), rng.integers(1, 8), rng.integers(1, 4)
    weight = rng.uniform(0.1, 3, n)
    return rng.normal(size=(n, d)), rng.normal(size=(n, m)), rng.normal(size=(5, d)), weight


@settings(max_examples=40)
@given(seeds, kernels)
def test_the_order_of_rows_does_not_matter(seed: int, kernel: str | None) -> None:
    rows, y, new, weight = drawn(seed)
    order = np.random.default_rng(seed).permutation(len(rows))
    model = ScheduledRegressor(SCHEDULE, kernel=kernel)
    wanted = model.fit(rows, y, weight).predict(new)
    found = model.fit(rows[order], y[order], weight[order]).predict(new)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10)


@settings(max_examples=40)
@given(seeds, st.floats(1e-6, 1e6), st.floats(-1e3, 1e3))
def test_the_scale_of_rows_and_the_mean_of_targets_do_not_matter(
    seed: int, scale: float, shift: float
) -> None:
    rows, y, new, weight = drawn(seed)
    model = ScheduledRegressor(SCHEDULE)
    wanted = model.fit(rows, y, weight).predict(new)
    found = model.fit(rows * scale, y + shift, 7 * weight).predict(new * scale)
    np.testing.assert_allclose(found, wanted + shift, rtol=1e-9, atol=1e-9)
    found = model.set_params(kernel="linear").fit(rows, y, weight).predict(new)
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10)


@settings(max_examples=40)
@given(seeds, st.floats(1e-3, 1), st.sampled_from([None, "rbf", "laplacian"]))
def test_a_flow_meets_its_level(seed: int, fraction: float, kernel: str | None) -> None:
    rows, y, _, weight = drawn(seed)
    model = ScheduledRegressor("flow", kernel=kernel).fit(rows, y, weight)
    start, floor = model.start_train_loss_, model.min_train_loss_
    assume(start - floor > 1e-3 * start)
    level = floor + fraction * (start - floor)
    model.set_params(train_loss=level).fit(rows, y, weight)
    assert model.train_loss_ == pytest.approx(level, rel=1e-12)
    loss = np.average(((y - model.predict(rows)) ** 2).sum(1), weights=weight)
    # predictions are sums, and rounded as their terms are
    terms = np.abs(model.coef_ if kernel is None else model.dual_coef_).sum()
    assert loss == pytest.approx(level, rel=1e-12, abs=1e-14 * terms)

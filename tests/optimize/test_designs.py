"""The best schedule of a family: against formulas by hand, grids, bounds and real training."""

import functools
import itertools
from typing import Any

import numpy as np
import pytest

import isoloss as il
from isoloss import families
from isoloss.optimize.ordering import calm_order
from isoloss.optimize.starts import damped_rates

ROWS = np.random.default_rng(11)


def skewed(outputs: int = 3, n: int = 60, d: int = 8) -> il.Problem:
    """Return a noisy problem whose test inputs are spread otherwise than its train inputs."""
    rng = np.random.default_rng(7)
    scales = np.geomspace(1, 0.15, d)
    X, X_test = rng.normal(size=(n, d)) * scales, rng.normal(size=(n, d)) * scales[::-1]
    coef = rng.normal(size=(d, outputs))
    y, y_test = (x @ coef + 0.5 * rng.normal(size=(n, outputs)) for x in (X, X_test))
    return il.Problem.from_data(X, y, X_test, y_test)


PROBLEM = skewed()
FLOOR = float(PROBLEM.min_train_loss)
START = float(PROBLEM.start_train_loss)
LEVEL = FLOOR + 0.2 * (START - FLOOR)


def loss_of_rates(rates: np.ndarray) -> Any:
    """Return the test losses after steps at rates (…, steps), by the product of their factors."""
    h = np.prod(1 - 2 * rates[..., None] * PROBLEM.curvature, axis=-2)
    with np.errstate(divide="ignore"):
        return PROBLEM._reduced.test_loss(np.sign(h), np.log(np.abs(h)))


def test_one_rate_by_hand() -> None:
    problem = il.Problem.from_spectra([1, 0.5], [0.3, 0.9], [1, 2])
    # Σ λδ²(1 - 2ηγ)² is least at η = Σ λδ²γ / (2 Σ λδ²γ²)
    lam, gamma = np.array([0.3, 3.6]), np.array([1, 0.5])
    best = (lam @ gamma) / (2 * lam @ gamma**2)
    found = il.design(problem, "best", "rates", steps=1)
    assert found.schedule.learning_rates() == pytest.approx([best], rel=1e-6)
    assert found.test_loss == pytest.approx(lam @ (1 - 2 * best * gamma) ** 2, rel=1e-12)


def test_as_many_rates_as_curvatures_reach_the_bound() -> None:
    problem = il.Problem.from_spectra(
        [1, 0.6, 0.25, 0.1], [0.2, 0.5, 1, 2], [1, -1, 2, 1], noise=0.3
    )
    found = il.design(problem, steps=4)
    assert found.bound == 0.3
    assert found.test_loss == pytest.approx(0.3, rel=1e-9)
    assert found.gap < 1e-9
    np.testing.assert_allclose(
        np.sort(found.schedule.learning_rates()), [0.5, 0.5 / 0.6, 2, 5], rtol=1e-4
    )


def test_two_rates_are_the_best_of_a_grid() -> None:
    found = il.design(PROBLEM, steps=2)
    rates = np.linspace(0, 8, 321) * float(PROBLEM.max_lr)
    on_grid = loss_of_rates(np.stack(np.meshgrid(rates, rates), axis=-1))
    assert found.test_loss <= on_grid.min()
    assert found.test_loss == pytest.approx(on_grid.min(), rel=1e-3)


@functools.cache
def annealed_losses() -> list[float]:
    rates = np.linspace(0.05, 1.2, 93) * float(PROBLEM.max_lr)
    grid = [il.anneal(lr, steps) for steps in range(1, 9) for lr in rates]
    runs = il.train(PROBLEM, grid, LEVEL)
    return [float(loss) for loss in runs.test_loss[runs.time > 0]]


@pytest.mark.parametrize("goal", ["lowest", "highest"])
def test_annealed_at_a_level_is_the_best_of_a_grid(goal: Any) -> None:
    found = il.design(
        PROBLEM, goal, "annealed", train_loss=LEVEL, steps=8, max_lr=1.2 * float(PROBLEM.max_lr)
    )
    assert found.train_loss == pytest.approx(LEVEL, rel=1e-12)
    losses = annealed_losses()
    if goal == "lowest":
        assert found.test_loss <= min(losses) * (1 + 1e-9)
        assert found.test_loss >= found.bound
    else:
        assert found.test_loss >= max(losses) * (1 - 1e-9)
        assert found.test_loss <= found.bound


def test_the_papers_band_is_reached() -> None:
    problem = il.Problem.from_spectra([2 / 3, 1 / 3], [0.5, 0.5], [-10, -10])
    lowest = il.design(problem, "lowest", "annealed", train_loss=0.1)
    highest = il.design(problem, "highest", "rates", train_loss=0.1, steps=2, flow=True)
    assert lowest.test_loss == pytest.approx(0.075, rel=1e-9)
    assert highest.test_loss == pytest.approx(0.15, rel=1e-6)
    assert lowest.gap == pytest.approx(0, abs=1e-9)


@functools.cache
def loss_of_flow() -> float:
    times = np.geomspace(0.01, 1000, 300)
    return float(il.train(PROBLEM, [il.GradientFlow(t) for t in times]).test_loss.min())


@pytest.mark.parametrize("flow", [False, True])
@pytest.mark.parametrize("family", ["annealed", "two-rate", "decreasing", "rates", families.cosine])
def test_every_family_keeps_between_bound_and_what_is_simple(family: Any, flow: bool) -> None:
    found = il.design(PROBLEM, "best", family, steps=6, flow=flow, starts=5)
    assert found.bound <= found.test_loss <= float(PROBLEM.start_test_loss)
    again = il.train(PROBLEM, found.schedule)
    assert float(again.test_loss) == found.test_loss
    if flow or family == "annealed":
        assert found.test_loss <= loss_of_flow() * (1 + 1e-4)


def test_more_rates_are_never_worse() -> None:
    losses = [il.design(PROBLEM, steps=steps).test_loss for steps in (1, 2, 4, 8)]
    assert losses == sorted(losses, reverse=True)
    assert il.best_filter(PROBLEM).test_loss <= losses[-1]


def test_without_flow_the_steps_end_at_the_level() -> None:
    found = il.design(PROBLEM, "lowest", "rates", train_loss=LEVEL, steps=4)
    assert all(isinstance(phase, il.GradientDescent) for phase in found.schedule.phases)
    run = il.train(PROBLEM, found.schedule, LEVEL)
    assert int(run.steps) == found.schedule.steps
    assert bool(run.reached)
    assert found.train_loss == pytest.approx(LEVEL, rel=1e-12)
    assert float(il.train(PROBLEM, found.schedule).train_loss) == pytest.approx(LEVEL, rel=1e-12)
    one = il.design(PROBLEM, "lowest", "rates", train_loss=LEVEL, steps=2)
    assert found.test_loss <= one.test_loss * (1 + 1e-9)
    assert found.test_loss >= float(il.reachable_band(PROBLEM, found.train_loss).lowest)


@pytest.mark.parametrize("goal", ["best", "lowest"])
def test_bounds_are_kept_on_the_way(goal: Any) -> None:
    level = None if goal == "best" else LEVEL
    found = il.design(
        PROBLEM,
        goal,
        "rates",
        train_loss=level,
        steps=5,
        flow=True,
        max_lr=2 * float(PROBLEM.max_lr),
        max_growth=1.0,
    )
    path = il.train(PROBLEM, found.schedule, level).path()
    rates = [eta for phase in found.schedule.phases[:-1] for eta in phase.learning_rates()]
    assert max(rates) <= 2 * float(PROBLEM.max_lr) * (1 + 1e-12)
    assert np.max(path.train_loss) <= START * (1 + 1e-8)
    free = il.design(PROBLEM, goal, "rates", train_loss=level, steps=5, flow=True)
    assert found.test_loss >= free.test_loss * (1 - 1e-6)


def test_errors_are_amplified_no_more_than_allowed() -> None:
    losses = []
    for limit in (1.0, 100.0, 1e9):
        found = il.design(PROBLEM, steps=8, max_amplification=limit)
        factors = np.abs(1 - 2 * found.schedule.learning_rates() * PROBLEM.curvature[0])
        assert np.prod(np.maximum(factors, 1)) <= limit * (1 + 1e-8)
        losses.append(found.test_loss)
    assert losses == sorted(losses, reverse=True)


def test_decreasing_rates_decrease() -> None:
    rates = il.design(PROBLEM, family="decreasing", steps=6).schedule.learning_rates()
    assert (np.diff(rates) <= 1e-15).all()


def test_a_named_family_keeps_its_shape_and_its_fixed_arguments() -> None:
    found = il.design(PROBLEM, "best", families.step_decay, steps=9, every=3)
    rates = found.schedule.learning_rates()
    ratios = rates[3:] / rates[:-3]
    np.testing.assert_allclose(rates[[0, 3, 6]], rates[[1, 4, 7]])
    np.testing.assert_allclose(ratios, ratios[0])
    # over both parameters, on a grid
    factors, powers = np.geomspace(1e-3, 1, 60)[:, None], np.repeat(np.arange(3), 3)
    best = min(
        loss_of_rates(lr * factors**powers).min()
        for lr in np.geomspace(0.05, 100, 150) * float(PROBLEM.max_lr)
    )
    assert found.test_loss <= best * (1 + 1e-6)


def test_a_family_goes_by_its_name_too() -> None:
    for name in ("cosine", "annealed"):
        by_name, by_function = (
            il.design(PROBLEM, family=f, steps=4, starts=2) for f in (name, getattr(families, name))
        )
        assert by_name.schedule == by_function.schedule


def test_own_functions_are_families() -> None:
    def warm(lr: float, steps: int, share: float) -> il.Schedule:
        up = round(share * steps)
        return families.warmup(lr, up) + families.constant(lr, steps - up)

    found = il.design(PROBLEM, family=warm, steps=10, share=0.3)
    by_partial = il.design(PROBLEM, family=functools.partial(warm, share=0.3), steps=10)
    assert found.schedule == by_partial.schedule
    assert found.family == by_partial.family == "warm"
    rates = found.schedule.learning_rates()
    np.testing.assert_allclose(rates / rates[-1], [0, 1 / 3, 2 / 3, *[1] * 7], rtol=1e-12)
    grid = np.geomspace(0.01, 10, 1000) * float(PROBLEM.max_lr)
    best = loss_of_rates(grid[:, None] * [0, 1 / 3, 2 / 3, *[1] * 7]).min()
    assert found.test_loss <= best * (1 + 1e-9)


def test_the_same_seed_gives_the_same_schedule() -> None:
    first, second = (il.design(PROBLEM, steps=5, seed=4) for _ in range(2))
    assert first.schedule == second.schedule
    assert repr(first).startswith("Design(rates: test loss ")


def test_one_curvature_and_no_test_curvature() -> None:
    single = il.Problem.from_spectra([2.0], [1.0], [3.0], noise=0.5)
    assert il.design(single, steps=1).test_loss == pytest.approx(0.5)
    blind = il.Problem.from_spectra([2.0, 1.0], [0.0, 0.0], [3.0, 1.0], noise=0.5)
    assert il.design(blind, steps=2).test_loss == 0.5
    still = il.Problem.from_spectra([2.0, 0.0], [1.0, 1.0], [3.0, 1.0])
    assert il.design(still, steps=2, flow=True).test_loss == pytest.approx(1.0)


def test_a_designed_schedule_trains_in_pytorch_to_the_same_losses() -> None:
    torch: Any = pytest.importorskip("torch", reason="the extra torch")
    rng = np.random.default_rng(5)
    scales = np.geomspace(1, 0.05, 12)
    X, X_test = rng.normal(size=(2, 50, 12)) * scales
    y, y_test = rng.normal(size=(2, 50, 3))
    problem = il.Problem.from_data(X, y, X_test, y_test)
    found = il.design(problem, steps=8)
    inputs, targets, test_inputs, test_targets = (
        torch.tensor(a, dtype=torch.float64) for a in (X, y, X_test, y_test)
    )
    model = torch.nn.Linear(12, 3, bias=False, dtype=torch.float64)
    torch.nn.init.zeros_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler = found.schedule.to_torch(optimizer)
    for _ in range(found.schedule.steps):
        optimizer.zero_grad()
        ((model(inputs) - targets) ** 2).sum(1).mean().backward()
        optimizer.step()
        scheduler.step()
    with torch.no_grad():
        train_loss = float(((model(inputs) - targets) ** 2).sum(1).mean())
        test_loss = float(((model(test_inputs) - test_targets) ** 2).sum(1).mean())
    assert train_loss == pytest.approx(found.train_loss, rel=1e-8)
    assert test_loss == pytest.approx(found.test_loss, rel=1e-8)


def test_where_the_last_step_may_be_shortened_the_best_of_a_grid_is_found() -> None:
    # a rate repeated until the level is reached, the last step shortened: over rates and counts
    rates = np.linspace(0.05, 2.0, 400) * float(PROBLEM.max_lr)
    runs = il.train(PROBLEM, [il.GradientDescent(lr, 3) for lr in rates], LEVEL)
    losses = runs.test_loss[runs.reached & (runs.steps == 3)]
    limit = 2.0 * float(PROBLEM.max_lr)
    for goal, best in (("lowest", losses.min()), ("highest", losses.max())):
        found = il.design(
            PROBLEM,
            goal,
            "constant",
            train_loss=LEVEL,
            steps=3,
            max_lr=limit,
        )
        assert found.test_loss == pytest.approx(best, rel=1e-2)
        assert found.test_loss <= best * (1 + 1e-9) if goal == "lowest" else best <= found.test_loss
        rates = found.schedule.learning_rates()
        assert rates[0] == rates[1] >= rates[2]


@pytest.mark.parametrize("goal", ["lowest", "highest"])
def test_more_steps_to_a_level_are_never_worse(goal: Any) -> None:
    # few rows, tested on other scales: many local optima
    rng = np.random.default_rng(1)
    scales = np.geomspace(1, 0.1, 5)
    X, X_test = rng.normal(size=(15, 5)) * scales, rng.normal(size=(60, 5)) * scales[::-1]
    coef = rng.normal(size=5)
    y, y_test = (x @ coef + 0.5 * rng.normal(size=len(x)) for x in (X, X_test))
    problem = il.Problem.from_data(X, y, X_test, y_test)
    level = float(0.6 * problem.min_train_loss + 0.4 * problem.start_train_loss)
    sign = 1 if goal == "lowest" else -1
    losses = [
        sign * il.design(problem, goal, "rates", train_loss=level, steps=k, starts=4).test_loss
        for k in (1, 2, 3, 5)
    ]
    for fewer, more in itertools.pairwise(losses):
        assert more <= fewer + 1e-4 * abs(fewer)


def test_a_calm_order_keeps_residual_and_rounding_low() -> None:
    gamma = np.geomspace(1e-3, 1, 200)
    rates = damped_rates(1.0, 1e-3, 32)
    order = calm_order(gamma, rates)
    assert sorted(order) == list(range(32))
    peaks = []
    for each in (np.argsort(rates), np.argsort(-rates), order):
        factors = np.abs(1 - 2 * rates[each][:, None] * gamma)
        # what has happened to the residual, and what is still to happen to a rounding error
        peaks.append([np.cumprod(f, axis=0).max() for f in (factors, factors[::-1])])
    assert max(peaks[2]) < 1e3
    assert max(peaks[0]) > 1e15
    assert max(peaks[1]) > 1e15


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"goal": "lowst"}, ValueError, r"got 'lowst' \(did you mean 'lowest'\?\)"),
        ({"family": "anealed"}, ValueError, r"got 'anealed' \(did you mean 'annealed'\?\)"),
        ({"goal": "least"}, ValueError, 'goal must be "best", "lowest" or "highest"; got'),
        ({"goal": "lowest"}, ValueError, "needs a train_loss to stop at; got None"),
        ({"goal": "lowest", "train_loss": START}, ValueError, "train_loss must be between"),
        ({"train_loss": LEVEL}, ValueError, "chooses its stop; leave train_loss out"),
        ({"family": "linear"}, ValueError, "one of annealed.*cosine.*got 'linear'"),
        ({"family": 3}, ValueError, "family must be a function.*got 3"),
        ({"family": "rates", "every": 3}, TypeError, "no further arguments; got every"),
        ({"family": "cosine", "every": 3}, TypeError, "takes lr, steps, final.*got every"),
        (
            {"family": families.cyclic},
            TypeError,
            "needs half_cycle: design",
        ),
        ({"family": "constant", "lr": 0.1}, ValueError, "all parameters .*'constant' are fixed"),
        ({"family": lambda rate, steps: None}, TypeError, "must take its largest rate as lr or"),
        ({"steps": 0}, ValueError, "steps must be.*at least 1; got 0"),
        ({"steps": 2.5}, ValueError, "steps must be.*got 2.5"),
        ({"max_lr": -1.0}, ValueError, "max_lr must be positive.*got -1.0"),
        ({"max_growth": 0.5}, ValueError, "max_growth must be at least 1; got 0.5"),
        ({"max_amplification": 0.1}, ValueError, "max_amplification must be at least 1; got 0.1"),
        ({"starts": 0}, ValueError, "starts must be at least 1; got 0"),
        (
            {"goal": "lowest", "train_loss": LEVEL, "steps": 1, "max_lr": 1e-3},
            ValueError,
            "no schedule of the family rates with 1 steps stops at train loss",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        il.design(PROBLEM, **options)


def test_only_single_numpy_problems_are_designed_for() -> None:
    with pytest.raises(TypeError, match="Problem of NumPy arrays"):
        il.design("x")  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(TypeError, match="this is a batch"):
        il.design(il.Problem.from_spectra([[1, 0.5]], [1, 1], [1, 1]))
    with pytest.raises(ValueError, match="nothing to design"):
        il.design(il.Problem.from_spectra([1, 0.5], [1, 1], [0, 0]))


@pytest.mark.parametrize("seed", [0, 6])
def test_more_steps_and_flow_are_never_worse(seed: int) -> None:
    # more directions than rows, few validation rows: many local optima
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(20, 50)), rng.normal(size=20)
    problem = il.Problem.from_data(X, y, rng.normal(size=(30, 50)), rng.normal(size=30))
    for family in ("rates", "decreasing"):
        losses = [il.design(problem, family=family, steps=k).test_loss for k in (1, 2, 4, 6, 8, 12)]
        for fewer, more in itertools.pairwise(losses):
            assert more <= fewer * (1 + 1e-3)
        with_flow = il.design(problem, family=family, steps=8, flow=True)
        assert with_flow.test_loss <= losses[4] * (1 + 1e-5)


PLAIN = il.Problem.from_spectra([1, 0.3, 0.1], [0.2, 0.9, 0.4], [1, 1, 1])
OPTIONS: dict[str, dict[str, Any]] = {
    "free": {},
    "flow": {"flow": True},
    "level": {"goal": "lowest", "train_loss": 0.2 * float(PLAIN.start_train_loss)},
}


@functools.cache
def plain_loss(options: str) -> float:
    return il.design(PLAIN, family="rates", steps=3, **OPTIONS[options]).test_loss


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("scale", [1e-200, 1e150])
def test_any_scale_of_the_curvature(scale: float, options: str) -> None:
    lambdas = scale * np.array([0.2, 0.9, 0.4])
    problem = il.Problem.from_spectra(scale * np.array([1, 0.3, 0.1]), lambdas, [1, 1, 1])
    given = {k: v * scale if k == "train_loss" else v for k, v in OPTIONS[options].items()}
    found = il.design(problem, family="rates", steps=3, **given)
    assert found.test_loss / scale == pytest.approx(plain_loss(options), rel=1e-6, abs=1e-9)


def test_the_best_rate_of_minibatches_by_hand() -> None:
    # one direction, fresh Gaussian rows: a step multiplies E δ² by 1 - 4ηγ + 4η²γ²(1 + 2/B)
    problem = il.Problem.from_spectra([2.0], [0.3], [3.0])
    for size in (1, 4):
        found = il.design(problem, "best", "constant", steps=3, batch_size=size)
        assert found.schedule.learning_rates() == pytest.approx([0.25 / (1 + 2 / size)] * 3, 1e-4)
        assert found.test_loss == pytest.approx(2.7 * (2 / (size + 2)) ** 3, rel=1e-8)
        assert (found.schedule.has_minibatches, found.bound) == (True, 0.0)


def test_designs_with_settings_are_the_best_of_a_grid() -> None:
    settings: dict[str, Any] = {"momentum": 0.5, "weight_decay": 0.02, "batch_size": 8}
    found = il.design(PROBLEM, "best", "polynomial", steps=6, power=1.0, starts=4, **settings)
    rates = np.geomspace(0.02, 2.0, 12) * float(PROBLEM.max_lr)
    losses = [
        float(il.train(PROBLEM, families.polynomial(lr, 6, 1.0, lr * last, **settings)).test_loss)
        for lr in rates
        for last in (0.0, 0.3, 1.0)
    ]
    assert found.test_loss <= min(losses)
    assert found.test_loss > 0.5 * min(losses)
    assert found.bound < found.test_loss


def test_a_design_with_minibatches_ends_at_its_level() -> None:
    def family(lr: float, steps: int) -> il.Schedule:
        return families.constant(lr, steps, batch_size=16)

    found = il.design(PROBLEM, "lowest", family, train_loss=LEVEL, steps=8, starts=2)
    run = il.train(PROBLEM, found.schedule)
    assert float(run.train_loss) == pytest.approx(LEVEL, rel=1e-12)
    assert float(run.test_loss) == pytest.approx(found.test_loss, rel=1e-9)
    band = il.level_band(PROBLEM, LEVEL)  # it is convex, and holds for means of losses
    assert band.lowest == found.bound < found.test_loss < band.highest
    rates = np.linspace(0.05, 1.0, 40) * float(PROBLEM.max_lr)
    runs = [il.train(PROBLEM, family(lr, 8), LEVEL) for lr in rates]
    assert found.test_loss <= min(float(run.test_loss) for run in runs if run.reached)


def test_no_bound_is_known_with_weight_decay_from_elsewhere() -> None:
    X, y = ROWS.normal(size=(9, 2)), ROWS.normal(size=9)
    problem = il.Problem.from_data(X, y, X, y, start=[3.0, -2.0])
    found = il.design(problem, "best", "annealed", steps=2, starts=1, weight_decay=0.1)
    assert np.isnan(found.bound)
    assert np.isnan(found.gap)
    assert "bound" not in repr(found)


@pytest.mark.parametrize(
    ("family", "more", "message"),
    [
        ("rates", {"batch_size": 8}, "16 free rates are designed by derivatives"),
        ("decreasing", {"weight_decay": 0.1}, "16 free rates are designed by derivatives"),
        ("cosine", {"batch_size": 8, "max_growth": 2.0}, "max_growth limits schedules of plain"),
        ("cosine", {"nesterov": True}, "nesterov would have no effect without momentum"),
    ],
)
def test_what_cannot_be_designed_with_settings(
    family: str, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        il.design(PROBLEM, "best", family, **more)


def test_rows_that_are_not_there_are_asked_for() -> None:
    K = np.eye(3) + 1.0
    problem = il.Problem.from_kernel(K, [1.0, 2.0, 4.0], K, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="needs the rows of the train data"):
        il.design(problem, "best", "annealed", steps=2, batch_size=2)

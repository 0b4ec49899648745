"""Every end of the band is attained by a schedule: the theorem, on random problems."""

from typing import Any

import numpy as np
import pytest

import isoloss as il


def spectrum(rng: np.random.Generator, d: int) -> Any:
    """Return a simple spectrum, descending, no two closer than 2 %."""
    while True:
        gamma = np.sort(10 ** rng.uniform(-1.5, 0, d))[::-1]
        if d == 1 or (-np.diff(gamma) > 0.02 * gamma[1:]).all():
            return gamma


def problems(count: int, *, commuting: bool) -> list[tuple[il.Problem, float]]:
    rng = np.random.default_rng(count)
    found = []
    for _ in range(count):
        d = int(rng.integers(1, 7))
        gamma, start = spectrum(rng, d), rng.normal(size=d)
        if commuting:
            problem = il.Problem.from_spectra(gamma, rng.uniform(0.1, 1, d), start)
        else:
            basis, root = np.linalg.qr(rng.normal(size=(d, d)))[0], rng.normal(size=(d, d))
            problem = il.Problem.from_covariances(
                basis @ np.diag(gamma) @ basis.T, root @ root.T / d, start, rng.normal(size=d)
            )
        found.append((problem, float(problem.start_train_loss) * 10 ** rng.uniform(-4, -0.05)))
    return found


@pytest.mark.parametrize("end", ["lowest", "highest"])
@pytest.mark.parametrize("commuting", [True, False])
def test_either_end_is_attained_on_random_problems(commuting: bool, end: Any) -> None:
    for problem, level in problems(150, commuting=commuting):
        schedule = il.attaining_schedule(problem, level, end)
        d = problem.curvature.size
        assert schedule.steps <= (d if commuting else d + 1)
        run = il.train(problem, schedule, level)
        assert bool(run.reached)
        assert float(run.time) > 0  # inside the flow: no step crossed the level early
        band = il.reachable_band(problem, level)
        wanted = band.lowest if end == "lowest" else band.highest
        assert float(run.test_loss) == pytest.approx(float(wanted), rel=1e-10)
        if commuting:
            whole = il.level_band(problem, level)
            same = whole.lowest if end == "lowest" else whole.highest
            assert float(run.test_loss) == pytest.approx(float(same), rel=1e-10)


def test_no_residual_grows_but_the_kept_one() -> None:
    for problem, level in problems(60, commuting=True):
        schedule = il.attaining_schedule(problem, level)
        band = il.reachable_band(problem, level)
        kept = int(np.abs(band.lowest_filter).argmax())
        rates: Any = [eta for phase in schedule.phases[:-1] for eta in phase.learning_rates()]
        removing = [
            i for i, eta in enumerate(rates) if np.isclose(eta * problem.curvature, 0.5).any()
        ]
        if len(removing) < len(rates):
            continue  # with an enlarging step others grow too
        factors = np.cumprod(np.abs(1 - 2 * np.outer(rates, problem.curvature)), axis=0)
        assert (np.delete(factors, kept, axis=1) <= 1 + 1e-12).all()


def test_equal_curvatures_go_together() -> None:
    problem = il.Problem.from_spectra([2, 1, 2, 0.5], [1, 2 / 3, 4, 0.1], [1, 1, 1, 1])
    schedule = il.attaining_schedule(problem, 0.3, "highest")
    assert schedule.steps <= 3
    run = il.train(problem, schedule, 0.3)
    assert float(run.test_loss) == pytest.approx(float(il.reachable_band(problem, 0.3).highest))


def test_directions_without_weight_need_no_step() -> None:
    problem = il.Problem.from_spectra([1, 0.5, 0.25, 0], [1, 0.1, 1, 1], [1, 1, 0, 0])
    schedule = il.attaining_schedule(problem, 0.01)
    assert schedule == il.Schedule(il.GradientDescent([0.5]), il.GradientFlow())
    assert float(il.train(problem, schedule, 0.01).test_loss) == pytest.approx(0.002, rel=1e-12)


def test_a_single_curvature_needs_only_the_flow() -> None:
    problem = il.Problem.from_spectra([1.0], [0.5], [3.0])
    assert il.attaining_schedule(problem, 1.0) == il.Schedule(il.GradientFlow())


spectra = il.Problem.from_spectra([1, 0.5], [1, 1], [1, 1])
batch = il.Problem.from_spectra([[1, 0.5]], [1, 1], [1, 1])
data = il.Problem.from_data([[1.0], [2.0]], [1.0, 1.0], [[1.0]], [5.0])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: il.attaining_schedule("x", 1.0), TypeError, "Problem; got str"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: il.attaining_schedule(spectra, 1.0, "best"), ValueError, "lowest.*'best'"),  # type: ignore[arg-type]  # wrong on purpose
        (lambda: il.attaining_schedule(batch, 1.0), ValueError, "one problem with one output"),
        (lambda: il.attaining_schedule(data, 0.5), ValueError, "share their minimiser"),
        (
            lambda: il.attaining_schedule(spectra, 1.5),
            ValueError,
            "between.*the start's 1.5; got 1.5",
        ),
        (lambda: il.attaining_schedule(spectra, 0.0), ValueError, "between the smallest.*got 0"),
    ],
)
def test_what_cannot_be_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()

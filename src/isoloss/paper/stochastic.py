"""Beyond the paper: its example with minibatches, whose rows are drawn with replacement."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isoloss.dynamics.training import train
from isoloss.paper.claim import Claim
from isoloss.problems.problem import Problem
from isoloss.schedules.phases import GradientDescent, GradientFlow
from isoloss.schedules.schedule import Schedule

__all__ = [
    "annealed",
    "minibatch_example",
    "minibatch_max_lr",
    "stochastic_claims",
    "stopped_each",
]

Floats = npt.NDArray[np.float64]

_PLACE = "beyond the paper: minibatches"
_NEAR, _FAR = (1.0, 1.0), (100.0, 100.0)  # β*; from afar, flow ends near the level set's bad end
_SIZES = (2, 3, 10, 100)
_COUNTS = (1, 2, 10)
_LEVELS = (0.999, 0.1, 1e-6)
_RATES = (0.01, 0.25, 0.5, 0.75, 0.9, 1.0)
_RANDOM = 40  # schedules with random rates
_RUNS = 20_000  # simulated for each number of steps
_SIMULATED = (20, 100)  # numbers of steps
_WINDOW_LEVEL = 0.1
_OWN_LEVEL = 0.5  # at which each simulated run stops
_QUANTILE = 1.96
_MOST_STEPS = 200  # minibatches of train rows have no closed form
_LEAST_LEVEL = 1e-100  # its square is a float, as shortened steps need


def minibatch_example(target: tuple[float, float] = _FAR) -> Problem:
    """Build the paper's example from its rows, which minibatches are drawn from.

    Parameters
    ----------
    target : pair of float, default: (100, 100)
        The minimiser β*; training starts at 0.

    Returns
    -------
    Problem
        The rows e1, e1, e2 to train on, and e1, e2 to test on, without label noise. The parameters
        are β - β*, so that the minimiser is 0 exactly, and losses may be as small as floats.

    Examples
    --------
    >>> minibatch_example().max_lr
    np.float64(1.5)
    """
    rows, test_rows = np.eye(2)[[0, 0, 1]], np.eye(2)
    return Problem.from_data(
        rows, np.zeros(3), test_rows, np.zeros(2), start=[-each for each in target]
    )


def minibatch_max_lr(size: float) -> float:
    """Return the largest rate that is stable in mean square in the example, 3B/(2B + 1).

    Parameters
    ----------
    size : float
        The batch size B; infinity for full batches, where the rate is 3/2.

    Examples
    --------
    >>> minibatch_max_lr(1), minibatch_max_lr(10), minibatch_max_lr(float("inf"))
    (1.0, 1.4285714285714286, 1.5)
    """
    return 3.0 / (2.0 + 1.0 / size)


def annealed(lr: float | Floats, steps: int | None, size: int | None) -> Schedule:
    """Return minibatch steps at a rate, or at a rate for each step, and then flow.

    Parameters
    ----------
    lr : float or array
        The rate, or one for each step.
    steps : int or None
        The number of steps at one rate.
    size : int or None
        The batch size; None for full batches.
    """
    if size is None:
        return Schedule(GradientDescent(lr, steps), GradientFlow())
    phase = GradientDescent(lr, steps, batch_size=size, sampling="replacement")
    return Schedule(phase, GradientFlow())


def stochastic_claims(epsilon: float, steps: int, seed: int) -> list[Claim]:
    """Check what minibatches change in the paper's example."""
    levels = np.array(sorted({*_LEVELS, max(epsilon, _LEAST_LEVEL)}, reverse=True))
    counts = tuple(sorted({*_COUNTS, min(steps, _MOST_STEPS)}))
    return [
        _stability(),
        _single(levels, counts, seed),
        _limit(levels, counts),
        _window(),
        _run_by_run(seed),
    ]


def _squares(problem: Problem, schedule: Schedule | GradientDescent) -> Floats:
    """Return E δ_i² at the end of a schedule, over the same δ_i(0)² of both directions."""
    run = train(problem, schedule)
    train_loss, test_loss = float(run.train_loss), float(run.test_loss)
    # L̂ = (2a + b)/3 and L = (a + b)/2
    squares = [3 * train_loss - 2 * test_loss, 4 * test_loss - 3 * train_loss]
    return np.array(squares) / float(problem.start_train_loss)


def _stability() -> Claim:
    problem = minibatch_example(_NEAR)
    shares, count = (0.99, 1.0, 1.01), 10
    ends = np.array(
        [
            [
                _squares(problem, _steps(share * minibatch_max_lr(size), count, size))
                for share in shares
            ]
            for size in (1, *_SIZES)
        ]
    )
    below, at, above = np.moveaxis(ends[..., 0], 1, 0)
    falling = min(float(1 - below.max()), float(1 - ends[:, 0, 1].max()), float(above.min() - 1))
    kept = float(np.max(np.abs(at - 1)))
    by_eigenvalue = [float(problem.max_lr_for(size)) for size in (1, *_SIZES)]
    formula = [minibatch_max_lr(size) for size in (1, *_SIZES)]
    apart = float(np.max(np.abs(np.divide(by_eigenvalue, formula) - 1)))
    return Claim(
        id="minibatch-stability",
        place=_PLACE,
        statement="with batches of B rows, drawn with replacement, the largest rate that is stable "
        "in mean square is 3B/(2B + 1)",
        formula=r"\eta_B = \frac{3B}{2B+1}: \quad \mathbb{E}\,\delta_1(t)^2 = \delta_1(0)^2",
        parameters={"batch_size": [1, *_SIZES], "share_of_rate": list(shares), "steps": count},
        computed=f"E δ_1² after {count} steps: × {below.min():.3f} to {below.max():.3f} at 0.99 of "
        f"it, × {at.mean():.12g} at it, × {above.min():.3f} to {above.max():.3f} at 1.01",
        margin=min(falling, -kept, -apart),
        numbers={"largest_change_at_the_rate": kept, "largest_difference_of_rates": apart},
    )


def _steps(lr: float, steps: int, size: int) -> GradientDescent:
    return GradientDescent(lr, steps, batch_size=size, sampling="replacement")


def _single(levels: Floats, counts: tuple[int, ...], seed: int) -> Claim:
    problem, rng = minibatch_example(_NEAR), np.random.default_rng(seed)
    schedules = [annealed(lr, k, 1) for lr in _RATES for k in counts]
    schedules += [annealed(1.5, k, 1) for k in _COUNTS]  # beyond stability
    # Rates up to 3/2 at first, and small ones in the end, whose steps reach some of the levels.
    for _ in range(_RANDOM):
        rates = np.concatenate([rng.uniform(0.0, 1.5, 5), rng.uniform(0.0, 1.0, 40)])
        schedules.append(annealed(rates, None, 1))
    flow = train(problem, GradientFlow(), train_loss=levels).test_loss
    runs = train(problem, schedules, train_loss=levels)
    ratio = runs.test_loss / flow
    shortened = int(np.isfinite(runs.last_rate).sum())
    return Claim(
        id="minibatch-single",
        place=_PLACE,
        statement="with batches of one row annealing never beats gradient flow at equal expected "
        "train loss, at any rates, for any number of steps",
        formula=r"B = 1 \Rightarrow \mathbb{E}\,L_D(\beta_{annealed}) \ge L_D(\beta_{flow})",
        parameters={
            "target": list(_NEAR),
            "epsilon": levels.tolist(),
            "lr": [*_RATES, 1.5],
            "steps": list(counts),
            "random_schedules": _RANDOM,
            "seed": seed,
        },
        computed=f"annealed/flow from {ratio.min():.12g} to {ratio.max():.7g} in {ratio.size} "
        f"runs, {shortened} of them with a shortened step",
        margin=float(ratio.min() - 1.0) if runs.reached.all() else -1.0,
        numbers={"lowest": float(ratio.min()), "highest": float(ratio.max())}
        | {"shortened": shortened},
    )


def _limit(levels: Floats, counts: tuple[int, ...]) -> Claim:
    problem, margins, factors = minibatch_example(), [], {}
    for size in _SIZES:
        lr, factor = minibatch_max_lr(size), (8 * size + 1) / (2 * size + 1) ** 2
        measured = float(_squares(problem, _steps(lr, 1, size))[1])
        factors[size] = measured
        runs = train(problem, [annealed(lr, k, size) for k in counts], train_loss=levels)
        ratio = runs.test_loss / levels
        most = 0.75 + 0.25 * _FAR[1] ** 2 * factor ** np.array(counts)[:, None] / levels
        margins += [float((1 - ratio / most).min()), float((ratio / 0.75 - 1).min())]
        margins.append(-abs(measured / factor - 1))
    return Claim(
        id="minibatch-limit",
        place=_PLACE,
        statement="with B ≥ 2, at the rate 3B/(2B + 1), the steep direction stays and the other "
        "shrinks by (8B + 1)/(2B + 1)² a step, so that the annealed test loss tends to (3/4)ε",
        formula=r"0 \le \mathbb{E}\,L_D - \frac34\,\epsilon \le "
        r"\frac14\left(\frac{8B+1}{(2B+1)^2}\right)^K\delta_2(0)^2",
        parameters={
            "target": list(_FAR),
            "batch_size": list(_SIZES),
            "epsilon": levels.tolist(),
            "steps": list(counts),
        },
        computed="factors "
        + ", ".join(f"{factor:.4g} (B = {size})" for size, factor in factors.items()),
        margin=min(margins),
        numbers={f"factor_{size}": factor for size, factor in factors.items()},
    )


def _window() -> Claim:
    problem, margins = minibatch_example(_NEAR), []
    numbers: dict[str, float] = {}
    flow = float(train(problem, GradientFlow(), train_loss=_WINDOW_LEVEL).test_loss)
    for size in (2, 3, 10):
        spread = np.sqrt(2 - 2 / size) / 2
        low, high = 3 * size / (size + 2) * np.array([1 - spread, 1 + spread])
        numbers |= {f"low_{size}": float(low), f"high_{size}": float(high)}
        rates = (0.98 * low, 1.02 * low, 0.98 * high, 1.02 * high)
        runs = train(problem, [annealed(lr, 1, size) for lr in rates], _WINDOW_LEVEL)
        gap = runs.test_loss / flow - 1
        margins.append(float(np.min(gap * [1, -1, -1, 1])))
    return Claim(
        id="minibatch-window",
        place=_PLACE,
        statement="with B ≥ 2 annealing helps at rates between these two, and hurts at smaller and "
        "larger ones",
        formula=r"\eta = \frac{3B}{2(B+2)}\left(2 \pm \sqrt{2(1-1/B)}\right)",
        parameters={
            "target": list(_NEAR),
            "batch_size": [2, 3, 10],
            "share_of_rate": [0.98, 1.02],
            "epsilon": _WINDOW_LEVEL,
            "steps": 1,
        },
        computed="; ".join(
            f"B = {size}: {numbers[f'low_{size}']:.4g} to {numbers[f'high_{size}']:.4g}"
            for size in (2, 3, 10)
        ),
        margin=min(margins),
        numbers=numbers,
    )


def _run_by_run(seed: int) -> Claim:
    rng, margins, shown = np.random.default_rng(seed), [], []
    numbers: dict[str, float] = {}
    for steps in _SIMULATED:
        ratio = stopped_each(rng, steps, _RUNS)
        mean, error = float(ratio.mean()), float(ratio.std(ddof=1)) / _RUNS**0.5
        margins.append(1 - mean - _QUANTILE * error)
        shown.append(f"{mean:.3f} ± {_QUANTILE * error:.3f} (K = {steps})")
        numbers |= {f"mean_{steps}": mean, f"standard_error_{steps}": error}
    return Claim(
        id="minibatch-run-by-run",
        place=_PLACE,
        statement="with batches of one row, each run stopped at its own train loss, annealing does "
        "gain on average over runs, from this start",
        formula=r"\mathbb{E}\,L_D(\beta_{annealed}) < L_D(\beta_{flow})",
        parameters={
            "target": list(_FAR),
            "lr": 1.5,
            "epsilon": _OWN_LEVEL,
            "runs": _RUNS,
            "seed": seed,
        },
        computed="simulated annealed/flow, with 95 % intervals: " + ", ".join(shown),
        margin=min(margins),
        numbers=numbers,
    )


def stopped_each(rng: np.random.Generator, steps: int, runs: int) -> Floats:
    """Simulate steps of one row at η = 3/2, and flow to each run's own train loss.

    A step multiplies the residual of the row's direction by 1 - 2η = -2, and so its square by 4,
    so that the train loss grows and no step ends a run.

    Returns
    -------
    array
        Each run's test loss over that of gradient flow.
    """
    steep = (rng.integers(3, size=(steps, runs)) < 2).sum(axis=0)
    start = -2 * np.log(_FAR[0])  # log(δ_1²/δ_2⁴), which flow keeps
    ends = [start + np.log(4.0) * (3 * steep - 2 * steps), start]
    # with c = δ_1²/δ_2⁴ a train loss ε means 2cb² + b = 3ε for b = δ_2²
    roots = [np.sqrt(1 + 24 * _OWN_LEVEL * np.exp(each)) for each in ends]
    annealed_loss, flow_loss = (0.75 + 1.5 / (1 + root) for root in roots)
    return np.asarray(annealed_loss / flow_loss)

"""Fit the law to logged runs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from isoloss._messages.near_misses import suggest
from isoloss._messages.numbers import short
from isoloss._parallel.threads import one_thread
from isoloss.curves.filtered_runs import FilteredRuns
from isoloss.curves.law import Law
from isoloss.curves.law_parameters import LawParameters, log_loss_and_slopes
from isoloss.curves.logged_rows import LoggedRows, Target, chosen_rows
from isoloss.curves.loss_curve import LossCurve
from isoloss.curves.misfit import CORRELATED, FittedRange, Misfit, independent_values
from isoloss.curves.numbers import count, number
from isoloss.curves.priors import PRIORS, Prior, check_priors, prior_logs
from isoloss.curves.search import Search
from isoloss.curves.seeds import is_constant

__all__ = ["fit"]

Floats = npt.NDArray[np.float64]

_ASSUMED_DECAY = 0.1
_LARGE_ADAMW = 0.05  # a rate that AdamW hardly ever has
_FAR_APART = 30.0  # the ratio of peaks above which their units are doubted
_ROUNDS = 3  # rounds that estimate the size of the residuals and fit again
_TUNING = 1.345  # Huber's, for 95 % efficiency at normal residuals
_LEAST_SCALE = 5e-4
_NAMES = tuple(LawParameters.__dataclass_fields__)
_LOSSES = [_NAMES.index(name) for name in ("floor", "signal", "noise")]
_CONSTANT_NORM = {"norm_growth": 0.0, "norm_exponent": 1.0}


def fit(
    runs: LossCurve | Sequence[LossCurve],
    *,
    target: Target | None = None,
    priors: Mapping[str, Prior] | None = PRIORS,
    fixed: Mapping[str, float] | None = None,
    weight_norm: bool | None = None,
    after: int | None = None,
) -> Law:
    """Fit the law of noisy descent on a power-law spectrum to logged runs.

    The law is L = L∞ + A S^(−α) + B Σ w n: a floor, a signal that is still to be learned, and
    gradient noise in modes n with power-law weights w, which follow the learning rate with a delay.
    S sums the effective rates, in thousands of steps and in units of the largest peak of the runs.
    An effective rate is the logged one divided by a power of the weight norm, which grows with
    every step and shrinks with decoupled weight decay. The page on the mathematics derives the law.

    The fit is a maximum a posteriori estimate, robust against outliers (Huber's loss of residuals
    of the log loss). The size of the residuals decides how much the priors weigh: a run counts for
    few independent values, since its residuals keep their sign for many rows. The intervals of
    forecasts come from the same estimate.

    Parameters
    ----------
    runs : LossCurve or sequence of LossCurve
        The runs, of one model on the same data with the same batch size. Runs of several schedules
        and peaks determine more.
    target : {"loss", "test_loss"}, optional
        The loss to fit. By default the test loss if every run has it, and otherwise the loss.
    priors : mapping of str to Prior, optional
        What other data say of the parameters, by their names in `LawParameters`. With None, the
        runs must determine every parameter that is not in ``fixed``.
    fixed : mapping of str to float, optional
        Values at which parameters are held, by their names in `LawParameters`. ``norm_growth`` is
        the growth at the largest peak of the runs.
    weight_norm : bool, optional
        Whether the weight norm changes. By default, it does unless every run has weight decay 0.
        False holds the norm constant (c = 0), as for SGD without weight decay.
    after : int, optional
        The step before which rows are left out. By default, rows in the first eighth of the
        shortest run are left out, since the early descent follows no power law.

    Returns
    -------
    Law
        The fitted law. Its ``notes`` say what was assumed or left out.

    Raises
    ------
    ValueError
        If there is no run, a run has too few rows or losses that are not above 0, batch sizes
        differ, or an argument is out of range.
    TypeError
        If a run is not a `LossCurve`.

    Examples
    --------
    >>> import numpy as np
    >>> from isoloss import curves, families
    >>> step = np.arange(100, 4001, 100)
    >>> runs = [
    ...     curves.LossCurve(step, 2 + 3 / step**0.5 + drop, rates, weight_decay=0.1, name=name)
    ...     for name, rates, drop in [
    ...         ("constant", 1e-3, 0.05), ("cosine", families.cosine(1e-3, 4000), 0.05 - step / 8e4)
    ...     ]
    ... ]
    >>> law = curves.fit(runs)
    >>> loss, low, high = law.predict("constant(1, 8000)").final
    >>> bool(low < loss < runs[0].loss[-1])
    True
    """
    curves = _checked(runs)
    target = _target(curves, target)
    rows, first, dropped = chosen_rows(
        curves, target, None if after is None else count("after", after, 0)
    )
    decays, notes = _decays(curves)
    if dropped:
        notes.append(
            f"{dropped} rows before step {first} were left out: the early descent follows no power "
            "law."
        )
    peaks = [float(each.rates[: each.step[-1]].max()) for each in rows]
    reference = max(peaks)
    notes += [*_little_told(curves), *_odd_rates(peaks, decays)]
    changes = weight_norm if weight_norm is not None else bool((decays > 0).any())
    held = _held(fixed, {} if changes else _CONSTANT_NORM)
    if not changes:
        notes.append("The weight norm is taken to be constant (c = 0).")
    filtered = FilteredRuns([(each.rates, each.step) for each in rows], reference, decays)
    usual = prior_logs(PRIORS, reference)
    prior = prior_logs(check_priors(priors), reference)
    start = usual[0].copy()
    free = np.array([name not in held for name in _NAMES])
    with np.errstate(divide="ignore"):
        start[~free] = [np.log(held[name]) for name in _NAMES if name in held]
    unit = min(float(each.log_loss.min()) for each in rows)
    start[_LOSSES] -= unit
    with one_thread():  # thousands of rows by eight parameters: more threads take longer
        logs, covariance, misfit = _fitted(rows, unit, filtered, start, usual, prior, free)
    return Law(
        parameters=LawParameters.of_logs(logs).times(math.exp(unit)),
        covariance=covariance,
        misfit=misfit,
        noise=_noise(rows),
        fitted=FittedRange(
            min(peaks),
            max(peaks),
            max(int(each.step[-1]) for each in rows),
            min(int(each.step[0]) for each in rows),
        ),
        reference=reference,
        weight_decay=float(decays[0]) if (decays == decays[0]).all() else None,
        target=target,
        runs=tuple(curve.name for curve in curves),
        prior_spreads=tuple(np.where(prior[1] < 10, prior[1], np.nan).tolist()),
        notes=tuple(notes),
    )


def _fitted(
    rows: Sequence[LoggedRows],
    unit: float,
    filtered: FilteredRuns,
    start: Floats,
    usual: tuple[Floats, Floats],
    prior: tuple[Floats, Floats],
    free: npt.NDArray[np.bool_],
) -> tuple[Floats, Floats, Misfit]:
    """Return the log parameters for losses in units of e^unit, their covariance, the misfit."""
    observed = np.concatenate([each.log_loss for each in rows]) - unit
    values = independent_values(rows)
    noise = _noise(rows)
    expected = misfit = Misfit.expected(noise)
    # A residual of this size in one row costs as much as one standard deviation of a prior. It is
    # larger than the misfit, since the many rows of a run share few independent values.
    weight = misfit.size * np.sqrt(observed.size / values)
    search = Search(filtered, observed, prior, free)
    scale = 1e-3 + noise
    # Without priors, searches would end in valleys far from any known law.
    near = Search(filtered, observed, usual, free).near(start, weight, scale)
    logs = search.best(near, weight, scale)
    known = np.diag(prior[1][free] ** -2.0)
    for trial in range(_ROUNDS + 1):
        if trial > 0:
            logs = search.fit(logs, weight, scale)
        predicted, slopes = log_loss_and_slopes(LawParameters.of_logs(logs), filtered)
        slopes, residuals = slopes[:, free], observed - predicted
        typical = 1.4826 * float(np.median(np.abs(residuals)))
        scale = max(_TUNING * max(typical, noise), _LEAST_SCALE)
        trust = np.minimum(1, scale / np.maximum(np.abs(residuals), 1e-300))
        precision = slopes.T @ (trust[:, None] * slopes) / weight**2 + known
        used = free.sum() - np.trace(np.linalg.solve(precision, known))
        misfit = expected.seen(float(np.mean(trust * residuals**2)), values, float(used))
        weight = misfit.size * np.sqrt(observed.size / values)
    covariance = np.zeros((8, 8))
    covariance[np.ix_(free, free)] = _sandwich(rows, slopes, trust, known, misfit.size, weight)
    return logs, covariance, misfit


def _sandwich(
    rows: Sequence[LoggedRows],
    slopes: Floats,
    trust: Floats,
    prior: Floats,
    misfit: float,
    weight: float,
) -> Floats:
    """Return the covariance of an estimate that treats correlated rows as independent.

    The slopes must be those at the estimate: where runs hardly determine the parameters along some
    direction, slopes at another point would miss that direction.
    """
    weighted = trust[:, None] * slopes / weight**2
    spread, start = prior.copy(), 0
    for each in rows:
        own = weighted[start : start + each.step.size]
        start += each.step.size
        away = np.abs(np.subtract.outer(np.log(each.step), np.log(each.step)))
        spread += own.T @ np.exp(-away / CORRELATED) @ own * misfit**2
    inverse = np.linalg.inv(weighted.T @ slopes + prior)
    return inverse @ spread @ inverse


def _noise(rows: Sequence[LoggedRows]) -> float:
    return float(np.median([each.noise for each in rows]))


def _checked(runs: LossCurve | Sequence[LossCurve]) -> list[LossCurve]:
    if not isinstance(runs, Iterable | LossCurve):
        raise TypeError(f"runs must be LossCurves, as curves.read returns them; got {runs!r}")
    found = [runs] if isinstance(runs, LossCurve) else list(runs)
    if not found:
        raise ValueError("give at least one run")
    for each in found:
        if not isinstance(each, LossCurve):
            raise TypeError(f"runs must be LossCurves, as curves.read returns them; got {each!r}")
    sizes = {each.batch_size for each in found if each.batch_size is not None}
    if len(sizes) > 1:
        raise ValueError(
            f"the runs have batch sizes {', '.join(map(str, sorted(sizes)))}; no tested rule says "
            "how the noise of a step depends on the batch size: fit runs of one batch size"
        )
    return found


def _target(runs: Sequence[LossCurve], target: Target | None) -> Target:
    if target is None:
        return "test_loss" if all(each.test_loss is not None for each in runs) else "loss"
    if target not in ("loss", "test_loss"):
        near = suggest(str(target), ("loss", "test_loss"))
        raise ValueError(f"target must be 'loss' or 'test_loss'; got {target!r}{near}")
    return target


def _decays(runs: Sequence[LossCurve]) -> tuple[Floats, list[str]]:
    """Return the weight decay of each run, and a sentence if it was assumed."""
    known = [each.weight_decay for each in runs]
    if None not in known:
        return np.array(known, dtype=np.float64), []
    others = {each for each in known if each is not None}
    if len(others) > 1:
        raise ValueError(
            f"some runs have weight decay {', '.join(map(short, sorted(others)))}, and others do "
            "not say; give weight_decay for every run"
        )
    assumed = others.pop() if others else _ASSUMED_DECAY
    return np.full(len(runs), assumed), [
        f"The runs do not record their weight decay; it is taken to be {short(assumed)}. If that "
        "is wrong (PyTorch's AdamW has 0.01 by default, and SGD has 0), so is the forecast."
    ]


def _little_told(runs: Sequence[LossCurve]) -> list[str]:
    """Return a sentence if the schedules cannot tell signal from noise."""
    if len(runs) == 1:
        why = "There is one run only"
    elif all(is_constant(run) for run in runs):
        why = "No run changes its rate after the warm-up"
    else:
        return []
    return [
        f"{why}, so its loss cannot be split into signal and noise: other data sets (the priors) "
        "decide much of the forecast. A run with another schedule would tell."
    ]


def _odd_rates(peaks: Sequence[float], decays: Floats) -> list[str]:
    """Return sentences on peak rates that look like percentages or other units."""
    found = []
    if max(peaks) > _LARGE_ADAMW and (decays > 0).any():
        found.append(
            f"The largest rate is {short(max(peaks))}, and AdamW's are rarely above 0.01: the law "
            "needs the rates themselves, not percentages or shares of a peak."
        )
    if max(peaks) > _FAR_APART * min(peaks):
        found.append(
            f"Peak rates of the runs differ by a factor of {short(max(peaks) / min(peaks), 2)}: "
            "are all in the same unit?"
        )
    return found


def _held(fixed: Mapping[str, float] | None, others: Mapping[str, float]) -> dict[str, float]:
    held: dict[str, float] = dict(fixed or {})
    for name, value in held.items():
        if name not in _NAMES:
            near = suggest(str(name), _NAMES)
            raise ValueError(f"fixed must name parameters of the law; {name!r} is not one{near}")
        if not 0 <= number(name, value) < np.inf or (value == 0 and name != "norm_growth"):
            raise ValueError(f"fixed parameters must be positive numbers; got {name} = {value}")
    return {**held, **others}

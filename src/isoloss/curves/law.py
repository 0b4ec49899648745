"""The law of noisy descent on a power-law spectrum, fitted to runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from isoloss._messages.numbers import short
from isoloss.curves.best_schedule import best_rates
from isoloss.curves.filtered_runs import FilteredRuns
from isoloss.curves.forecast import Forecast
from isoloss.curves.forecast_comparison import Difference, ForecastComparison
from isoloss.curves.law_parameters import log_loss_and_slopes
from isoloss.curves.law_record import LawRecord
from isoloss.curves.law_summary import summarised
from isoloss.curves.loss_curve import LossCurve
from isoloss.curves.next_run import ROWS, NextRun, candidates, remaining
from isoloss.curves.numbers import count, decay, number, planned_steps, whole_steps
from isoloss.curves.planned_rates import Planned, named_schedules, planned_rates
from isoloss.schedules import GradientDescent, Schedule
from isoloss.schedules.families import constant, warmup_stable_decay

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Law"]

Floats = npt.NDArray[np.float64]
Steps = npt.NDArray[np.int64]

_ROWS = 200  # of a forecast


@dataclass(frozen=True, repr=False, eq=False)
class Law(LawRecord):
    """A law of loss curves, fitted to the runs of one model by `fit`.

    Attributes
    ----------
    parameters : LawParameters
        The fitted parameters.
    covariance : array, shape (8, 8)
        The covariance of their logarithms; 0 for those that were held fixed.
    misfit : Misfit
        How far the log losses of runs lie from the law.
    noise : float
        The standard deviation of the noise in one logged row's log loss.
    fitted : FittedRange
        The peaks and lengths of the fitted runs.
    reference : float
        The largest fitted peak, absolute: the unit of the law's rates, and of rates in texts.
    weight_decay : float or None
        The weight decay of the fitted runs; None if they differ.
    target : {"loss", "test_loss"}
        The loss that was fitted.
    runs : tuple of str
        The names of the fitted runs.
    prior_spreads : tuple of float
        The standard deviation of each parameter's logarithm before the fit; NaN without a prior.
    notes : tuple of str
        What the fit assumed or left out, a sentence each.
    """

    def predict(
        self,
        schedule: Planned,
        *,
        at: npt.ArrayLike | None = None,
        after: LossCurve | None = None,
        confidence: float = 0.9,
        weight_decay: float | None = None,
        name: str = "",
    ) -> Forecast:
        """Predict the loss of a run.

        Parameters
        ----------
        schedule : str, Schedule, phase, LossCurve or array_like, shape (steps,)
            The rate of each step. Rates in a text are in units of the largest fitted peak,
            ``reference``; all others are absolute.
        at : array_like of int, optional
            The steps to predict, increasing. By default, up to 200 evenly spaced steps.
        after : LossCurve, optional
            A run that the schedule continues after its last row. Steps count from its start.
        confidence : float, default: 0.9
            The probability of each interval.
        weight_decay : float, optional
            The weight decay of the run. By default, that of the fitted runs.
        name : str, optional
            A name for tables and figures; by default, that of the schedule.

        Returns
        -------
        Forecast
            The loss at each step, with an interval that adds the uncertainty of the fit, the misfit
            of a new run and the noise of a row in squares. Beyond the fitted peaks and lengths it
            widens by a rule that was calibrated on public curves.

        Raises
        ------
        ValueError
            If the schedule has gradient flow or no rate above 0, ``at`` reaches outside it,
            ``confidence`` is not between 0 and 1, or the fitted runs differ in weight decay and
            none is given.
        """
        rates, shown = planned_rates(schedule, self.reference)
        rates = np.concatenate([_rates_before(after), rates])
        steps = _steps_of(rates, at)
        logs, slopes = self._at(rates, steps, weight_decay)
        peak = float(rates[: steps[-1]].max())
        variance = np.einsum("ip,pq,iq->i", slopes, self.covariance, slopes)
        missed = self.misfit.of_new_run(self.fitted, peak, steps)
        half = self._quantile(confidence) * np.sqrt(variance + missed**2 + self.noise**2)
        notes = self.fitted.left_by(peak, int(steps[-1]))
        if None not in (weight_decay, self.weight_decay) and weight_decay != self.weight_decay:
            notes.append(
                f"The fitted runs have weight decay {self.weight_decay}, not {weight_decay}: how "
                "the loss depends on it comes from theory alone, and the interval is no wider."
            )
        return Forecast(
            steps,
            np.exp(logs),
            np.exp(logs - half),
            np.exp(logs + half),
            rates,
            confidence,
            name or shown,
            tuple(notes),
        )

    def compare(
        self,
        schedules: Mapping[str, Planned] | Sequence[Planned],
        *,
        after: LossCurve | None = None,
        confidence: float = 0.9,
        weight_decay: float | None = None,
    ) -> ForecastComparison:
        """Predict the losses of several schedules, and how much their final losses differ.

        Parameters
        ----------
        schedules : mapping of str to schedule, or sequence of schedules
            The schedules, as `predict` takes them, by name. Those of a sequence are named by their
            printed form.
        after, confidence, weight_decay
            As for `predict`.

        Returns
        -------
        ForecastComparison
            The forecasts, the best schedule, and differences to it with intervals.

        Raises
        ------
        ValueError
            If there is no schedule, or `predict` refuses one.
        """
        forecasts, ends = {}, {}
        for name, each in named_schedules(schedules, self.reference).items():
            found = self.predict(
                each, after=after, confidence=confidence, weight_decay=weight_decay, name=name
            )
            last = found.step[-1:]
            _, slopes = self._at(found.rates, last, weight_decay)
            peak = float(found.rates.max())
            missed = self.misfit.of_new_run(self.fitted, peak, last)
            forecasts[name] = found
            ends[name] = slopes[0] * found.loss[-1], float(missed[0]) * found.final[0]
        best = min(forecasts, key=lambda name: forecasts[name].final[0])
        quantile, differences = self._quantile(confidence), {}
        for name, (slope, own) in ends.items():
            more = forecasts[name].final[0] - forecasts[best].final[0]
            away = slope - ends[best][0]
            spread = float(away @ self.covariance @ away) + own**2 + ends[best][1] ** 2
            half = 0.0 if name == best else quantile * math.sqrt(spread)
            differences[name] = Difference(more, more - half, more + half)
        return ForecastComparison(forecasts, best, differences)

    def best_schedule(
        self,
        steps: int,
        *,
        max_lr: float | None = None,
        min_lr: float = 0.0,
        warmup: int = 0,
        after: LossCurve | None = None,
        weight_decay: float | None = None,
    ) -> Schedule:
        """Return the schedule with the lowest predicted final loss.

        The run is cut into 400 blocks whose rates are free between two bounds, and a search finds
        the rates with the lowest predicted loss. It cannot respect what the law does not know, such
        as the rates at which training diverges.

        Parameters
        ----------
        steps : int
            The number of steps.
        max_lr : float, optional
            The largest rate, by default the largest fitted peak. Forecasts at higher rates have
            been too optimistic.
        min_lr : float, default: 0
            The smallest rate after the warm-up.
        warmup : int, default: 0
            The steps over which the rate rises linearly from 0.
        after : LossCurve, optional
            A run to continue from its last row; ``steps`` then counts only the steps after it.
        weight_decay : float, optional
            As for `predict`.

        Returns
        -------
        Schedule
            One phase with an absolute rate for each of ``steps``.

        Raises
        ------
        ValueError
            If the bounds are not 0 ≤ min_lr < max_lr, or the warm-up is not shorter than the run.
        """
        steps, warmup = planned_steps("steps", steps, 1), count("warmup", warmup, 0)
        most = self.reference if max_lr is None else number("max_lr", max_lr)
        if not 0 <= min_lr < most < np.inf:
            raise ValueError(f"rates need 0 <= min_lr < max_lr; got {min_lr} and {most}")
        if warmup >= steps:
            raise ValueError(f"the warm-up must end within {steps} steps; got {warmup}")
        lost = self._decay(weight_decay)
        before = np.zeros(0), np.zeros(0)
        if after is not None:
            run = FilteredRuns([(_rates_before(after), after.step[-1:])], self.reference, lost)
            before = run.blocks[0].length, run.blocks[0].rate
        rates = best_rates(
            self.parameters,
            2000 * self.reference * float(lost[0]),
            steps,
            min_lr / self.reference,
            most / self.reference,
            warmup,
            before,
        )
        return Schedule(GradientDescent(np.clip(rates * self.reference, None, most)))

    def next_run(
        self,
        budget: int,
        *,
        schedule: Planned | None = None,
        warmup: int = 0,
        max_lr: float | None = None,
        weight_decay: float | None = None,
    ) -> NextRun:
        """Return the run that would make a forecast most certain if it were fitted, too.

        The candidates are constant rates, cosines, and cool-downs over 10, 20 and 50% of the run.
        They have ``budget`` steps or half as many, at the largest fitted peak, half that peak, or
        ``max_lr``.

        Parameters
        ----------
        budget : int
            The largest number of steps, at least 20.
        schedule : schedule, optional
            The forecast to make certain, as `predict` takes it. By default, a run of the largest
            fitted peak, four times as long as the longest fitted run, with a cool-down over its
            last fifth.
        warmup : int, default: 0
            The steps over which the rates of candidates rise from 0; a quarter of a run at most.
        max_lr : float, optional
            Another peak to consider.
        weight_decay : float, optional
            As for `predict`.

        Returns
        -------
        NextRun
            The run, and the uncertainty before and after it.

        Raises
        ------
        ValueError
            If ``budget`` is below 20, ``warmup`` is below 0, or `predict` refuses ``schedule``.
        """
        budget = planned_steps("budget", budget, 20)
        warmup = count("warmup", warmup, 0)
        if schedule is None:
            long = 4 * self.fitted.steps
            schedule = warmup_stable_decay(self.reference, long, warmup=warmup, decay=long // 5)
        rates, _ = planned_rates(schedule, self.reference)
        _, slopes = self._at(rates, np.array([rates.size]), weight_decay)
        asked = slopes[0]
        peaks = {
            "at the largest peak": self.reference,
            "at half the largest peak": self.reference / 2,
        }
        if max_lr is not None:
            if not 0 < number("max_lr", max_lr) < np.inf:
                raise ValueError(f"max_lr must be a rate above 0; got {max_lr!r}")
            peaks[f"at {short(max_lr)}"] = max_lr
        runs = candidates(budget, warmup, peaks)
        left = {}
        for name, run in runs.items():
            planned = run.learning_rates()
            at = np.geomspace(max(planned.size // 8, 2), planned.size, ROWS).astype(int)
            at = np.unique(at)
            _, slopes = self._at(planned, at, weight_decay)
            missed = float(self.misfit.of_new_run(self.fitted, planned.max(), at)[-1])
            left[name] = remaining(self.covariance, asked, slopes, at, missed, self.noise)
        ordered = dict(sorted(left.items(), key=lambda item: item[1]))
        best = next(iter(ordered))
        now = float(np.sqrt(asked @ self.covariance @ asked))
        return NextRun(best, runs[best], now, ordered[best], ordered)

    def plot(
        self,
        schedules: Mapping[str, Planned] | Sequence[Planned] | None = None,
        *,
        runs: Sequence[LossCurve] = (),
    ) -> Figure:
        """Draw forecasts, with logged runs beside them.

        Parameters
        ----------
        schedules : mapping of str to schedule, or sequence of schedules, optional
            As for `compare`. By default, the schedules of ``runs``; without ``runs``, a constant
            rate and a cool-down over the last fifth, as long as the longest fitted run.
        runs : sequence of LossCurve, optional
            Logged runs.

        Returns
        -------
        matplotlib.figure.Figure
            Rates above and losses below, over steps.
        """
        from isoloss.curves.drawing import draw_forecasts

        if schedules is None:
            long, lr = self.fitted.steps, self.reference
            schedules = {f"law of {run.name or index}": run for index, run in enumerate(runs)} or {
                "constant": constant(lr, long),
                "20% cool-down": warmup_stable_decay(lr, long, warmup=0, decay=long // 5),
            }
        found = self.compare(schedules).forecasts
        return draw_forecasts(list(found.values()), runs, self.target)

    def summary(self) -> str:
        """Return the parameters with their uncertainty, and what the runs do not determine."""
        return summarised(self)

    def _at(self, rates: Floats, steps: Steps, weight_decay: float | None) -> tuple[Floats, Floats]:
        """Return the log losses of a run at some steps, and their slopes along log parameters."""
        lost = self._decay(weight_decay)
        with np.errstate(all="ignore"):  # of absurd rates, which are refused below
            runs = FilteredRuns([(rates, steps)], self.reference, lost)
            logs, slopes = log_loss_and_slopes(self.parameters, runs)
        if not (np.isfinite(logs).all() and np.isfinite(slopes).all()):
            raise ValueError(
                f"the law gives no finite loss for rates of up to {short(float(rates.max()))}; its "
                f"largest fitted peak is {short(self.reference)}"
            )
        return logs, slopes

    def _quantile(self, confidence: float) -> float:
        if not 0 < number("confidence", confidence) < 1:
            raise ValueError(f"confidence must be between 0 and 1, such as 0.9; got {confidence}")
        return float(student.ppf((1 + confidence) / 2, self.misfit.freedom))

    def _decay(self, given: float | None) -> Floats:
        found = self.weight_decay if given is None else decay(given)
        if found is None:
            raise ValueError(
                "the fitted runs have different weight decays; give weight_decay for the new run"
            )
        return np.array([found], dtype=np.float64)


def _steps_of(rates: Floats, at: npt.ArrayLike | None) -> Steps:
    """Return the steps to predict, from the first one with a rate above 0."""
    first = int(np.argmax(rates > 0)) + 1
    last = rates.size
    if at is None:
        return np.unique(np.linspace(max(first, last // _ROWS), last, _ROWS).round().astype(int))
    if np.size(at) == 0:
        raise ValueError("at is empty; give at least one step")
    steps = whole_steps(np.atleast_1d(at))
    if steps[0] < first or steps[-1] > last or (np.diff(steps) <= 0).any():
        raise ValueError(
            f"at must be increasing steps from {first}, the first with a rate above 0, to {last}, "
            f"the last; got {steps[0]} to {steps[-1]}"
        )
    return steps


def _rates_before(after: LossCurve | None) -> Floats:
    """Return the rates of a run until its last row."""
    if after is None:
        return np.zeros(0)
    if not isinstance(after, LossCurve):
        raise TypeError(f"after must be the LossCurve of a run; got {after!r}")
    return after.rates[: after.step[-1]]

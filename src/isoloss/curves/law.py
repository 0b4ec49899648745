"""The law of noisy descent on a power-law spectrum, fitted to runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from isoloss._messages.numbers import short
from isoloss.curves.filtered_runs import FilteredRuns
from isoloss.curves.forecast import Forecast
from isoloss.curves.law_parameters import LawParameters, log_loss_and_slopes
from isoloss.curves.misfit import FittedRange, Misfit
from isoloss.curves.numbers import whole_steps
from isoloss.curves.planned_rates import Planned, planned_rates

__all__ = ["Law"]

Floats = npt.NDArray[np.float64]

_ROWS = 200  # of a forecast


@dataclass(frozen=True, repr=False, eq=False)
class Law:
    """A law of loss curves, fitted to the runs of one model by `fit`.

    Attributes
    ----------
    parameters : LawParameters
        The fitted parameters.
    covariance : array, shape (8, 8)
        The covariance of their logarithms; 0 for those that were held fixed.
    misfit : Misfit
        How far runs lie from the law.
    noise : float
        The standard deviation of the noise in one logged row's log loss.
    fitted : FittedRange
        The peaks and lengths of the fitted runs.
    reference : float
        The largest fitted peak, in whose units rates of texts are.
    weight_decay : float or None
        The weight decay of the fitted runs; None if they differ.
    target : {"loss", "test_loss"}
        The loss that was fitted.
    runs : tuple of str
        The names of the fitted runs.
    prior_spreads : tuple of float
        The spread of each parameter's logarithm before the fit; NaN without a prior.
    notes : tuple of str
        What the fit assumed or left out, a sentence each.
    """

    parameters: LawParameters
    covariance: Floats
    misfit: Misfit
    noise: float
    fitted: FittedRange
    reference: float
    weight_decay: float | None
    target: str
    runs: tuple[str, ...]
    prior_spreads: tuple[float, ...]
    notes: tuple[str, ...]

    def predict(
        self,
        schedule: Planned,
        *,
        at: npt.ArrayLike | None = None,
        level: float = 0.9,
        weight_decay: float | None = None,
        name: str = "",
    ) -> Forecast:
        """Predict the loss of a run.

        Parameters
        ----------
        schedule : str, Schedule, phase, LossCurve or array_like, shape (steps,)
            The rate of each step. Rates of a text are in units of the largest fitted peak,
            ``reference``; all others are absolute.
        at : array_like of int, optional
            The steps to predict, increasing. By default, 200 that are even along the run.
        level : float, default: 0.9
            The probability of the interval.
        weight_decay : float, optional
            The weight decay of the run. By default, that of the fitted runs.
        name : str, optional
            A name for tables and figures; by default, that of the schedule.

        Returns
        -------
        Forecast
            The loss at each step, with an interval of which the fit's uncertainty, the misfit of a
            new run and the noise of a row are parts. Beyond the fitted peaks and lengths it widens
            as the misfit did on public curves.

        Raises
        ------
        ValueError
            If the schedule has gradient flow or no rate above 0, ``at`` is not within it, ``level``
            is not between 0 and 1, or fitted runs differ in weight decay and none is given.
        """
        if not 0 < level < 1:
            raise ValueError(f"level must be between 0 and 1, such as 0.9; got {level}")
        rates, shown = planned_rates(schedule, self.reference)
        steps = _steps_of(rates, at)
        runs = FilteredRuns([(rates, steps)], self.reference, self._decay(weight_decay))
        logs, slopes = log_loss_and_slopes(self.parameters, runs)
        peak = float(rates[: steps[-1]].max())
        variance = np.einsum("ip,pq,iq->i", slopes, self.covariance, slopes)
        missed = self.misfit.of_new_run(self.fitted, peak, steps.astype(np.float64))
        half = student.ppf((1 + level) / 2, self.misfit.freedom) * np.sqrt(
            variance + missed**2 + self.noise**2
        )
        return Forecast(
            steps,
            np.exp(logs),
            np.exp(logs - half),
            np.exp(logs + half),
            rates,
            level,
            name or shown,
            tuple(self._beyond(peak, int(steps[-1]))),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the law for JSON, from which `from_dict` makes it again."""
        return {
            "format": "isoloss.curves.Law",
            "parameters": asdict(self.parameters),
            "covariance": self.covariance.tolist(),
            "misfit": asdict(self.misfit),
            "fitted": asdict(self.fitted),
            "prior_spreads": [None if np.isnan(each) else each for each in self.prior_spreads],
            "runs": list(self.runs),
            "notes": list(self.notes),
            **{name: getattr(self, name) for name in _PLAIN},
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Self:
        """Return the law that `to_dict` gave.

        Raises
        ------
        ValueError
            If the fields are not those of a law.
        """
        if fields.get("format") != "isoloss.curves.Law":
            raise ValueError("this is no law: its format is not 'isoloss.curves.Law'")
        missing = {*cls.__dataclass_fields__} - set(fields)
        if missing:
            raise ValueError(f"the law lacks {', '.join(sorted(missing))}; write it again")
        spreads = (np.nan if each is None else float(each) for each in fields["prior_spreads"])
        return cls(
            LawParameters(**fields["parameters"]),
            np.array(fields["covariance"], dtype=np.float64).reshape(8, 8),
            Misfit(**fields["misfit"]),
            fitted=FittedRange(**fields["fitted"]),
            prior_spreads=tuple(spreads),
            runs=tuple(fields["runs"]),
            notes=tuple(fields["notes"]),
            **{name: fields[name] for name in _PLAIN},
        )

    def _decay(self, given: float | None) -> Floats:
        decay = self.weight_decay if given is None else given
        if decay is None:
            raise ValueError(
                "the fitted runs have different weight decays; give weight_decay for this one"
            )
        return np.array([decay], dtype=np.float64)

    def _beyond(self, peak: float, steps: int) -> list[str]:
        """Return a sentence for each way in which a run leaves what was fitted."""
        found = []
        if peak > 1.01 * self.fitted.highest_peak:
            ratio = short(peak / self.fitted.highest_peak, 3)
            found.append(
                f"The peak {short(peak)} is {ratio} times the largest fitted one; forecasts beyond "
                "it have been too optimistic, and the interval is wider."
            )
        if peak < 0.99 * self.fitted.lowest_peak:
            ratio = short(self.fitted.lowest_peak / peak, 3)
            found.append(
                f"The peak {short(peak)} is {ratio} times below the smallest fitted one, and the "
                "interval is wider."
            )
        if steps > 1.01 * self.fitted.steps:
            ratio = short(steps / self.fitted.steps, 3)
            found.append(
                f"The run is {ratio} times as long as the longest fitted one, and the interval is "
                "wider."
            )
        return found

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((astuple(self.parameters), self.runs, self.target))

    def __repr__(self) -> str:
        p = self.parameters
        return (
            f"Law({self.target} of {len(self.runs)} runs: {short(p.floor)} + "
            f"{short(p.signal)} S^-{short(p.signal_exponent, 3)} + noise, "
            f"misfit {100 * self.misfit.size:.2g}%, peak {short(self.reference)})"
        )


_PLAIN = ("noise", "reference", "weight_decay", "target")


def _steps_of(rates: Floats, at: npt.ArrayLike | None) -> npt.NDArray[np.int64]:
    """Return the steps to predict, after the first rate above 0."""
    first = int(np.argmax(rates > 0)) + 1
    last = rates.size
    if at is None:
        return np.unique(np.linspace(max(first, last // _ROWS), last, _ROWS).round().astype(int))
    steps = whole_steps(at)
    if steps[0] < first or steps[-1] > last or (np.diff(steps) <= 0).any():
        raise ValueError(
            f"at must be increasing steps from {first}, the first with a rate above 0, to {last}, "
            f"the last; got {steps[0]} to {steps[-1]}"
        )
    return steps

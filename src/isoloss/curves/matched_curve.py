"""One run's test loss at given train losses, from its smoothed curves."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from isoloss.curves.loss_curve import LossCurve
from isoloss.curves.rate_breaks import rate_breaks
from isoloss.curves.smooth_curve import FEWEST, SmoothCurve, smooth

__all__ = ["AtLevel", "MatchedCurve"]

Floats = npt.NDArray[np.float64]

_ROUNDING = 1e-9  # relative, of steps, which are kept as logarithms
_LEAST = 1e-70  # of losses, whose fourth powers must not underflow
_SLOPE = 0.35  # e-folds of steps on both sides, over which test loss is fitted to train loss


@dataclass(frozen=True)
class AtLevel:
    """A run at the first step at which its train loss is at or below a level.

    ``error`` is the standard error of the test loss, NaN if its noise is not known, and ``freedom``
    its degrees of freedom. All are NaN if the level is not reached where both losses are known.
    """

    step: float = math.nan
    test_loss: float = math.nan
    error: float = math.nan
    freedom: float = math.nan


@dataclass(frozen=True, eq=False)
class MatchedCurve:
    """A run with its smoothed train and test losses.

    Attributes
    ----------
    run : LossCurve
        The run.
    name : str
        Its name, which no other run of the comparison has.
    train : SmoothCurve
        Its train loss.
    test : SmoothCurve or None
        Its test loss; None if it has too few rows to be smoothed, and is interpolated.
    first, last : float
        The steps between which both losses are known.
    """

    run: LossCurve
    name: str
    train: SmoothCurve
    test: SmoothCurve | None
    first: float
    last: float
    _rows: tuple[Floats, Floats] = field(repr=False)

    @classmethod
    def of(
        cls, run: LossCurve, name: str, bandwidth: float | None = None, averaged: int = 0
    ) -> MatchedCurve:
        """Smooth a run whose train losses are means over the ``averaged`` steps before each row.

        Raises ``ValueError`` if there are too few rows, or train and test losses do not overlap.
        """
        step, loss = run.rows()
        test_step, test_loss = run.rows("test_loss")
        for title, rows, least in (("train", loss, FEWEST), ("test", test_loss, 2)):
            if rows.size < least:
                raise ValueError(
                    f"the run '{name}' has {rows.size} rows with a {title} loss; matching needs at "
                    f"least {least}"
                )
            if not _LEAST <= np.abs(rows).max() <= 1 / _LEAST:
                raise ValueError(
                    f"the run '{name}' has {title} losses of {np.abs(rows).max():.3g}, whose "
                    f"squares cannot be computed with; give losses in another unit"
                )
        if averaged >= step[-1]:
            raise ValueError(
                f"averaged is {averaged}, but the run '{name}' has {step[-1]} steps; averaged is "
                "the number of steps over which each train loss is a mean"
            )
        # a mean over the steps before a row, as far as there are any, is about the loss midway
        middle = np.maximum(step - averaged / 2, step / 2)
        breaks = rate_breaks(run.rates)
        train = smooth(middle, loss, breaks, bandwidth)
        test = None
        if test_step.size >= FEWEST:
            test = smooth(test_step.astype(np.float64), test_loss, breaks, bandwidth)
        first = max(float(middle[0]), float(test_step[0]))
        last = min(float(middle[-1]), float(test_step[-1]))
        if first >= last:
            raise ValueError(
                f"the train and test losses of the run '{name}' do not overlap: one of them begins "
                f"at step {first:g}, and the other ends at step {last:g}"
            )
        return cls(run, name, train, test, first, last, (np.log1p(test_step), test_loss))

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest train loss that are reached where both losses are known."""
        known = self.train.loss[self._known]
        return float(known.min()), float(known[0])

    @property
    def clear_low(self) -> float:
        """The lowest train loss plus two standard errors, as it is partly low by chance."""
        known = np.flatnonzero(self._known)
        place = known[int(self.train.loss[known].argmin())]
        return float(self.train.loss[place]) + 2 * self.train.at(float(self.train.step[place]))[1]

    def lowest_until(self, step: float) -> float:
        """Return the lowest train loss up to a step, where both losses are known."""
        known = self._known
        early = known & (self.train.step <= max(step, float(self.train.step[known][0])))
        return float(self.train.loss[early].min())

    def path(self) -> tuple[Floats, Floats]:
        """Return the smoothed train loss, and the test loss at the same steps."""
        known = self._known
        return self.train.loss[known], self._test_at(np.log1p(self.train.step[known]))

    def at(self, level: float) -> AtLevel:
        """Return the run at the first step at which its train loss is at or below a level."""
        step = self.train.first_at(level)
        if not self.first * (1 - _ROUNDING) <= step <= self.last * (1 + _ROUNDING):  # or NaN
            return AtLevel()
        step = min(max(step, self.first), self.last)
        if self.test is None:
            return AtLevel(step, float(self._test_at(np.log1p([step]))[0]))
        value, error, freedom = self.test.at(step)
        _, train_error, train_freedom = self.train.at(step)
        parts = np.array([error, self._slope(step) * train_error]) ** 2
        together = float(parts.sum())
        if together > 0:  # Welch and Satterthwaite
            freedom = together**2 / float((parts**2 / [freedom, train_freedom]).sum())
        return AtLevel(step, value, math.sqrt(together), freedom)

    @property
    def _known(self) -> npt.NDArray[np.bool_]:
        """Which steps of the smoothed train loss have a test loss as well."""
        step = self.train.step
        return (step >= self.first * (1 - _ROUNDING)) & (step <= self.last * (1 + _ROUNDING))

    def _slope(self, step: float) -> float:
        """Return the slope of the test loss over the train loss around a step."""
        x = np.log1p(self.train.step)
        distance = np.abs(x - math.log1p(step))
        near = distance <= max(_SLOPE, float(np.partition(distance, 1)[1]))  # two rows at least
        losses, tests = self.train.loss[near], self._test_at(x[near])
        spread = float(((losses - losses.mean()) ** 2).sum())
        if spread == 0:
            return 0.0
        return float(((losses - losses.mean()) * (tests - tests.mean())).sum()) / spread

    def _test_at(self, x: Floats) -> Floats:
        if self.test is None:
            return np.interp(x, *self._rows)
        return np.interp(x, np.log1p(self.test.step), self.test.loss)

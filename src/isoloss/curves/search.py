"""The search for the parameters that fit rows, robust against outliers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from isoloss.curves.filtered_runs import FilteredRuns
from isoloss.curves.law_parameters import LawParameters, log_loss, log_loss_and_slopes

__all__ = ["Search"]

Floats = npt.NDArray[np.float64]

_MOST_TRIALS = 100  # ends searches along flat valleys, for losses that no law fits
_FLOORS = (0.7, 0.9)  # where searches start, in units of the lowest loss
_SIZES = [0, 1, 3]  # the places of the floor, the signal and the noise


class Search:
    """The search for the log parameters that fit the log losses of rows and a prior.

    Parameters
    ----------
    runs : FilteredRuns
        The runs.
    log_loss : array, shape (rows,)
        The logarithm of the loss in each row over the lowest loss.
    prior : (array, array), each of shape (8,)
        The means and standard deviations of the log parameters.
    free : array of bool, shape (8,)
        Which of them are searched for. The others stay where the search starts.
    """

    def __init__(
        self,
        runs: FilteredRuns,
        log_loss: Floats,
        prior: tuple[Floats, Floats],
        free: npt.NDArray[np.bool_],
    ) -> None:
        self._runs, self._log_loss = runs, log_loss
        (self._means, self._spreads), self._free = prior, free

    def fit(
        self,
        start: Floats,
        weight: float,
        scale: float,
        *,
        loss: str = "huber",
        precision: float = 1e-7,
    ) -> Floats:
        """Return the log parameters of least cost.

        Parameters
        ----------
        start : array, shape (8,)
            The log parameters to start from.
        weight : float
            The weight of the prior: a residual of this size counts as one standard deviation.
        scale : float
            The residual beyond which the cost grows linearly, not quadratically.
        loss : {"huber", "soft_l1"}
            Whether it turns linear at once or gradually; the latter works better from afar.
        precision : float
            The relative change of the cost or of the parameters at which the search ends.
        """
        free, rows = self._free, self._log_loss.size
        prior = np.diag(weight / self._spreads)[free][:, free]

        def all_logs(logs: Floats) -> LawParameters:
            found = start.copy()
            found[free] = logs
            return LawParameters.of_logs(found)

        def residuals(logs: Floats) -> Floats:
            missed = log_loss(all_logs(logs), self._runs) - self._log_loss
            return np.concatenate([missed, prior @ (logs - self._means[free])])

        def slopes(logs: Floats) -> Floats:
            return np.concatenate(
                [log_loss_and_slopes(all_logs(logs), self._runs)[1][:, free], prior]
            )

        found = least_squares(
            residuals,
            start[free],
            slopes,
            loss=_robust(_LOSSES[loss], rows),
            f_scale=scale,
            x_scale="jac",
            ftol=precision,
            xtol=precision,
            max_nfev=_MOST_TRIALS,
        )
        result = start.copy()
        result[free] = found.x
        return result

    def near(self, start: Floats, weight: float, scale: float) -> list[Floats]:
        """Return log parameters from quick searches that start from several floors of the loss.

        Signal and noise start from 0.5 and 0.1 of the lowest loss, and the others from ``start``.
        """
        found = []
        for floor in _FLOORS:
            sized = start.copy()
            sized[_SIZES] = np.log([floor, 0.5, 0.1])
            sized = np.where(self._free, sized, start)
            found.append(self.fit(sized, weight, 3 * scale, loss="soft_l1", precision=1e-4))
        return found

    def best(self, starts: Sequence[Floats], weight: float, scale: float) -> Floats:
        """Return the best log parameters that searches from several starts find."""
        found = [self.fit(start, weight, scale) for start in starts]
        return min(found, key=lambda logs: self._cost(logs, weight, scale))

    def _cost(self, logs: Floats, weight: float, scale: float) -> float:
        missed = (log_loss(LawParameters.of_logs(logs), self._runs) - self._log_loss) / scale
        away = (weight / scale * (logs - self._means) / self._spreads)[self._free]
        return float(_LOSSES["huber"](missed**2)[0].sum() + (away**2).sum())


def _huber(squares: Floats) -> Floats:
    large = squares > 1
    root = np.sqrt(np.where(large, squares, 1))
    return np.stack(
        [
            np.where(large, 2 * root - 1, squares),
            np.where(large, 1 / root, 1),
            np.where(large, -0.5 / root**3, 0),
        ]
    )


def _soft_l1(squares: Floats) -> Floats:
    root = np.sqrt(1 + squares)
    return np.stack([2 * (root - 1), 1 / root, -0.5 / root**3])


_LOSSES: dict[str, Callable[[Floats], Floats]] = {"huber": _huber, "soft_l1": _soft_l1}


def _robust(rho: Callable[[Floats], Floats], rows: int) -> Any:
    """Return a loss, in the form SciPy asks for, robust in rows and quadratic in the prior."""

    def loss(squares: Floats) -> Floats:
        found = np.zeros((3, squares.size))
        found[:, :rows] = rho(squares[:rows])
        found[0, rows:] = squares[rows:]
        found[1, rows:] = 1
        return found

    return loss

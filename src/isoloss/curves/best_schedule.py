"""The schedule with the lowest final loss under a law."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from isoloss.curves.final_loss import FinalLoss
from isoloss.curves.law_parameters import LawParameters

__all__ = ["best_rates"]

Floats = npt.NDArray[np.float64]

_BLOCKS = 400
_RAMP = 16  # blocks of a warm-up
_COOL_DOWNS = (0.1, 0.2, 0.5, 1.0)  # shares of a run, from which the search may start
_ENOUGH = 1e-10  # the relative change of the loss at which the search ends
_MOST_ROUNDS = 1000


def best_rates(
    parameters: LawParameters,
    decay: float,
    steps: int,
    least: float,
    most: float,
    warmup: int,
    before: tuple[Floats, Floats],
) -> Floats:
    """Return the rate of each step, in reference units, that gives the lowest final loss.

    The run after its warm-up is cut into 400 blocks, whose rates are free between two bounds. The
    warm-up rises linearly to the rate of the first block, and between the middles of blocks the
    rate is linear. The search starts from the best of some cool-downs and a cosine. No other local
    minimum has been found, but that there is none is not proved.

    Parameters
    ----------
    parameters : LawParameters
        The parameters of the law.
    decay : float
        The rate at which weight decay shrinks the squared weight norm per thousand steps, at the
        reference rate.
    steps, warmup : int
        The number of steps of the run, and of its warm-up.
    least, most : float
        The bounds of the rates, in reference units.
    before : (array, array), each of shape (blocks,)
        The lengths, in thousands of steps, and the rates, in reference units, of the blocks of the
        run that is continued; empty if there is none.

    Returns
    -------
    array, shape (steps,)
        The rates.
    """
    edges = np.unique(np.rint(np.linspace(warmup, steps, _BLOCKS + 1)).astype(np.int64))
    ramp = np.unique(np.rint(np.linspace(0, warmup, _RAMP + 1)).astype(np.int64))
    share = (ramp[1:] + ramp[:-1]) / 2 / max(warmup, 1)  # of the first free rate
    length = np.concatenate([before[0], np.diff(ramp) / 1000, np.diff(edges) / 1000])
    free = slice(length.size - (edges.size - 1), length.size)
    rising = slice(before[0].size, free.start)
    final = FinalLoss(parameters, length, decay)

    def all_rates(rates: Floats) -> Floats:
        return np.concatenate([before[1], share * rates[0], rates])

    def loss_and_gradient(rates: Floats) -> tuple[float, Floats]:
        loss, gradient = final.value_and_gradient(all_rates(rates))
        own = gradient[free].copy()
        own[0] += share @ gradient[rising]
        return loss, own

    middle = (edges[1:] + edges[:-1]) / 2
    found = minimize(
        loss_and_gradient,
        min(_starts(middle / steps, least, most), key=lambda rates: loss_and_gradient(rates)[0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[(least, most)] * middle.size,
        options={"maxiter": _MOST_ROUNDS, "ftol": _ENOUGH, "gtol": 0.0, "maxcor": 30},
    )
    done = np.arange(steps)
    rates = np.interp(done + 0.5, middle, found.x)
    rising_to: Floats = found.x[0] * done / max(warmup, 1)
    return np.where(done < warmup, rising_to, rates)


def _starts(share: Floats, least: float, most: float) -> list[Floats]:
    """Return rates to start from at shares of a run: cool-downs of several lengths and a cosine."""
    shapes = [np.minimum(1, (1 - share) / part) for part in _COOL_DOWNS]
    shapes.append((1 + np.cos(np.pi * share)) / 2)
    return [np.clip(most * shape, max(least, 1e-3 * most), most) for shape in shapes]

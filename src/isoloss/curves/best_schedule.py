"""The schedule of the lowest final loss under a law."""

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
_COOL_DOWNS = (0.1, 0.2, 0.5, 1.0)  # the shares of a run, where the search starts
_ENOUGH = 1e-10  # of the loss
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

    The rates of 400 blocks are free between two bounds; those of the warm-up rise linearly to the
    first of them. Rates of steps are linear between the middles of blocks. The loss appears to have
    no other local minimum, which is not proved; the search starts from the best of some cool-downs
    and a cosine.

    Parameters
    ----------
    parameters : LawParameters
        The parameters of the law.
    decay : float
        How weight decay shrinks the squared norm at the reference rate, in a thousand steps.
    steps, warmup : int
        The steps of the run, and those of its warm-up.
    least, most : float
        The bounds of the rates.
    before : (array, array)
        The lengths and rates of the blocks of a run that is continued.
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
    """Return rates to start from, at shares of a run: cool-downs of several lengths, a cosine."""
    shapes = [np.minimum(1, (1 - share) / part) for part in _COOL_DOWNS]
    shapes.append((1 + np.cos(np.pi * share)) / 2)
    return [np.clip(most * shape, max(least, 1e-3 * most), most) for shape in shapes]

"""Intervals of the difference of two schedules' test losses at one train loss."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from isoloss.curves.loss_curve import LossCurve
from isoloss.curves.matched_curve import AtLevel

__all__ = ["half_width", "one_until"]


def half_width(ours: Sequence[AtLevel], theirs: Sequence[AtLevel], confidence: float) -> float:
    """Return half the width of the interval of a difference between means over runs.

    If both sides have at least two runs, the interval is Student's t, over the differences of pairs
    if there are as many runs on both sides, and Welch's otherwise. If one side has a single run,
    the interval comes from the noise of the rows, and is NaN if that is not known.
    """
    from scipy.special import stdtrit

    tail = (1 - confidence) / 2
    if min(len(ours), len(theirs)) > 1:
        losses = [np.array([each.test_loss for each in runs]) for runs in (ours, theirs)]
        if len(ours) == len(theirs):
            losses = [losses[0] - losses[1]]
        squares = np.array([each.var(ddof=1) / each.size for each in losses])
        freedoms = np.array([each.size - 1.0 for each in losses])
    else:
        parts = [(each, len(runs)) for runs in (ours, theirs) for each in runs]
        squares = np.array([(each.error / number) ** 2 for each, number in parts])
        freedoms = np.array([each.freedom for each, _ in parts])
    together = float(squares.sum())
    if not together > 0:  # there is no noise, or it is not known
        return together
    freedom = together**2 / float((squares**2 / freedoms).sum())  # Welch and Satterthwaite
    return -float(stdtrit(freedom, tail)) * math.sqrt(together)


def one_until(run: LossCurve, other: LossCurve) -> float:
    """Return the last step up to which two runs have the same rows; 0 if the first rows differ."""
    rows = min(run.step.size, other.step.size)
    assert run.test_loss is not None
    assert other.test_loss is not None
    same = run.step[:rows] == other.step[:rows]
    for ours, theirs in ((run.loss, other.loss), (run.test_loss, other.test_loss)):
        one, two = ours[:rows], theirs[:rows]
        same &= (one == two) | (np.isnan(one) & np.isnan(two))
    length = rows if same.all() else int(same.argmin())
    return float(run.step[length - 1]) if length else 0.0

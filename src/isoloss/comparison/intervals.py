"""Confidence intervals of means: over overlapping splits, and over test rows.

All intervals of one call hold together: with the given confidence, each covers its true value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from isoloss._arrays import conversion

__all__ = ["CONFIDENCE", "Intervals", "bootstrap_intervals", "resampled_intervals"]

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95
_DRAWS = 1999  # so that (draws + 1) · 0.95 is a whole number
_AT_ONCE = 2**22  # drawn weights held in memory at once
_ROUNDING = 1e-12  # standard errors below this share of the mean are only rounding


@dataclass(frozen=True, eq=False)
class Intervals:
    """Estimates with intervals that all hold together.

    Attributes
    ----------
    estimate, low, high : array, shape (...)
        The estimates and the ends of their intervals.
    confidence : float
        The probability that every interval covers its true value.
    """

    estimate: Floats
    low: Floats
    high: Floats
    confidence: float

    def __repr__(self) -> str:
        return f"Intervals({self.estimate.size} together, confidence {self.confidence:g})"


def resampled_intervals(
    differences: npt.ArrayLike,
    test_per_train: float,
    *,
    confidence: float = CONFIDENCE,
    comparisons: int | None = None,
) -> Intervals:
    """Return intervals of means over random, overlapping splits of one data set.

    The variance of the mean of J differences, one for each split, is taken to be
    (1/J + n_test/n_train) s², where s² is their sample variance [1]_. The splits share rows, so
    their differences are correlated, and adding splits does not replace adding data. Quantiles come
    from Student's t with J - 1 degrees of freedom, with Bonferroni's correction for several means.

    Parameters
    ----------
    differences : array_like, shape (J, ...)
        The differences of each split.
    test_per_train : float
        The number of test rows divided by the number of train rows. For independent data sets, 0
        gives the usual t interval.
    confidence : float, default: 0.95
        The probability that every interval covers its true value.
    comparisons : int, optional
        The number of means that the intervals must cover together; by default those given here.

    Returns
    -------
    Intervals
        Intervals of shape (...), wide enough to hold together.

    Raises
    ------
    ValueError
        If there are fewer than two splits, a number is not finite, or a share is out of range.

    References
    ----------
    .. [1] C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine Learning 52,
       2003.

    Examples
    --------
    >>> from isoloss.comparison import resampled_intervals
    >>> found = resampled_intervals([0.1, 0.3, 0.2, 0.2], test_per_train=1.0)
    >>> print(found.estimate, found.low.round(4), found.high.round(4))
    0.2 -0.0905 0.4905
    """
    values = _finite("differences", differences)
    if not values.ndim or len(values) < 2:
        count = len(values) if values.ndim else 1
        raise ValueError(f"an interval needs the differences of at least 2 splits; got {count}")
    ratio = conversion.number("test_per_train", test_per_train)
    if not 0 <= ratio < math.inf:
        raise ValueError(f"test_per_train must be finite and at least 0; got {test_per_train!r}")
    tail = (1.0 - _checked(confidence)) / 2.0
    means = values[0].size
    looked_at = means if comparisons is None else conversion.count("comparisons", comparisons)
    if looked_at is None or looked_at < max(means, 1):
        raise ValueError(
            f"comparisons must be a whole number of at least {max(means, 1)}, as many as there are "
            f"means; got {comparisons!r}"
        )
    splits = len(values)
    quantile = -float(stdtrit(splits - 1, tail / looked_at))
    unit = np.abs(values).max(initial=0.0) or 1.0  # the squares of the largest numbers overflow
    values = values / unit
    mean, deviation = values.mean(axis=0), values.std(axis=0, ddof=1)
    width = quantile * math.sqrt(1.0 / splits + ratio) * deviation
    with np.errstate(over="ignore"):
        ends = unit * (mean - width), unit * (mean + width)
    return Intervals(unit * mean, *ends, confidence)


def bootstrap_intervals(
    losses: npt.ArrayLike,
    reference: npt.ArrayLike,
    *,
    confidence: float = CONFIDENCE,
    draws: int = _DRAWS,
    seed: int = 0,
) -> Intervals:
    """Return intervals of relative differences of mean losses over the same test rows.

    Each draw takes rows with replacement, keeps a row's losses under all K models and references
    together, and recomputes the K statistics t = (estimate - truth) / standard error. A quantile of
    the largest absolute t makes the K intervals hold together, whatever their correlations [1]_.

    Parameters
    ----------
    losses, reference : array_like, shape (n, K)
        The loss of each row, at least 0, under each of K models and under its reference.
    confidence : float, default: 0.95
        The probability that every interval covers its true value.
    draws : int, default: 1999
        How often the rows are drawn.
    seed : int, default: 0
        The seed of the draws.

    Returns
    -------
    Intervals
        Intervals of mean(losses) / mean(reference) - 1, shape (K,). A difference that is the same
        in all rows has an interval of width 0. With so few rows that many draws leave some
        statistic without variance, all other intervals are infinite.

    Raises
    ------
    ValueError
        If there are fewer than two rows, a loss is negative or not finite, shapes differ, or a
        reference has loss 0 in all rows.

    References
    ----------
    .. [1] J. P. Romano and M. Wolf, "Exact and approximate stepdown methods for multiple hypothesis
       testing", Journal of the American Statistical Association 100, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from isoloss.comparison import bootstrap_intervals
    >>> reference = np.random.default_rng(0).chisquare(1, size=(200, 2))
    >>> found = bootstrap_intervals(reference * [0.9, 1.0] + [0.0, 0.01], reference)
    >>> print(found.low.round(3), found.high.round(3))
    [-0.1  0.008] [-0.1  0.012]
    """
    ours, theirs = _finite("losses", losses), _finite("reference", reference)
    if ours.ndim != 2 or ours.shape != theirs.shape:
        raise ValueError(
            "losses and reference must have one shape (rows, models); got "
            f"{ours.shape} and {theirs.shape}"
        )
    if len(ours) < 2:
        raise ValueError(f"a bootstrap needs at least 2 test rows; got {len(ours)}")
    if (ours < 0).any() or (theirs < 0).any():
        raise ValueError("losses and reference must be at least 0, as squared errors are")
    share = _checked(confidence)
    rank = math.ceil((draws + 1) * share - 1e-9)
    if conversion.count("draws", draws) is None or not 0 < rank <= draws:
        least = math.ceil(share / (1.0 - share) - 1e-9)
        raise ValueError(
            f"draws must be a whole number of at least {least}, for confidence {share:g}; "
            f"got {draws!r}"
        )
    scale = theirs.max(axis=0)
    if not (scale > 0).all():
        raise ValueError("a relative difference needs a reference whose loss is above 0 in a row")
    theirs = theirs / scale  # first, since a mean of the largest numbers overflows
    mean = theirs.mean(axis=0)
    theirs, ours = theirs / mean, ours / scale / mean
    ratio = ours.mean(axis=0)
    influence = ours - ratio * theirs
    error = np.sqrt((influence**2).mean(axis=0) / len(ours))
    varies = error > _ROUNDING * np.maximum(ratio, 1.0)
    width = np.zeros_like(error)
    if varies.any():
        largest = _largest(influence[:, varies], theirs[:, varies], draws, seed)
        width[varies] = np.partition(largest, rank - 1)[rank - 1] * error[varies]
    return Intervals(ratio - 1.0, ratio - 1.0 - width, ratio - 1.0 + width, confidence)


def _largest(influence: Floats, theirs: Floats, draws: int, seed: int) -> Floats:
    """Return the largest absolute t statistic of each draw."""
    rng, rows = np.random.default_rng(seed), len(influence)
    products = np.hstack([influence, theirs, influence**2, influence * theirs, theirs**2])
    found = []
    at_once = max(1, min(draws, _AT_ONCE // rows))
    for first in range(0, draws, at_once):
        size = min(at_once, draws - first)
        drawn = rng.integers(rows, size=(size, rows)) + rows * np.arange(size)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=size * rows).reshape(size, rows) / rows
        sums = np.split(weights @ products, 5, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            # the ratio less its estimate; the variance of its own influence in this draw
            change = sums[0] / sums[1]
            variance = (sums[2] - change * (2.0 * sums[3] - change * sums[4])) / sums[1] ** 2
            t = np.abs(change) / np.sqrt(np.maximum(variance, 0.0) / rows)
        # 0/0: all drawn rows have loss 0, or the same ratio
        found.append(np.where(np.isnan(t), np.inf, t).max(axis=1))
    return np.concatenate(found)


def _finite(name: str, given: npt.ArrayLike) -> Floats:
    conversion.refuse_booleans(name, given)
    values = conversion.floats(name, given)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite; leave out what has diverged or is missing")
    return values


def _checked(confidence: float) -> float:
    share = conversion.number("confidence", confidence)
    if not 0 < share < 1:
        raise ValueError(f"confidence must be between 0 and 1, both excluded; got {confidence!r}")
    return share

"""Population spectra: the variances of the inputs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["power_law", "spiked", "two_level"]

Floats = npt.NDArray[np.float64]


def power_law(d: int, decay: float) -> Floats:
    """Return the variances i^-decay for i = 1..d.

    Parameters
    ----------
    d : int
        The number of directions.
    decay : float
        How fast the variances fall; 0 makes them equal.

    Returns
    -------
    array, shape (d,)
        The variances.

    Examples
    --------
    >>> power_law(3, 1.0)
    array([1.        , 0.5       , 0.33333333])
    """
    found: Floats = np.arange(1.0, _size(d) + 1) ** -float(decay)
    return found


def spiked(d: int, spikes: int, height: float) -> Floats:
    """Return ``spikes`` variances of ``height``, and 1 for the other directions.

    Parameters
    ----------
    d, spikes : int
        The number of all directions, and of the spikes.
    height : float
        The variance of the spikes.

    Returns
    -------
    array, shape (d,)
        The variances.

    Examples
    --------
    >>> spiked(4, 1, 10.0)
    array([10.,  1.,  1.,  1.])
    """
    return two_level(d, spikes, height, 1.0)


def two_level(d: int, high: int, upper: float, lower: float) -> Floats:
    """Return d variances: ``high`` of them are ``upper``, the others ``lower``.

    Parameters
    ----------
    d, high : int
        The number of all directions, and of those with variance ``upper``.
    upper, lower : float
        The two variances.

    Returns
    -------
    array, shape (d,)
        The variances.

    Examples
    --------
    >>> two_level(3, 2, 1.0, 0.1)
    array([1. , 1. , 0.1])
    """
    if not 0 <= high <= _size(d):
        raise ValueError(f"of d={d} directions, from 0 to {d} may be high; got {high}")
    if not (upper >= 0 and lower >= 0):
        raise ValueError(f"variances must not be negative; got {upper:g} and {lower:g}")
    found = np.full(d, float(lower))
    found[:high] = upper
    return found


def _size(d: int) -> int:
    if d < 1:
        raise ValueError(f"d must be at least 1; got {d}")
    return d

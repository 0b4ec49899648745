"""Samplers: make problems of random train sets from a random number generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from isoloss._arrays import conversion
from isoloss._arrays.columns import column_names, in_order, targets_in_order
from isoloss.problems.problem import Problem
from isoloss.problems.random.enumeration import draws, exact_probabilities

__all__ = ["Sampler", "directions", "enumerated", "gaussian", "resampled"]

Floats = npt.NDArray[np.float64]
Sampler = Callable[[np.random.Generator], Problem]
"""A function that makes a problem from random numbers."""


def directions(
    n: int = 3,
    probabilities: Sequence[Fraction | int | str] = ("1/2", "1/2"),
    target: Sequence[float] | float = 100.0,
) -> Sampler:
    """Sample train sets of the paper's example (section 2): unit vectors, no noise, start at 0.

    Parameters
    ----------
    n : int, default: 3
        The number of train rows.
    probabilities : sequence of numbers or fractions, default: one half twice
        The probability of each direction.
    target : float or sequence, default: 100
        The minimiser β*.

    Returns
    -------
    Sampler
        A function of a `numpy.random.Generator`.

    Examples
    --------
    >>> import numpy as np
    >>> directions()(np.random.default_rng(0)).curvature
    array([0.66666667, 0.33333333])
    """
    exact = exact_probabilities(n, probabilities)
    test = np.array([float(p) for p in exact])

    def sample(rng: np.random.Generator) -> Problem:
        return _of_counts(rng.multinomial(n, test / test.sum()), test, target)

    return sample


def enumerated(
    n: int = 3,
    probabilities: Sequence[Fraction | int | str] = ("1/2", "1/2"),
    target: Sequence[float] | float = 100.0,
) -> Iterator[tuple[Problem, Fraction]]:
    """Yield each train set of `directions` once, by its counts, with its exact probability.

    Parameters
    ----------
    n, probabilities, target
        As for `directions`.

    Yields
    ------
    Problem, Fraction
        The problem and its probability.

    Examples
    --------
    >>> [str(probability) for _, probability in enumerated()]
    ['1/8', '3/8', '3/8', '1/8']
    """
    exact = exact_probabilities(n, probabilities)
    test = np.array([float(p) for p in exact])
    for draw in draws(n, exact):
        yield _of_counts(np.array(draw.counts), test, target), draw.probability


def gaussian(
    n: int, spectrum: npt.ArrayLike, noise: float = 0.0, target: npt.ArrayLike | None = None
) -> Sampler:
    """Sample n train rows x ~ N(0, diag(spectrum)) with y = ⟨β*, x⟩ + N(0, noise).

    The test loss is the population's, including label noise.

    Parameters
    ----------
    n : int
        The number of train rows.
    spectrum : array_like, shape (d,)
        The variances of the inputs.
    noise : float, default: 0
        The variance of the label noise.
    target : array_like, shape (d,), optional
        The minimiser β*; by default drawn from N(0, I) for each train set.

    Returns
    -------
    Sampler
        A function of a `numpy.random.Generator`.

    Examples
    --------
    >>> import numpy as np
    >>> problem = gaussian(20, [1.0, 0.5], noise=0.1)(np.random.default_rng(0))
    >>> problem.curvature.shape
    (2,)
    """
    variances = conversion.floats("spectrum", spectrum)
    if n < 1:
        raise ValueError(f"n must be at least 1; got {n}")
    if variances.ndim != 1 or not variances.size or not (variances >= 0).all():
        raise ValueError(f"spectrum must be variances along one axis; got {spectrum!r}")
    if not noise >= 0:
        raise ValueError(f"noise must not be negative; got {noise!r}")
    d = len(variances)
    fixed = None if target is None else conversion.floats("target", target)
    if fixed is not None and fixed.shape != (d,):
        raise ValueError(f"target must have shape ({d},), as the spectrum has; got {fixed.shape}")
    # use d + 1 test rows, one for each direction and one for the noise, whose mean squared error is
    # the population's
    root = (d + 1) ** 0.5
    X_test = np.vstack([root * np.diag(np.sqrt(variances)), np.zeros(d)])

    def sample(rng: np.random.Generator) -> Problem:
        beta = rng.normal(size=d) if fixed is None else fixed
        X = rng.normal(size=(n, d)) * np.sqrt(variances)
        y = X @ beta + noise**0.5 * rng.normal(size=n)
        y_test = X_test @ beta
        y_test[-1] = root * noise**0.5
        return Problem.from_data(X, y, X_test, y_test)

    return sample


def resampled(
    X: Any, y: Any, X_test: Any, y_test: Any, n: int | None = None, *, replace: bool = True
) -> Sampler:
    """Sample train rows from a real data set; the test rows stay the same.

    Parameters
    ----------
    X, y, X_test, y_test
        As for `Problem.from_data`.
    n : int, optional
        How many rows to sample; by default as many as the data set has.
    replace : bool, default: True
        Whether to sample with replacement, as in the bootstrap.

    Returns
    -------
    Sampler
        A function of a `numpy.random.Generator`.

    Examples
    --------
    >>> import numpy as np
    >>> sampler = resampled([[1.0], [2.0], [3.0]], [1.0, 2.0, 2.0], [[1.0]], [1.0])
    >>> sampler(np.random.default_rng(0)).curvature.shape
    (1,)
    """
    X_test = in_order("X_test", X_test, "X", column_names(X))
    y_test = targets_in_order("y_test", y_test, "y", column_names(y))
    inputs, targets, X_test, y_test = (
        conversion.floats(name, value)
        for name, value in (("X", X), ("y", y), ("X_test", X_test), ("y_test", y_test))
    )
    count = len(inputs) if n is None else n
    if not count >= 1 or (not replace and count > len(inputs)):
        raise ValueError(
            f"n must be from 1 to the {len(inputs)} rows without replacement; got {count}"
        )

    def sample(rng: np.random.Generator) -> Problem:
        rows = rng.choice(len(inputs), size=count, replace=replace)
        return Problem.from_data(inputs[rows], targets[rows], X_test, y_test)

    return sample


def _of_counts(counts: Any, test: Floats, target: Any) -> Problem:
    start = -np.broadcast_to(conversion.floats("target", target), test.shape)
    return Problem.from_spectra(np.asarray(counts) / np.sum(counts), test, start)
